#!/usr/bin/env python3
"""Runs the program as real processes and real S3 clients against it.

usage: tests/e2e/run.py [--binary FILE] [--full] [--only NAME[,NAME]] [--list] [--report FILE]

A name selects every case that it begins, so `--only boto3` runs all of boto3's. A client that is
missing is a failure: `tools/setup --e2e` installs them all. Ends with 'N passed, N failed'.
"""
import argparse
import os
import sys

from harness import VENV

if (VENV / "bin/python3").exists() and sys.prefix != str(VENV):
    os.execv(VENV / "bin/python3", [str(VENV / "bin/python3"), *sys.argv])

import pathlib  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import signal  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402

sys.dont_write_bytecode = True
import cases  # noqa: E402, F401  (fills the table)
import report  # noqa: E402
from harness import CaseFailed, Mesh, clean_environment, find_clients  # noqa: E402
from registry import CASES, Context  # noqa: E402


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.clients = find_clients()
        self.results = []
        self._shared = None

    def shared_mesh(self):
        if self._shared is None or self._shared.process.poll() is not None:
            home = pathlib.Path(self.folder, "shared-home")
            home.mkdir(exist_ok=True)
            mesh = Mesh(self.options.binary, pathlib.Path(self.folder, "shared"),
                        ["--accounts", "2"], clean_environment(home),
                        pathlib.Path(self.folder, "shared.log"))
            self._shared = mesh
            mesh.start()
        return self._shared

    def close(self):
        if self._shared:
            self._shared.kill()

    def run(self, case):
        missing = [n for n in case.needs if not self.clients.get(n)]
        started = time.monotonic()
        context, error = None, None
        try:
            if missing:
                raise CaseFailed(f"missing: {', '.join(missing)}; run tools/setup --e2e")
            context = Context(self, case.name)
            case.body(context)
        except CaseFailed as failure:
            error = f"{failure}\n{_place(failure)}"
        except Exception:  # A case may fail in any way; the run goes on.
            error = traceback.format_exc()
        finally:
            if context:
                context.end()
        seconds = time.monotonic() - started
        figures = context.figures if context else {}
        self.results.append(report.Result(case.name, error, seconds, figures))
        self._print(self.results[-1], context)
        if context and not error:
            shutil.rmtree(context.folder, ignore_errors=True)

    def _print(self, result, context):
        figures = "".join(f"  {k} {report.readable(v, u)}" for k, (v, u) in result.figures.items())
        print(f"{'FAIL' if result.error else 'ok  '} {result.name} ({result.seconds:.1f} s){figures}",
              flush=True)
        if result.error:
            print("     " + result.error.rstrip().replace("\n", "\n     "))
            logs = context.logs() if context else []
            for log in [p for p in (logs or [pathlib.Path(self.folder, "shared.log")]) if p.exists()]:
                tail = [t[:200] for t in log.read_text(errors="replace").splitlines()[-10:]]
                print(f"     -- {log}", *tail, sep="\n     ", flush=True)


def _place(error):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/cases/" in f.filename]
    return f"at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def parse(arguments):
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=root / "build/release/bin/stratos", type=pathlib.Path)
    parser.add_argument("--full", action="store_true", help="every case at full size")
    parser.add_argument("--only", default="", help="names, or beginnings of names, with commas")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--report", type=pathlib.Path, help="writes FILE.json and FILE.md")
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**9)),
                        help="of every random choice; printed at the start")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the run")
    return parser.parse_args(arguments)


def select(options):
    prefixes = tuple(filter(None, options.only.split(",")))
    return [c for c in CASES if (options.full or not c.full_only or c.name in prefixes)
            and (not prefixes or c.name.startswith(prefixes))]


def main(arguments):
    options = parse(arguments)
    chosen = select(options)
    if options.list:
        print("\n".join(c.name for c in chosen))
        return 0
    options.binary = options.binary.resolve()
    if not options.binary.is_file():
        print(f"no program at {options.binary}: run make build", file=sys.stderr)
        return 2
    if not chosen:
        print(f"no case begins with {options.only}", file=sys.stderr)
        return 2
    print(f"seed {options.seed}, {len(chosen)} cases", flush=True)
    folder = tempfile.mkdtemp(prefix="stratos-e2e-")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runner = Runner(options, folder)
    try:
        for case in chosen:
            runner.run(case)
    finally:
        runner.close()
        failed = sum(bool(r.error) for r in runner.results)
        if not failed and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        elif runner.results:
            print(f"kept: {folder}")
        if options.report:
            report.write(options.report, runner.results, options)
        print(f"{len(runner.results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
