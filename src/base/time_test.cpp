#include "base/time.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace stratos {
namespace {

TEST(Iso8601, IsRightAtTheEdges) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {999, "1970-01-01T00:00:00.999Z"},
      {1000, "1970-01-01T00:00:01.000Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {4'107'542'399'999, "2100-02-28T23:59:59.999Z"},
      {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {-1000, "1969-12-31T23:59:59.000Z"},
      {-1001, "1969-12-31T23:59:58.999Z"},
  };
  for (const auto& [ms, text] : cases) EXPECT_EQ(to_iso8601(WallTime{ms}), text);
}

TEST(Iso8601, IsNoGarbageForTimesFarAway) {
  for (const std::int64_t ms :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    const std::string text = to_iso8601(WallTime{ms});
    EXPECT_TRUE(text.ends_with("Z")) << text;
    EXPECT_EQ(text.find('T'), text.size() - 14) << text;
    EXPECT_EQ(text[text.size() - 5], '.') << text;
  }
}

TEST(HttpDate, NamesDaysAndMonths) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {999, "Thu, 01 Jan 1970 00:00:00 GMT"},
      {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
      {951'782'400'000, "Tue, 29 Feb 2000 00:00:00 GMT"},
      {1'795'273'445'123, "Sat, 21 Nov 2026 15:04:05 GMT"},
  };
  for (const auto& [ms, text] : cases) EXPECT_EQ(to_http_date(WallTime{ms}), text);
}

TEST(MonotonicTime, IsComparedAndMoved) {
  const MonotonicTime start{5s};
  EXPECT_LT(start, start + 1ns);
  EXPECT_EQ((start + 3ms) - start, 3ms);
  EXPECT_EQ(start - (start + 1h), -1h);
}

}  // namespace
}  // namespace stratos
