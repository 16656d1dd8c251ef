"""A small reader of C++: enough to find functions, statements and includes, no more."""
import re
from dataclasses import dataclass, field

_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]{0,16})\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
_TOKEN = re.compile(r"[A-Za-z_]\w*|::|->|[^\s\w]|\d[\w.']*")
_BLOCK_WORDS = {"else", "do", "try", "const", "noexcept", "override", "final", "mutable", "requires"}
_BLOCK_MARKS = {")", "{", "}", ";", ":", None}
_SCOPE_WORDS = {"namespace", "class", "struct", "union", "enum", "extern", "concept"}


def blank(text):
    """Blanks comments and the insides of literals; lengths and line breaks stay."""
    def hide(match):
        found = match.group()
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        mark = found[-1]
        return mark + re.sub(r"[^\n]", " ", found[1:-1]) + mark
    blanked = _LITERAL.sub(hide, text)
    # The names of quoted includes are literals too: bring them back.
    for match in _INCLUDE.finditer(text):
        if blanked[match.start():match.start(2) - 1] == text[match.start():match.start(2) - 1]:
            blanked = blanked[:match.start()] + match.group() + blanked[match.end():]
    return blanked


def includes(code):
    """(position, quoted, name) of every include."""
    return [(m.start(1), m.group(1) == '"', m.group(2)) for m in _INCLUDE.finditer(code)]


def _without_directives(code):
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*",
                  lambda m: re.sub(r"[^\n]", " ", m.group()), code, flags=re.M)


def _kind_of_brace(words):
    """What a brace opens at namespace or class level, told from the words before it."""
    ends_like_function = re.search(r"\)[\w\s:>&*,<-]*$", words)
    if re.search(r"\b(namespace|class|struct|union|enum|extern)\b", words) and \
            not ends_like_function:
        return "scope"
    outside_parentheses = words
    while True:
        shorter = re.sub(r"\([^()]*\)", "", outside_parentheses)
        if shorter == outside_parentheses:
            break
        outside_parentheses = shorter
    is_value = re.search(r"(?<!operator)(?<![=<>!])=(?!=)", outside_parentheses)
    return "function" if "(" in words and not is_value else "value"


def functions(code):
    """(start, end) of every function defined at namespace or class level."""
    code = _without_directives(code)
    found, stack, head = [], [], 0
    for match in re.finditer(r"[{};]", code):
        at, mark = match.start(), match.group()
        inside = bool(stack) and stack[-1][0] != "scope"
        if mark == "{":
            kind = "inner" if inside else _kind_of_brace(code[head:at])
            stack.append((kind, head))
            if kind == "scope":
                head = at + 1
        elif mark == "}" and stack:
            kind, start = stack.pop()
            following = code[at + 1:at + 200].lstrip()[:1]
            if kind == "scope":
                head = at + 1
            elif kind == "function" and following in {",", "{"}:
                head = start  # It was a member's initialiser; the body follows.
            elif kind == "function":
                lead = len(code[start:at]) - len(code[start:at].lstrip())
                found.append((start + lead, at))
                head = at + 1
        elif mark == ";" and not inside:
            head = at + 1
    return found


@dataclass
class Statement:
    """What one statement holds, apart from the bodies of lambdas in it."""
    await_at: int | None = None
    has_braces: bool = False
    captures: bool = False
    tokens: list = field(default_factory=list)


@dataclass
class _Frame:
    capturing_lambda: bool  # The innermost function around this block is a lambda that captures.
    statement: Statement = field(default_factory=Statement)
    depth: int = 0
    lambda_open: bool = False
    lambda_captures: bool = False


def coroutine_misuse(code):
    """(position, what) of awaits that share a statement with braces or a capturing lambda, and of
    coroutines that are lambdas with captures."""
    code = _without_directives(code)
    found, frames, marks = [], [_Frame(False)], []

    def close_statement(frame):
        s = frame.statement
        if s.await_at is not None and s.captures:
            found.append((s.await_at, "lambda"))
        elif s.await_at is not None and s.has_braces:
            found.append((s.await_at, "braces"))
        frame.statement = Statement()
        frame.depth = 0

    tokens = [(m.start(), m.group()) for m in _TOKEN.finditer(code)]
    for index, (at, token) in enumerate(tokens):
        frame = frames[-1]
        previous = tokens[index - 1][1] if index else None
        if token in {"co_await", "co_return", "co_yield"}:
            if frame.capturing_lambda:
                found.append((at, "coroutine"))
            if token == "co_await":
                frame.statement.await_at = at
        elif token == "[" and _opens_lambda(tokens, index):
            frame.lambda_open = True
            frame.lambda_captures = tokens[index + 1][1] != "]"
            frame.statement.captures |= frame.lambda_captures
        elif token in {"(", ")"}:
            frame.depth += 1 if token == "(" else -1
        elif token == ";":
            if frame.depth <= 0:
                close_statement(frame)
        elif token == "{":
            in_value = bool(marks) and marks[-1] == "init"
            marks.append(_open_brace(frame, frames, previous, in_value, close_statement))
        elif token == "}" and marks:
            if marks.pop() != "init":
                close_statement(frames.pop())
        frames[-1].statement.tokens.append(token)
    return found


def _opens_lambda(tokens, index):
    """Whether the bracket at this token introduces a lambda: no subscript, attribute or binding."""
    previous = tokens[index - 1][1] if index else ";"
    following = tokens[index + 1][1] if index + 1 < len(tokens) else "]"
    if following == "[" or previous == "[":
        return False
    if previous == "&":
        back = index - 1
        while back and tokens[back][1] == "&":
            back -= 1
        return tokens[back][1] != "auto"
    is_subscript = re.fullmatch(r"[\w\])\"']+", previous)
    return not is_subscript or previous in {"return", "co_return", "co_await"}


def _open_brace(frame, frames, previous, in_value, close_statement):
    tokens = frame.statement.tokens
    after_arrow = "->" in tokens and ")" not in tokens[len(tokens) - tokens[::-1].index("->"):]
    if frame.lambda_open and (previous in {")", "]"} or previous in _BLOCK_WORDS or after_arrow):
        frame.lambda_open = False
        frames.append(_Frame(frame.lambda_captures))
        return "lambda"
    is_block = not in_value and (
        previous in _BLOCK_MARKS or previous in _BLOCK_WORDS or after_arrow
        or any(t in _SCOPE_WORDS for t in tokens[:4]))
    if not is_block or (previous == ":" and "?" in tokens):
        frame.statement.has_braces = True
        return "init"
    inherited = frame.capturing_lambda
    close_statement(frame)
    frames.append(_Frame(inherited))
    return "block"
