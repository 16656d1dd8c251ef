#include "gateway/s3/webhook.hpp"

#include <gtest/gtest.h>

#include "net/http_url.hpp"

namespace stratos::gateway::s3 {
namespace {

TEST(Webhooks, AreTakenApart) {
  const Webhook plain = make_webhook("hook", "http://127.0.0.1:8080/a/b?c=d").value();
  EXPECT_EQ(plain.name, "hook");
  EXPECT_EQ(plain.address, "127.0.0.1:8080");
  EXPECT_EQ(plain.target, "/a/b?c=d");
  EXPECT_FALSE(plain.ca_file);
  const Webhook secure = make_webhook("hook", "https://example.org").value();
  EXPECT_EQ(secure.address, "example.org:443");
  EXPECT_EQ(secure.target, "/");
  EXPECT_EQ(secure.ca_file, http::kSystemCertificates);
  EXPECT_EQ(make_webhook("hook", "http://example.org?x").value().target, "/?x");
  EXPECT_EQ(make_webhook("hook", "http://[::1]/").value().address, "[::1]:80");
  EXPECT_EQ(make_webhook("hook", "http://[::1]:81/").value().address, "[::1]:81");
}

TEST(Webhooks, ThatAreNoneAreRefused) {
  for (const char* url : {"", "example.org", "ftp://example.org", "http://", "http:///x",
                          "http://a b/", "http://a/#x", "http://a:0/", "http://a:x/",
                          "http://a:99999/", "http://a/\xc3\xbc", "HTTP//a"}) {
    const auto made = make_webhook("hook", url);
    ASSERT_FALSE(made) << url;
    EXPECT_EQ(made.error().code(), Errc::bad_config) << url;
  }
  EXPECT_FALSE(make_webhook("hook", "http://a/" + std::string(2048, 'x')));
  for (const char* name : {"", "a b", "a:b", "a/b"}) {
    EXPECT_FALSE(make_webhook(name, "http://a/")) << name;
  }
}

TEST(Webhooks, KeepSecretsOutOfUrls) {
  const auto made = make_webhook("hook", "http://user:secret@example.org/");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().to_string().find("secret@"), std::string::npos);
}

TEST(Webhooks, TokensAreOneLine) {
  EXPECT_EQ(parse_token("abc.DEF\n").value(), "abc.DEF");
  EXPECT_EQ(parse_token("abc\r\n").value(), "abc");
  for (const char* text : {"", "\n", "a b", "a\nb", "a\x01"}) EXPECT_FALSE(parse_token(text));
  EXPECT_FALSE(parse_token(std::string(5000, 'a')));
}

}  // namespace
}  // namespace stratos::gateway::s3
