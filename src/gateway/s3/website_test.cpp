#include "gateway/s3/website.hpp"

#include <gtest/gtest.h>

namespace stratos::gateway::s3 {
namespace {

Result<WebsiteRules> parse(const std::string& body) {
  return parse_website(as_bytes("<WebsiteConfiguration>" + body + "</WebsiteConfiguration>"));
}
Errc code(const std::string& body) {
  const auto rules = parse(body);
  return rules ? Errc{} : rules.error().code();
}

constexpr const char* kIndex = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";
std::string routes(const std::string& rules) {
  return kIndex + ("<RoutingRules>" + rules + "</RoutingRules>");
}

TEST(WebsiteRules, AreWrittenAsTheyWereRead) {
  for (const std::string& text :
       {std::string(kIndex),
        kIndex + std::string("<ErrorDocument><Key>404.html</Key></ErrorDocument>"),
        std::string("<RedirectAllRequestsTo><HostName>example.com</HostName>"
                    "<Protocol>https</Protocol></RedirectAllRequestsTo>"),
        routes("<RoutingRule><Condition><KeyPrefixEquals>docs/</KeyPrefixEquals>"
               "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>"
               "<Redirect><HostName>h</HostName><Protocol>https</Protocol>"
               "<ReplaceKeyPrefixWith>d/</ReplaceKeyPrefixWith>"
               "<HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>")}) {
    const auto rules = parse(text);
    ASSERT_TRUE(rules) << text;
    EXPECT_NE(website_document(*rules).find(text), std::string::npos) << website_document(*rules);
  }
}

TEST(WebsiteRules, RefuseWhatMakesNoSense) {
  EXPECT_EQ(code(""), Errc::invalid_argument);
  EXPECT_EQ(code("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"), Errc::invalid_argument);
  EXPECT_EQ(code("<IndexDocument><Suffix/></IndexDocument>"), Errc::invalid_argument);
  EXPECT_EQ(code("<Unknown/>"), Errc::malformed_xml);
  EXPECT_EQ(code(kIndex + std::string("<RedirectAllRequestsTo><HostName>h</HostName>"
                                      "</RedirectAllRequestsTo>")),
            Errc::invalid_request);
  const auto redirect = [](const std::string& body) {
    return code(routes("<RoutingRule><Redirect>" + body + "</Redirect></RoutingRule>"));
  };
  EXPECT_EQ(redirect("<HostName>h</HostName>"), Errc{});
  EXPECT_EQ(redirect("<Protocol>ftp</Protocol>"), Errc::invalid_request);
  EXPECT_EQ(redirect("<HttpRedirectCode>200</HttpRedirectCode>"), Errc::invalid_request);
  EXPECT_EQ(redirect("<HostName>a&#10;Set-Cookie: b</HostName>"), Errc::malformed_xml);
  EXPECT_EQ(redirect("<ReplaceKeyWith>a</ReplaceKeyWith>"
                     "<ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>"),
            Errc::invalid_request);
}

TEST(WebsiteRules, FindTheIndexDocument) {
  const WebsiteRules rules = parse(kIndex).value();
  EXPECT_EQ(key_of_path(rules, "/"), "index.html");
  EXPECT_EQ(key_of_path(rules, "/a/"), "a/index.html");
  EXPECT_EQ(key_of_path(rules, "/a/b.html"), "a/b.html");
}

TEST(WebsiteRules, LeadKeysElsewhere) {
  const WebsiteRules rules =
      parse(routes("<RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>"
                   "<Redirect><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect>"
                   "</RoutingRule>"
                   "<RoutingRule><Condition>"
                   "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>"
                   "<Redirect><HostName>other</HostName><ReplaceKeyWith>lost</ReplaceKeyWith>"
                   "<HttpRedirectCode>307</HttpRedirectCode></Redirect></RoutingRule>"))
          .value();
  const auto moved = find_route(rules, "old/a b", 0, "host");
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->location, "/new/a%20b");
  EXPECT_EQ(moved->status, 301);
  EXPECT_FALSE(find_route(rules, "x", 0, "host"));
  EXPECT_FALSE(find_route(rules, "x", 403, "host"));
  const auto lost = find_route(rules, "x", 404, "host");
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->location, "http://other/lost");
  EXPECT_EQ(lost->status, 307);
}

TEST(ErrorPage, EscapesWhatItSays) {
  EXPECT_NE(error_page(404, "NoSuchKey", "<a & b>").find("&lt;a &amp; b&gt;"), std::string::npos);
}

}  // namespace
}  // namespace stratos::gateway::s3
