"""Calls and includes that have one place, and what to use everywhere else."""
import re
from dataclasses import dataclass

from linter import cpp
from linter.tree import Finding, is_test, line_of


@dataclass(frozen=True)
class Ban:
    """A pattern, the paths where it may stand all the same, and what to write instead."""
    pattern: str
    allowed: str
    instead: str
    tests_too: bool = True


# Where the machine itself is touched; everything else sees it through runtime.
_REAL = r"^src/(runtime|base/(?:time|log)\.)"
_SIM = r"|^(sim|bench|fuzz)/"

CALLS = (
    Ban(r"\bchrono::\w*_clock::now\b|\b\w*_clock::now\s*\(", _REAL + r"|^bench/",
        "runtime.now(), so that the simulator owns the clock"),
    Ban(r"(?<![\w.>:])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)|\b(?:gettimeofday|clock_gettime)\s*\(",
        _REAL + r"|^bench/", "runtime.now(), so that the simulator owns the clock"),
    Ban(r"(?<![\w.>:])(?:std::)?s?rand\s*\(|\brandom_device\b|\bmt19937(?:_64)?\b",
        r"^src/(base/random\.|runtime/|crypto/)", "runtime.random() or base/random.hpp, so that a "
        "seed repeats the run"),
    Ban(r"\bsleep_(?:for|until)\b|(?<![\w.>:])u?sleep\s*\(|\bnanosleep\s*\(", _REAL,
        "co_await runtime.sleep(...), or wait for the event itself"),
    Ban(r"\bstd::(?:jthread|thread(?!\s*::|_))\b|\bstd::async\b|\bpthread_create\b",
        r"^src/(runtime|cli)/" + _SIM,
        "runtime.spawn for coroutines, runtime.offload for blocking work", tests_too=False),
    Ban(r"\bdetached\b", r"^src/cli/", "a TaskGroup, which cancels and joins what it runs"),
    Ban(r"\b(?:std::)?(?:printf|puts|putchar)\s*\(|\bstd::print(?:ln)?\s*\(|\bstd::cout\b",
        r"^src/cli/" + _SIM, "base/log.hpp; only the command line writes to stdout"),
    Ban(r"\bstd::(?:cerr|clog)\b|\bfprintf\s*\(", r"^src/(cli/|base/(?:assert|log)\.)" + _SIM,
        "base/log.hpp"),
    Ban(r"\bthrow\b(?!\s*;|\s*std::bad_alloc)", r"^src/(?:runtime|cli)/", "Result<T>; for a bug STRATOS_ASSERT",
        tests_too=False),
    Ban(r"\babort\s*\(\s*\)|\bstd::exit\s*\(|(?<![\w.>:])_?exit\s*\(",
        r"^src/(?:cli/|base/assert\.|runtime/spawn\.)", "STRATOS_ASSERT for a bug, Result<T> for the rest",
        tests_too=False),
    Ban(r"\b(?:system|popen|tmpnam|mktemp|strcpy|strcat|sprintf|gets|atoi|strtok)\s*\((?<!\.)",
        r"^$", "a bounded, checked call (std::format, std::from_chars, io/file_system.hpp)",
        tests_too=False),
    Ban(r"\bRC_ASSERT\s*\((?!\s*\()[^;]*?(?:\|\||&&)", r"^$",
        "a second pair of parentheses: the macro evaluates both sides of || and &&"),
)

# Asio beyond the coroutine type, and Beast: only where the seam is made real.
_BACK_END = r"^src/runtime/(?!runtime\.hpp)|^src/net/\w+\.cpp|^src/cli/"
INCLUDES = (
    Ban(r"^boost/asio/(?!awaitable|any_io_executor|co_spawn|this_coro|use_awaitable|async_result"
        r"|associated_|cancellation_|experimental/(?:awaitable_operators|channel|concurrent_channel)"
        r"|post|dispatch|execution|error|redirect_error|append|deferred|bind_|as_tuple|detail/)",
        _BACK_END, "the interfaces of runtime/runtime.hpp (Net, Stream, Runtime::sleep)"),
    Ban(r"^boost/asio\.hpp$", r"^$", "the single Asio header that is needed"),
    Ban(r"^boost/beast", r"^src/net/\w+\.cpp", "net/http.hpp"),
    Ban(r"^(?:sys/socket|netinet/|arpa/|netdb)", r"^src/(?:runtime|net|cli)/\w+\.cpp|^bench/",
        "the Net and Stream of runtime/runtime.hpp"),
    Ban(r"^openssl/", r"^src/(?:crypto|net)/", "src/crypto"),
    Ban(r"^rocksdb/", r"^src/(?:kv|io)/|^bench/", "kv/store.hpp"),
    Ban(r"^(?:iostream|fstream)$", r"^src/cli/|^(?:sim|bench|fuzz|tests)/",
        "base/log.hpp for messages, io/file_system.hpp for files", tests_too=False),
)


def check_calls(tree):
    for path in tree.cpp():
        code = tree.code(path)
        for ban in CALLS:
            if re.search(ban.allowed, path) or (is_test(path) and not ban.tests_too):
                continue
            for match in re.finditer(ban.pattern, code):
                yield Finding(path, line_of(code, match.start()), "banned-call",
                              f"{match.group().strip()} has no place here: use {ban.instead}")


def check_includes(tree):
    for path in tree.cpp():
        code = tree.code(path)
        for at, _, name in cpp.includes(code):
            for ban in INCLUDES:
                if re.search(ban.pattern, name) and not re.search(ban.allowed, path) and \
                        (ban.tests_too or not is_test(path)):
                    yield Finding(path, line_of(code, at), "banned-include",
                                  f"{name} has no place here: use {ban.instead}")


def check_unordered(tree):
    """The verbs of the index must give every replica the same order."""
    for path in tree.cpp(under="src/meta/"):
        code = tree.code(path)
        if is_test(path):
            continue
        names = re.findall(r"\bunordered_(?:map|set)<[^;{}()]*>\s+(\w+)\s*[;{=]", code)
        for name in set(names):
            for match in re.finditer(rf"for\s*\([^;()]*:\s*(?:\w+(?:\.|->))*{name}\s*\)"
                                     rf"|\b{name}\.(?:c?begin)\s*\(", code):
                yield Finding(path, line_of(code, match.start()), "unordered",
                              f"iterates {name}, whose order differs between replicas: use "
                              "std::map or sort the keys first")


_AWAIT_MESSAGES = {
    "lambda": "co_await in one statement with a capturing lambda: name the lambda first",
    "braces": "co_await in one statement with braces: name the value first, then await",
    "coroutine": "a lambda that captures is itself a coroutine: its captures die first; make it a "
                 "function with parameters by value",
}


def check_awaits(tree):
    for path in tree.cpp():
        code = tree.code(path)
        seen = set()
        for at, what in cpp.coroutine_misuse(code):
            line = line_of(code, at)
            if (line, what) not in seen:
                seen.add((line, what))
                yield Finding(path, line, "await", _AWAIT_MESSAGES[what])


RULES = (check_calls, check_includes, check_unordered, check_awaits)
