"""What a run leaves behind for people and programs."""
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess


@dataclasses.dataclass(frozen=True)
class Result:
    name: str
    error: str | None
    seconds: float
    figures: dict  # name -> (value, unit)


def readable(value, unit):
    if unit == "bytes":
        return f"{value / (1 << 20):.0f} MiB"
    return f"{value:.3g} {unit}" if isinstance(value, float) else f"{value} {unit}"


def _output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30,
                              cwd=pathlib.Path(__file__).parent)
        return done.stdout.strip()
    except OSError:
        return ""


def _machine():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return (f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, "
            f"Linux {platform.release()}")


def write(path, results, options):
    """FILE.json for programs and, beside it, FILE.md for people."""
    path = pathlib.Path(path).with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {
        "commit": _output("git", "rev-parse", "HEAD"),
        "machine": _machine(),
        "time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "size": "full" if options.full else "reduced",
        "seed": options.seed,
        "passed": sum(not r.error for r in results),
        "failed": sum(bool(r.error) for r in results),
    }
    rows = [{"name": r.name, "result": "fail" if r.error else "pass",
             "seconds": round(r.seconds, 1),
             "figures": {k: {"value": v, "unit": u} for k, (v, u) in r.figures.items()},
             **({"error": r.error.splitlines()[0]} if r.error else {})} for r in results]
    path.with_suffix(".json").write_text(json.dumps({**head, "cases": rows}, indent=1) + "\n")
    lines = ["# End-to-end tests", ""] + [f"- {k}: {v}" for k, v in head.items()]
    lines += ["", "| case | result | seconds | figures |", "| --- | --- | --- | --- |"]
    for r in results:
        figures = "; ".join(f"{k} {readable(v, u)}" for k, (v, u) in r.figures.items())
        lines.append(f"| {r.name} | {'fail' if r.error else 'pass'} | {r.seconds:.1f} | {figures} |")
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
