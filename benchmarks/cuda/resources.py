"""Registers, shared memory and occupancy of the kernels in libjetcal_cuda.so, for cards nobody needs to have."""

import pathlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

CAPABILITIES = (80, 86, 89, 90, 100, 120)


@dataclass
class Resources:
    registers: int = 0
    shared: int = 0  # static
    spills: int = 0  # bytes of local memory, stored and loaded


def ptx_modules(library):
    """The PTX texts in a library that was built with uncompressed PTX (-no-compress)."""
    data = pathlib.Path(library).read_bytes()
    modules, at = [], data.find(b".version ")
    while at >= 0:
        end = data.index(b"\0", at)
        modules.append(data[at:end].decode())
        at = data.find(b".version ", end)
    return modules


def assemble(library, capability):
    """{symbol of a kernel: Resources}, as ptxas assembles the library's PTX for this capability; {} without ptxas."""
    ptxas, found = shutil.which("ptxas"), {}
    if ptxas is None:
        return found
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "module.ptx"
        for text in ptx_modules(library):
            source.write_text(text)
            command = [ptxas, f"-arch=sm_{capability}", "-v", str(source), "-o", "/dev/null"]
            said = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr
            found.update(parsed(said))
    return found


def parsed(said):
    found, current = {}, Resources()
    for line in said.splitlines():
        if kernel := re.search(r"Compiling entry function '(\w+)'", line):
            current = found[kernel.group(1)] = Resources()
        if spills := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            current.spills = int(spills.group(1)) + int(spills.group(2))
        if registers := re.search(r"Used (\d+) registers", line):
            current.registers = int(registers.group(1))
            shared = re.search(r"(\d+) bytes smem", line)
            current.shared = int(shared.group(1)) if shared else 0
    return found


def occupancy(build, capability, kernels):
    """Shares of a multiprocessor's warps in flight, of (threads a block, registers, bytes of shared memory)."""
    words = [str(word) for kernel in kernels for word in kernel]
    done = subprocess.run([str(build / "bin/cuda_occupancy"), str(capability), *words],
                          stdout=subprocess.PIPE, text=True, check=True)
    return [float(line) for line in done.stdout.split()]
