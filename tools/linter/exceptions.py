"""The list of findings that are accepted, each with its reason: tools/lint_exceptions.txt."""
from linter.tree import Finding

PATH = "tools/lint_exceptions.txt"


def parse(text):
    """((rule, path) -> line number, findings about the list itself)."""
    entries, findings = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3:
            findings.append(Finding(PATH, number, "exception",
                                    "write: rule path reason, for example: untested src/a/b.cpp "
                                    "covered by the simulator"))
        else:
            entries[(words[0], words[1])] = number
    return entries, findings


def apply(findings, text):
    """Takes the accepted findings out and adds one for every entry that is no longer needed."""
    entries, remaining = parse(text)
    used = set()
    for finding in findings:
        key = (finding.rule, finding.path)
        if key in entries:
            used.add(key)
        else:
            remaining.append(finding)
    for key in entries.keys() - used:
        remaining.append(Finding(PATH, entries[key], "exception",
                                 f"{key[0]} {key[1]} is no longer needed: remove the line"))
    return sorted(remaining)
