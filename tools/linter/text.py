"""Rules about lengths, words and links."""
import posixpath
import re

from linter import cpp
from linter.tree import Finding, is_test, line_of

LINE_COLUMNS = 100
FUNCTION_LINES = 70
HEADER_LINES = 400
SOURCE_LINES = 800

# Written so that this file does not match itself.
_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
_PLACES = re.compile(r"(?<![\w.])/(?:wo" r"rk|ro" r"ot|ho" r"me)/\w")
_TEMPORARY = re.compile(r"(?<![\w.])/tm" r"p/")
_HOSTS = re.compile(r"registry\.npm" r"js\.org|py" r"pi\.org|python" r"hosted\.org"
                    r"|(?:index|static)\.crates\.io|(?:proxy|sum)\.golang\.org|deb\.debian\.org")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def check_lengths(tree):
    for path in tree.cpp():
        text = tree.texts[path]
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS:
                yield Finding(path, number, "length", f"{len(line)} columns: wrap at {LINE_COLUMNS}")
        limit = HEADER_LINES if path.endswith(".hpp") else SOURCE_LINES
        if len(lines) > limit:
            yield Finding(path, limit + 1, "length",
                          f"{len(lines)} lines: split it into files of one subject, <= {limit}")
        code = tree.code(path)
        for start, end in cpp.functions(code):
            first = line_of(code, start)
            count = line_of(code, end) - first + 1
            if count > FUNCTION_LINES:
                yield Finding(path, first, "length", f"a function of {count} lines: take its steps "
                              f"out into functions of their own, <= {FUNCTION_LINES}")


def check_pragma(tree):
    for path in tree.paths(".hpp"):
        if not re.search(r"^#pragma once$", tree.texts[path], re.M):
            yield Finding(path, 1, "pragma", "a header begins with #pragma once")


def check_words(tree):
    for path, text in tree.texts.items():
        for pattern, rule, message in (
                (_UNFINISHED, "unfinished", "finish it or take it out"),
                (_PLACES, "place", "a path of one machine: make it relative or a setting"),
                (_HOSTS, "place", "a registry's host: leave it to the user's configuration")):
            for match in pattern.finditer(text):
                yield Finding(path, line_of(text, match.start()), rule,
                              f"{match.group()}: {message}")
        if path.startswith(("tests/", "tools/")) or is_test(path):
            continue
        for match in _TEMPORARY.finditer(text):
            yield Finding(path, line_of(text, match.start()), "place",
                          f"{match.group()}: take the folder from the caller or from TMPDIR")


def _anchors(text):
    """The anchors of a page's headings, made as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", text, re.M):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.strip().replace(" ", "-"))
    return found


def check_links(tree):
    for path in tree.paths(".md"):
        text = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group()), tree.texts[path],
                      flags=re.S)
        text = re.sub(r"`[^`\n]*`", lambda m: " " * len(m.group()), text)
        for match in _LINK.finditer(text):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            full = posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path
            line = line_of(text, match.start())
            if full not in tree.texts and not tree.has_folder(full):
                yield Finding(path, line, "dead-link", f"{target} leads nowhere: mend or remove it")
            elif anchor and full in tree.texts and anchor not in _anchors(tree.texts[full]):
                yield Finding(path, line, "dead-link", f"{full} has no heading #{anchor}")


RULES = (check_lengths, check_pragma, check_words, check_links)
