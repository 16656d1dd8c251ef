#!/usr/bin/env python3
"""Tests of tools/lint: every rule finds what it should and leaves the rest alone."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from linter import calls, cpp, exceptions, structure, text  # noqa: E402
from linter.tree import Finding, Tree  # noqa: E402

LEVELS = {"cmake/stratos_module.cmake": "set(STRATOS_LEVELS\n  base net meta cli)\n"}


def found(rule, texts):
    return [(f.path, f.line, f.rule) for f in rule(Tree({**LEVELS, **texts}))]


def awaits(code):
    return [what for _, what in cpp.coroutine_misuse(cpp.blank(code))]


def lengths_of_functions(code):
    code = cpp.blank(code)
    return [code.count("\n", start, end) + 1 for start, end in cpp.functions(code)]


class Reader(unittest.TestCase):
    def test_blanks_comments_and_literals_but_keeps_lines(self):
        code = cpp.blank('int a; // time(\n/* rand(\n) */ auto s = "sleep_for(";\nint b = 1\'000;')
        self.assertEqual(code.count("\n"), 3)
        for word in ("time", "rand", "sleep"):
            self.assertNotIn(word, code)
        self.assertIn("1'000", code)

    def test_blanks_raw_strings_with_quotes_inside(self):
        self.assertNotIn("rand", cpp.blank('auto s = R"x(a " rand() )" )x"; int after;'))

    def test_keeps_the_names_of_includes_but_not_of_commented_ones(self):
        code = cpp.blank('#include "a/b.hpp"\n// #include "c.hpp"\n#include <d>\n')
        self.assertEqual([name for _, _, name in cpp.includes(code)], ["a/b.hpp", "d"])

    def test_measures_functions_methods_and_templates(self):
        code = ("namespace n {\nclass A {\n int f() const {\n  return 1;\n }\n int g();\n};\n"
                "template <class T>\nvoid h(T t)\n{\n  if (t) {\n  }\n}\n}\n")
        self.assertEqual(lengths_of_functions(code), [3, 6])

    def test_measures_a_constructor_with_braced_members(self):
        code = "A::A(int a)\n    : a_{a},\n      b_{2} {\n  f();\n}\nvoid g() {\n}\n"
        self.assertEqual(lengths_of_functions(code), [5, 2])

    def test_a_table_is_no_function(self):
        code = "const std::map<int, int> kTable = make({\n{1, f(2)},\n{3, 4},\n});\nvoid g() {\n}\n"
        self.assertEqual(lengths_of_functions(code), [2])


class Awaits(unittest.TestCase):
    def test_plain_awaits_pass(self):
        self.assertEqual(awaits("Task<void> f() { co_await g(1); if (co_await h()) { x(); }\n"
                                "for (auto& [a, b] : co_await i()) { y(); } }"), [])

    def test_braces_in_the_statement_are_found(self):
        self.assertEqual(awaits("Task<void> f() { co_await g(A{1}); }"), ["braces"])
        self.assertEqual(awaits("Task<void> f() { auto x = co_await g({}, 2); }"), ["braces"])
        self.assertEqual(awaits("Task<void> f() { A a{co_await g()}; }"), ["braces"])

    def test_a_capturing_lambda_in_the_statement_is_found(self):
        self.assertEqual(awaits("Task<void> f() { co_await g([x] { return x; }); }"), ["lambda"])
        self.assertEqual(awaits("Task<void> f() { co_await g([&](int a) { return a; }); }"),
                         ["lambda"])

    def test_a_lambda_without_captures_passes(self):
        self.assertEqual(awaits("Task<void> f() { co_await g([] { return 1; }); }"), [])

    def test_a_capturing_lambda_that_is_a_coroutine_is_found(self):
        self.assertEqual(awaits("void f() { auto g = [x]() -> Task<void> { co_await h(x); }; }"),
                         ["coroutine"])
        self.assertEqual(awaits("void f() { run([&] -> Task<void> { if (a) { co_return; } }); }"),
                         ["coroutine"])

    def test_a_named_lambda_before_the_await_passes(self):
        self.assertEqual(awaits("Task<void> f() { auto g = [x] { return x; }; co_await h(g); }"), [])

    def test_bindings_subscripts_and_attributes_are_no_lambdas(self):
        self.assertEqual(awaits("Task<void> f() { [[maybe_unused]] auto& [a, b] = co_await g(v[1]); }"),
                         [])

    def test_braces_of_the_previous_statement_do_not_count(self):
        self.assertEqual(awaits("Task<void> f() { A a{1}; co_await g(a); B b = {2}; }"), [])


class Structure(unittest.TestCase):
    def test_including_a_higher_module_is_found(self):
        texts = {"src/base/a.hpp": '#pragma once\n#include "net/b.hpp"\n', "src/net/b.hpp": ""}
        self.assertEqual(found(structure.check_levels, texts), [("src/base/a.hpp", 2, "levels")])

    def test_including_a_lower_module_passes(self):
        texts = {"src/net/b.hpp": '#include "base/a.hpp"\n', "src/base/a.hpp": ""}
        self.assertEqual(found(structure.check_levels, texts), [])

    def test_a_module_without_a_level_is_found(self):
        self.assertEqual(found(structure.check_levels, {"src/odd/a.hpp": ""}),
                         [("src/odd/a.hpp", 1, "levels")])

    def test_cycles_between_files_and_folders_are_found(self):
        texts = {"src/meta/a.hpp": '#include "meta/x/b.hpp"\n',
                 "src/meta/x/b.hpp": '#include "meta/c.hpp"\n', "src/meta/c.hpp": "",
                 "src/net/d.hpp": '#include "net/e.hpp"\n', "src/net/e.hpp": '#include "net/d.hpp"\n'}
        messages = [f.message for f in structure.check_cycles(Tree({**LEVELS, **texts}))]
        self.assertEqual(len(messages), 2)
        self.assertIn("src/net/d.hpp, src/net/e.hpp", messages[0])
        self.assertIn("src/meta, src/meta/x", messages[1])

    def test_the_inline_half_of_a_header_is_no_cycle(self):
        texts = {"src/net/d.hpp": '#include "net/d_inl.hpp"\n',
                 "src/net/d_inl.hpp": '#include "net/d.hpp"\n'}
        self.assertEqual(found(structure.check_cycles, texts), [])

    def test_a_source_without_test_is_found(self):
        texts = {"src/net/a.cpp": '#include "net/a.hpp"\n', "src/net/a.hpp": ""}
        self.assertEqual(found(structure.check_tested, texts), [("src/net/a.cpp", 1, "untested")])
        self.assertEqual(found(structure.check_tested, {**texts, "src/net/a_test.cpp": ""}), [])
        self.assertEqual(found(structure.check_tested, {
            **texts, "src/net/b_test.cpp": '#include "net/a.hpp"\n'}), [])

    def test_a_source_that_implements_another_header_counts_by_it(self):
        texts = {"src/net/a_more.cpp": '#include "net/a.hpp"\n', "src/net/a.hpp": "",
                 "src/net/a_test.cpp": '#include "net/a.hpp"\n'}
        self.assertEqual(found(structure.check_tested, texts), [])

    def test_includes_are_written_from_src(self):
        texts = {"src/net/a.cpp": '#include "a.hpp"\n#include <net/a.hpp>\n', "src/net/a.hpp": ""}
        self.assertEqual([line for _, line, _ in found(structure.check_include_form, texts)], [1, 2])

    def test_a_missing_or_long_readme_is_found(self):
        self.assertEqual(len(found(structure.check_readmes, {"src/net/a.cpp": ""})), 1)
        self.assertEqual(len(found(structure.check_readmes, {
            "src/net/a.cpp": "", "src/net/README.md": "x\n" * 61})), 1)
        self.assertEqual(found(structure.check_readmes, {
            "src/net/a.cpp": "", "src/net/README.md": "x\n"}), [])


class Calls(unittest.TestCase):
    BANNED = ("auto t = std::chrono::steady_clock::now();", "auto t = time(nullptr);",
              "int r = rand();", "std::random_device d;", "std::this_thread::sleep_for(1s);",
              "usleep(1);", "std::thread t(f);", "auto f = std::async(g);",
              "co_spawn(e, f(), detached);", 'printf("x");', "std::cout << 1;", "throw Oops();",
              "std::abort();", "int n = atoi(s);")
    FINE = ("auto t = runtime.now();", "log.time(x);", "auto x = random.next();",
            "co_await runtime.sleep(1s);", "std::thread::id owner;", "std::this_thread::get_id();",
            "throw;", "// rand()", 'auto s = "rand()";', "runtime.spawn(f);", "operand(1);",
            "timer.printf_style = 1;", "std::optional<int> r = x.time();")

    def test_banned_calls_are_found(self):
        for line in self.BANNED:
            self.assertEqual(len(found(calls.check_calls, {"src/meta/a.cpp": line})), 1, line)

    def test_what_only_looks_alike_passes(self):
        for line in self.FINE:
            self.assertEqual(found(calls.check_calls, {"src/meta/a.cpp": line}), [], line)

    def test_the_real_back_end_and_the_command_line_may(self):
        self.assertEqual(found(calls.check_calls, {"src/runtime/real.cpp": "std::thread t(f);"}), [])
        self.assertEqual(found(calls.check_calls, {"src/cli/main.cpp": 'printf("x");'}), [])

    def test_tests_may_start_threads_but_not_sleep(self):
        path = "src/net/a_test.cpp"
        self.assertEqual(found(calls.check_calls, {path: "std::thread t(f);"}), [])
        self.assertEqual(len(found(calls.check_calls, {path: "std::this_thread::sleep_for(1s);"})), 1)

    def test_a_rapidcheck_condition_with_two_sides_needs_parentheses(self):
        path = "src/base/a_test.cpp"
        code = "RC_ASSERT(a && *a);\nRC_ASSERT((a && *a));\nRC_ASSERT(a);\n"
        self.assertEqual(found(calls.check_calls, {path: code}), [(path, 1, "banned-call")])

    def test_asio_stays_in_the_back_end(self):
        include = "#include <boost/asio/ip/tcp.hpp>\n"
        self.assertEqual(len(found(calls.check_includes, {"src/net/a.hpp": include})), 1)
        self.assertEqual(len(found(calls.check_includes, {"src/meta/a.cpp": include})), 1)
        self.assertEqual(found(calls.check_includes, {"src/net/a.cpp": include}), [])
        self.assertEqual(found(calls.check_includes, {
            "src/meta/a.hpp": "#include <boost/asio/awaitable.hpp>\n"}), [])

    def test_iterating_an_unordered_map_in_the_index_is_found(self):
        code = ("std::unordered_map<int, std::string> rows_;\n"
                "void f() { for (const auto& [k, v] : rows_) use(k); }\n")
        self.assertEqual(found(calls.check_unordered, {"src/meta/a.cpp": code}),
                         [("src/meta/a.cpp", 2, "unordered")])
        self.assertEqual(found(calls.check_unordered, {"src/net/a.cpp": code}), [])
        self.assertEqual(found(calls.check_unordered, {
            "src/meta/a.cpp": code.replace("unordered_map", "map")}), [])


class Text(unittest.TestCase):
    def test_long_lines_functions_and_files_are_found(self):
        body = "void f() {\n" + "  g();\n" * 69 + "}\n"
        self.assertEqual(found(text.check_lengths, {"src/net/a.cpp": "x" * 101 + "\n"}),
                         [("src/net/a.cpp", 1, "length")])
        self.assertEqual(found(text.check_lengths, {"src/net/a.cpp": body}),
                         [("src/net/a.cpp", 1, "length")])
        self.assertEqual(found(text.check_lengths, {
            "src/net/a.cpp": body.replace("  g();\n", "", 1)}), [])
        self.assertEqual(len(found(text.check_lengths, {"src/net/a.hpp": "\n" * 401})), 1)
        self.assertEqual(found(text.check_lengths, {"src/net/a.cpp": "\n" * 800}), [])

    def test_unfinished_words_places_and_hosts_are_found(self):
        for line in ("// TO" "DO: later", "cd /wo" "rk/x", "https://registry.npm" "js.org/a",
                     'open("/tm' 'p/x")'):
            self.assertEqual(len(found(text.check_words, {"src/net/a.cpp": line})), 1, line)
        self.assertEqual(found(text.check_words, {"src/net/a_test.cpp": '"/tm' 'p/x"'}), [])
        self.assertEqual(found(text.check_words, {"src/net/a.cpp": "see docs/work/x"}), [])

    def test_dead_links_are_found(self):
        pages = {"docs/a.md": "[x](b.md) [y](c.md#one-two) [z](https://x.example/y)\n"
                              "`[not](a-link.md)`\n", "docs/c.md": "# One, two\n"}
        self.assertEqual(found(text.check_links, pages), [("docs/a.md", 1, "dead-link")])
        self.assertEqual(found(text.check_links, {**pages, "docs/b.md": ""}), [])
        self.assertEqual(len(found(text.check_links, {"docs/a.md": "[x](#nowhere)\n"})), 1)

    def test_a_header_without_pragma_is_found(self):
        self.assertEqual(len(found(text.check_pragma, {"src/net/a.hpp": "int a;\n"})), 1)


class Exceptions(unittest.TestCase):
    def test_an_entry_takes_its_finding_out(self):
        kept = exceptions.apply([Finding("a.cpp", 3, "length", "m")], "length a.cpp a table\n")
        self.assertEqual(kept, [])

    def test_an_entry_without_finding_is_a_finding(self):
        kept = exceptions.apply([], "# note\n\nlength a.cpp a table\n")
        self.assertEqual([(f.line, f.rule) for f in kept], [(3, "exception")])

    def test_an_entry_without_reason_is_a_finding(self):
        kept = exceptions.apply([Finding("a.cpp", 3, "length", "m")], "length a.cpp\n")
        self.assertEqual(len(kept), 2)


if __name__ == "__main__":
    unittest.main()
