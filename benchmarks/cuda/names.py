"""Names of kernels as people read them."""

import re


def short(launch):
    """The file of a kernel and its name: `dense: product_kernel<AddTo>`."""
    name = re.sub(r"\w+::", "", launch.kernel.split("(")[0].removeprefix("void "))
    # nvcc puts the file's name into that of an unnamed namespace, after its length
    found = re.search(r"_GLOBAL__N__[0-9a-f]+_(\d+)_(\w+)", launch.symbol)
    if not found:
        return name
    file = found.group(2)[: int(found.group(1))]
    return f"{file.removesuffix('_cu')}: {name}"
