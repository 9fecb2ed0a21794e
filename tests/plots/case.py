"""What the tests of pictures share: the scripts, a folder of its own for each test, checks."""

import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True


def run(tool, *arguments, env=None):
    return subprocess.run([sys.executable, str(TOOLS / tool), *map(str, arguments)], env=env,
                          capture_output=True, text=True, check=False)


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.folder = pathlib.Path(self.scratch.name)

    def assert_pictures(self, folder, *names):
        """Exactly these, each as PNG and PDF, each with something in it."""
        found = sorted(p.name for p in folder.iterdir() if p.suffix in (".png", ".pdf"))
        self.assertEqual(found, sorted(f"{n}.{e}" for n in names for e in ("png", "pdf")))
        for name in names:
            png = (folder / f"{name}.png").read_bytes()
            self.assertTrue(png.startswith(b"\x89PNG\r\n"))
            self.assertGreater(min(struct.unpack(">II", png[16:24])), 200, name)
            self.assertGreater(len(png), 3000, name)
            self.assertTrue((folder / f"{name}.pdf").read_bytes().startswith(b"%PDF"))

    def assert_fails(self, result, status, *words):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        if status != 2:
            self.assertEqual(len(result.stderr.strip().split("\n")), 1, result.stderr)
