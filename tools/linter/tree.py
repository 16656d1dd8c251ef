"""The files under check, and what a rule says about them."""
import functools
import pathlib
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


class Tree:
    """Texts by path, relative to the root. Rules see nothing else, so tests need no files."""

    def __init__(self, texts):
        self.texts = dict(sorted(texts.items()))

    @classmethod
    def of_checkout(cls, root):
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root, check=True, capture_output=True).stdout.decode()
        texts = {}
        for path in filter(None, listing.split("\0")):
            try:
                texts[path] = pathlib.Path(root, path).read_text(encoding="utf-8")
            except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
                continue  # Deleted but not committed, or no text.
        return cls(texts)

    def paths(self, *suffixes, under=""):
        return [p for p in self.texts if p.endswith(suffixes) and p.startswith(under)]

    def cpp(self, under=""):
        return self.paths(".cpp", ".hpp", under=under)

    @functools.cache
    def code(self, path):
        """The text with comments and the insides of literals blanked, line by line as before."""
        from linter.cpp import blank
        return blank(self.texts[path])

    def has_folder(self, folder):
        return any(p.startswith(folder + "/") for p in self.texts)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def is_test(path):
    """Test code and its helpers, wherever they stand."""
    name = path.rsplit("/", 1)[-1]
    return (name.endswith("_test.cpp") or name.startswith("test_") or "_test_" in name
            or path.startswith(("tests/", "sim/", "fuzz/", "bench/")) or "/testing/" in path)
