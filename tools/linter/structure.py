"""Rules about what may include what, and what belongs beside what."""
import re

from linter import cpp
from linter.tree import Finding, is_test, line_of


def levels_of(tree):
    text = tree.texts["cmake/stratos_module.cmake"]
    return re.search(r"set\(STRATOS_LEVELS\s+([^)]*)\)", text).group(1).split()


def own_includes(tree, path):
    """(line, path) of the files of src that a file includes."""
    code = tree.code(path)
    for at, quoted, name in cpp.includes(code):
        if quoted and f"src/{name}" in tree.texts:
            yield line_of(code, at), f"src/{name}"


def check_levels(tree):
    levels = levels_of(tree)
    for path in tree.cpp(under="src/"):
        own = path.split("/")[1]
        if own not in levels:
            yield Finding(path, 1, "levels", f"module {own} has no place in STRATOS_LEVELS of "
                          "cmake/stratos_module.cmake: add it where it belongs")
            continue
        for line, other in own_includes(tree, path):
            module = other.split("/")[1]
            if module in levels and levels.index(module) > levels.index(own):
                yield Finding(path, line, "levels", f"{own} may not include {module}, which stands "
                              "above it: move what both need down, or pass it in by an interface")


def check_include_form(tree):
    for path in tree.cpp(under="src/"):
        folder = path.rsplit("/", 1)[0]
        code = tree.code(path)
        for at, quoted, name in cpp.includes(code):
            if quoted and f"src/{name}" not in tree.texts and f"{folder}/{name}" in tree.texts:
                yield Finding(path, line_of(code, at), "include-form", "write the path from src: "
                              f'#include "{folder.removeprefix("src/")}/{name}"')
            elif not quoted and f"src/{name}" in tree.texts:
                yield Finding(path, line_of(code, at), "include-form",
                              f'own headers are quoted: #include "{name}"')


def _cycles(graph):
    """The strongly connected groups with more than one member (Tarjan, iterative)."""
    order, low, on_stack, stack, groups = {}, {}, set(), [], []
    for root in graph:
        if root in order:
            continue
        work = [(root, iter(sorted(graph[root])))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, edges = work[-1]
            for other in edges:
                if other not in order:
                    order[other] = low[other] = len(order)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(sorted(graph.get(other, ())))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    group = set()
                    while node not in group:
                        group.add(stack.pop())
                    on_stack -= group
                    if len(group) > 1:
                        groups.append(sorted(group))
    return groups


def check_cycles(tree):
    files, folders = {}, {}
    for path in tree.cpp(under="src/"):
        # x_inl.hpp is the second half of x.hpp, not a file of its own.
        edges = {other for _, other in own_includes(tree, path)}
        edges -= {path, path.replace("_inl.hpp", ".hpp")}
        files[path] = edges
        if is_test(path):
            continue
        folder = path.rsplit("/", 1)[0]
        targets = {other.rsplit("/", 1)[0] for other in edges} - {folder}
        folders.setdefault(folder, set()).update(targets)
    for graph, what in ((files, "files"), (folders, "folders")):
        for group in _cycles({k: v & graph.keys() for k, v in graph.items()}):
            yield Finding(group[0], 1, "cycle", f"these {what} include each other: "
                          f"{', '.join(group)}: move what they share into one below them")


def _primary_header(tree, path):
    own = path.removesuffix(".cpp") + ".hpp"
    if own in tree.texts:
        return own
    return next((other for _, other in own_includes(tree, path)), None)


def check_tested(tree):
    tests = [p for p in tree.cpp() if is_test(p)]
    included = {other for test in tests for _, other in own_includes(tree, test)}
    for path in tree.paths(".cpp", under="src/"):
        if is_test(path) or path.removesuffix(".cpp") + "_test.cpp" in tree.texts:
            continue
        if _primary_header(tree, path) not in included:
            name = path.rsplit("/", 1)[-1].removesuffix(".cpp")
            yield Finding(path, 1, "untested", f"no test includes its header: write {name}_test.cpp "
                          "beside it")


def check_readmes(tree):
    folders = {p.split("/")[1] for p in tree.cpp(under="src/")}
    for folder in sorted(folders):
        path = f"src/{folder}/README.md"
        if path not in tree.texts:
            yield Finding(path, 1, "readme", "every module has a README.md: purpose, surface, "
                          "invariants, where to look")
        elif (count := len(tree.texts[path].splitlines())) > 60:
            yield Finding(path, 61, "readme", f"{count} lines: keep it to 60, move the rest to docs/")


RULES = (check_levels, check_include_form, check_cycles, check_tested, check_readmes)
