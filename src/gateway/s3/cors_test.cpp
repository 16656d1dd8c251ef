#include "gateway/s3/cors.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

std::string rule(const std::string& members) {
  return "<CORSConfiguration><CORSRule>" + members + "</CORSRule></CORSConfiguration>";
}
const std::string kGetFromAll =
    "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";

std::vector<CorsRule> parse(const std::string& text) {
  const auto rules = parse_cors(as_bytes(text));
  EXPECT_TRUE(rules) << rules.error().to_string();
  return rules ? *rules : std::vector<CorsRule>{};
}

TEST(Cors, OriginsFitWithOneWildcard) {
  const auto rules = parse(
      rule("<AllowedOrigin>https://*.example</AllowedOrigin><AllowedOrigin>pre*</AllowedOrigin>"
           "<AllowedMethod>GET</AllowedMethod>"));
  for (std::string_view good : {"https://a.example", "https://.example", "pre", "prefix"}) {
    EXPECT_NE(find_cors_rule(rules, {good, "GET", ""}), nullptr) << good;
  }
  for (std::string_view bad : {"http://a.example", "https://a.example2", "a-pre", ""}) {
    EXPECT_EQ(find_cors_rule(rules, {bad, "GET", ""}), nullptr) << bad;
  }
  EXPECT_EQ(find_cors_rule(rules, {"pre", "PUT", ""}), nullptr);
}

TEST(Cors, RequestedHeadersMustAllBeAllowed) {
  const auto rules = parse(rule(kGetFromAll + "<AllowedHeader>X-Amz-*</AllowedHeader>"
                                              "<AllowedHeader>range</AllowedHeader>"));
  EXPECT_NE(find_cors_rule(rules, {"o", "GET", "x-amz-date, Range"}), nullptr);
  EXPECT_EQ(find_cors_rule(rules, {"o", "GET", "x-amz-date, cookie"}), nullptr);
  EXPECT_EQ(find_cors_rule(parse(rule(kGetFromAll)), {"o", "GET", "range"}), nullptr);
}

TEST(Cors, AnswersSayWhatTheRuleAllows) {
  const auto rules =
      parse(rule("<AllowedOrigin>http://a</AllowedOrigin>"
                 "<AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT"
                 "</AllowedMethod><AllowedHeader>*</AllowedHeader>"
                 "<ExposeHeader>ETag</ExposeHeader>"
                 "<MaxAgeSeconds>30</MaxAgeSeconds>"));
  const CorsQuestion question{"http://a", "PUT", "X-Foo"};
  const http::Headers headers = cors_headers(rules.at(0), question, true);
  EXPECT_EQ(headers.get("access-control-allow-origin"), "http://a");
  EXPECT_EQ(headers.get("access-control-allow-methods"), "GET, PUT");
  EXPECT_EQ(headers.get("access-control-allow-headers"), "x-foo");
  EXPECT_EQ(headers.get("access-control-expose-headers"), "ETag");
  EXPECT_EQ(headers.get("access-control-max-age"), "30");
  EXPECT_EQ(headers.get("access-control-allow-credentials"), "true");
  const http::Headers open = cors_headers(parse(rule(kGetFromAll)).at(0), question, false);
  EXPECT_EQ(open.get("access-control-allow-origin"), "*");
  EXPECT_FALSE(open.has("access-control-allow-credentials"));
  EXPECT_FALSE(open.has("access-control-allow-headers"));
}

TEST(Cors, DocumentsSurviveARoundTrip) {
  const auto rules = parse(rule("<ID>one</ID>" + kGetFromAll +
                                "<AllowedHeader>a&amp;b</AllowedHeader>"
                                "<ExposeHeader>x</ExposeHeader><MaxAgeSeconds>5</MaxAgeSeconds>"));
  const std::string document = cors_document(rules);
  EXPECT_EQ(cors_document(parse(document)), document);
}

TEST(Cors, RefusesWhatS3Refuses) {
  struct Case {
    std::string text;
    Errc code;
  };
  std::string many = "<CORSConfiguration>";
  for (std::size_t i = 0; i <= kMaxCorsRules; ++i)
    many += "<CORSRule>" + kGetFromAll + "</CORSRule>";
  many += "</CORSConfiguration>";
  for (const Case& c : std::vector<Case>{
           {"<Other/>", Errc::malformed_xml},
           {"<CORSConfiguration/>", Errc::malformed_xml},
           {many, Errc::malformed_xml},
           {rule("<AllowedOrigin>*</AllowedOrigin>"), Errc::malformed_xml},
           {rule("<AllowedMethod>GET</AllowedMethod>"), Errc::malformed_xml},
           {rule(kGetFromAll + "<Strange/>"), Errc::malformed_xml},
           {rule(kGetFromAll + "<MaxAgeSeconds>x</MaxAgeSeconds>"), Errc::malformed_xml},
           {rule(kGetFromAll + "<AllowedMethod>PATCH</AllowedMethod>"), Errc::invalid_request},
           {rule(kGetFromAll + "<AllowedOrigin>*a*</AllowedOrigin>"), Errc::invalid_request},
           {rule(kGetFromAll + "<AllowedHeader>*a*</AllowedHeader>"), Errc::invalid_request},
           {rule(kGetFromAll + "<ExposeHeader>a\nb</ExposeHeader>"), Errc::invalid_request},
       }) {
    EXPECT_EQ(parse_cors(as_bytes(c.text)).error().code(), c.code) << c.text;
  }
}

}  // namespace
}  // namespace stratos::gateway::s3
