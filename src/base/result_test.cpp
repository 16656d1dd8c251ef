#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace stratos {
namespace {

// A value that cannot be copied, as many results hold one.
using Owned = std::unique_ptr<int>;

Result<Owned> make(int value) {
  if (value < 0) return fail(Errc::invalid_argument, "negative");
  return std::make_unique<int>(value);
}

Result<void> check(int value) {
  STRATOS_CHECK(make(value));
  return {};
}

Result<int> sum(const std::vector<int>& values) {
  int total = 0;
  for (const int value : values) {
    STRATOS_TRY(const Owned made, make(value));
    if (value > 100) STRATOS_CHECK(check(-1));
    total += *made;
  }
  return total;
}

TEST(Result, MacrosEvaluateOnceAndMoveTheValue) {
  int calls = 0;
  const auto counted = [&calls](int value) -> Result<Owned> {
    ++calls;
    return make(value);
  };
  const auto run = [&counted](int value) -> Result<Owned> {
    STRATOS_TRY(Owned made, counted(value));
    STRATOS_TRY(made, counted(*made + 1));
    return made;
  };
  EXPECT_EQ(**run(1), 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(run(-1).error().code(), Errc::invalid_argument);
  EXPECT_EQ(calls, 3);
}

TEST(Result, MacrosLeaveLoopsAndBranches) {
  EXPECT_EQ(sum({1, 2, 3}).value(), 6);
  EXPECT_EQ(sum({1, -2, 3}).error().message(), "negative");
  EXPECT_EQ(sum({101}).error().message(), "negative");
  EXPECT_TRUE(check(0));
  EXPECT_FALSE(check(-1));
}

TEST(Result, KeepsEveryCauseOfAnError) {
  Error error(Errc::disk_full, "root");
  for (int i = 0; i < 3; ++i) error = Error(Errc::io_error, std::to_string(i), std::move(error));
  const Result<void> failed = fail(error);
  const Error* last = &failed.error();
  int depth = 0;
  while (last->cause() != nullptr) {
    last = last->cause();
    ++depth;
  }
  EXPECT_EQ(depth, 3);
  EXPECT_EQ(last->code(), Errc::disk_full);
  EXPECT_EQ(failed.error().to_string(),
            "io_error: 2; because io_error: 1; because io_error: 0; because disk_full: root");
}

constexpr Errc kAll[] = {
#define STRATOS_ERROR(number, name, kind) Errc::name,
#include "base/error_codes.def"
#undef STRATOS_ERROR
};

TEST(ErrorCodes, HaveNumbersAndNamesOfTheirOwn) {
  std::set<std::uint16_t> numbers;
  std::set<std::string_view> names;
  for (const Errc code : kAll) {
    EXPECT_TRUE(numbers.insert(static_cast<std::uint16_t>(code)).second) << name_of(code);
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
    EXPECT_EQ(errc_from_number(static_cast<std::uint16_t>(code)), code);
  }
  for (std::uint32_t number = 0; number <= UINT16_MAX; ++number) {
    const Errc code = errc_from_number(static_cast<std::uint16_t>(number));
    if (!numbers.contains(static_cast<std::uint16_t>(number))) EXPECT_EQ(code, Errc::internal);
  }
}

TEST(ErrorCodes, OfEveryKindHaveAStatusAndAnExitCode) {
  const std::vector<std::tuple<ErrorKind, int, int>> wanted = {
      {ErrorKind::internal, 500, 1},  {ErrorKind::invalid, 400, 2},
      {ErrorKind::not_found, 404, 3}, {ErrorKind::conflict, 409, 6},
      {ErrorKind::denied, 403, 4},    {ErrorKind::unavailable, 503, 5},
      {ErrorKind::exhausted, 507, 7}, {ErrorKind::unsupported, 501, 1},
      {ErrorKind::integrity, 500, 8}};
  for (const auto& [kind, status, exit_code] : wanted) {
    EXPECT_EQ(http_status_of(kind), status);
    EXPECT_EQ(exit_code_of(kind), exit_code);
  }
  for (const Errc code : kAll) {
    EXPECT_EQ(Error(code).retryable(), kind_of(code) == ErrorKind::unavailable) << name_of(code);
  }
}

}  // namespace
}  // namespace stratos
