#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/http.hpp"

namespace stratos::http {
namespace {

TEST(PercentEncoding, KeepsUnreservedAndEncodesTheRest) {
  EXPECT_EQ(percent_encode("aZ09-._~", false), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c+\xff", false), "a%20b%2Fc%2B%FF");
  EXPECT_EQ(percent_encode("a/b c", true), "a/b%20c");
}

TEST(PercentEncoding, DecodesBothCasesAndPlusOnlyOnDemand) {
  EXPECT_EQ(percent_decode("%2f%2F", false).value(), "//");
  EXPECT_EQ(percent_decode("a+b", false).value(), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true).value(), "a b+");
}

TEST(PercentEncoding, RefusesBadEscapes) {
  for (const std::string_view text : {"%", "%1", "a%", "a%g0", "%0g", "%%30", "% 1", "%+1"}) {
    EXPECT_EQ(percent_decode(text, false).error().code(), Errc::invalid_uri) << text;
  }
}

TEST(PercentEncoding, DecodingUndoesEncodingOfAnyBytes) {
  EXPECT_TRUE(rc::check([](const std::string& text, bool keep_slash) {
    RC_ASSERT(percent_decode(percent_encode(text, keep_slash), true).value() == text);
  }));
}

TEST(Target, TakesPathAndQueryApart) {
  const Target target = parse_target("/b/a%20b?list-type=2&prefix=x%2Fy&empty=&flag&k=a=b").value();
  EXPECT_EQ(target.raw_path, "/b/a%20b");
  EXPECT_EQ(target.path, "/b/a b");
  ASSERT_EQ(target.query.size(), 5U);
  EXPECT_EQ(*target.find("prefix"), "x/y");
  EXPECT_EQ(*target.find("empty"), "");
  EXPECT_EQ(*target.find("flag"), "");
  EXPECT_EQ(*target.find("k"), "a=b");
  EXPECT_EQ(target.find("none"), nullptr);
}

TEST(Target, KeepsTheOrderAndSkipsEmptyItems) {
  const Target target = parse_target("/?b=1&&a=2&b=3&").value();
  ASSERT_EQ(target.query.size(), 3U);
  EXPECT_EQ(target.query[0].second, "1");
  EXPECT_EQ(target.query[2].second, "3");
  EXPECT_EQ(*target.find("b"), "1");
  EXPECT_TRUE(parse_target("/?").value().query.empty());
}

TEST(Target, RefusesWhatIsNoPath) {
  std::string many = "/?";
  for (int i = 0; i < 2000; ++i) many += "a&";
  for (const std::string& text : {std::string(), std::string("a"), std::string("*"),
                                  std::string("/%zz"), std::string("/?a=%z"), many}) {
    EXPECT_EQ(parse_target(text).error().code(), Errc::invalid_uri) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace stratos::http
