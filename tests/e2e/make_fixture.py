#!/usr/bin/env python3
"""Stores a mesh of this release, for later releases to open: case upgrade.fixtures.

usage: tests/e2e/make_fixture.py --binary FILE OUT.tar.gz

Once a release, by its own program. The mesh is killed, so that its log has a tail.
"""
import argparse
import os
import sys

from harness import VENV

if sys.prefix != str(VENV):
    os.execv(VENV / "bin/python3", [str(VENV / "bin/python3"), *sys.argv])

import json  # noqa: E402
import pathlib  # noqa: E402
import tarfile  # noqa: E402
import tempfile  # noqa: E402

sys.dont_write_bytecode = True
from cases.upgrade import MANIFEST, fill, verify  # noqa: E402
from harness import Mesh, clean_environment  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mesh = Mesh(options.binary.resolve(), folder / "mesh", ["--nodes", "6"],
                    clean_environment(folder), folder / "log")
        try:
            mesh.start()
            rows = fill(mesh.s3())
            mesh.restart()
            verify(mesh.s3(), rows, "before it is packed")
            release = mesh.stratos("--version").stdout.decode().strip()
        finally:
            mesh.kill()
        (folder / MANIFEST).write_text(json.dumps({"release": release, "objects": rows}, indent=1))
        with tarfile.open(options.out, "w:gz", compresslevel=9) as packed:
            for part in (MANIFEST, "mesh"):
                packed.add(folder / part, arcname=part)
    print(f"{options.out}: {options.out.stat().st_size} bytes, {len(rows)} objects")


if __name__ == "__main__":
    main()
