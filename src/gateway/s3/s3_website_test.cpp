#include "gateway/s3/access_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

class S3Website : public S3Access {
 protected:
  S3Website() {
    ServiceOptions with_sites = options();
    with_sites.website_domains = {"s3-website.localhost"};
    restart(std::move(with_sites));
    make_box();
    put("index.html", "<h1>home</h1>", {{"content-type", "text/html"}});
    put("docs/index.html", "docs");
    put("404.html", "lost");
    configure(
        "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
        "<ErrorDocument><Key>404.html</Key></ErrorDocument>");
    policy("s3:GetObject");
  }
  void configure(const std::string& body) {
    const std::string text = "<WebsiteConfiguration>" + body + "</WebsiteConfiguration>";
    ASSERT_EQ(ask("PUT", "/box?website", {}, text).status, 200);
  }
  Answer visit(std::string path, std::string method = "GET", HeaderList headers = {},
               std::string bucket = "box") {
    Ask wanted;
    wanted.method = std::move(method);
    wanted.target = std::move(path);
    wanted.headers = std::move(headers);
    wanted.host = bucket + ".s3-website.localhost:9000";
    wanted.sign = false;
    return ask(wanted);
  }
};

TEST_F(S3Website, ShowsObjectsAndIndexDocuments) {
  const Answer home = visit("/");
  EXPECT_EQ(home.status, 200);
  EXPECT_EQ(home.body, "<h1>home</h1>");
  EXPECT_EQ(home.header("content-type"), "text/html");
  EXPECT_EQ(visit("/docs/").body, "docs");
  EXPECT_EQ(visit("/docs/index.html").body, "docs");
  EXPECT_EQ(visit("/", "HEAD").status, 200);
  EXPECT_EQ(visit("/", "GET", {{"range", "bytes=0-3"}}).body, "<h1>");
}

TEST_F(S3Website, LeadsFoldersToTheirSlash) {
  const Answer led = visit("/docs");
  EXPECT_EQ(led.status, 302);
  EXPECT_EQ(led.header("location"), "/docs/");
}

TEST_F(S3Website, ShowsTheErrorDocumentWithTheErrorsStatus) {
  // Who may not list is not told what is missing.
  const Answer hidden = visit("/none", "GET", {{"range", "bytes=0-1"}});
  EXPECT_EQ(hidden.status, 403);
  EXPECT_EQ(hidden.body, "lost");
  ASSERT_EQ(ask("PUT", "/box?acl", {{"x-amz-acl", "public-read"}}).status, 200);
  const Answer missing = visit("/none");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body, "lost");
}

TEST_F(S3Website, HasPagesForOtherErrors) {
  configure("<IndexDocument><Suffix>index.html</Suffix></IndexDocument>");
  const Answer missing = visit("/<script>");
  EXPECT_EQ(missing.status, 403);
  EXPECT_EQ(missing.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(missing.body.find("AccessDenied"), std::string::npos);
  EXPECT_EQ(visit("/", "PUT").status, 405);
  EXPECT_EQ(visit("/", "GET", {}, "nobody").status, 404);
  ASSERT_EQ(ask("DELETE", "/box?website").status, 204);
  EXPECT_NE(visit("/").body.find("NoSuchWebsiteConfiguration"), std::string::npos);
  EXPECT_EQ(ask("GET", "/box?website").error(), "NoSuchWebsiteConfiguration");
}

TEST_F(S3Website, ShowsOnlyWhatEverybodyMayRead) {
  ASSERT_EQ(ask("DELETE", "/box?policy").status, 204);
  EXPECT_EQ(visit("/").status, 403);
  ASSERT_EQ(ask("PUT", "/box/index.html?acl", {{"x-amz-acl", "public-read"}}).status, 200);
  EXPECT_EQ(visit("/").status, 200);
  EXPECT_EQ(visit("/docs").status, 403);
}

TEST_F(S3Website, FollowsRules) {
  configure(
      "<IndexDocument><Suffix>index.html</Suffix></IndexDocument><RoutingRules><RoutingRule>"
      "<Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition>"
      "<Redirect><ReplaceKeyPrefixWith>docs/</ReplaceKeyPrefixWith></Redirect></RoutingRule>"
      "<RoutingRule><Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals>"
      "</Condition><Redirect><ReplaceKeyWith>index.html</ReplaceKeyWith></Redirect></RoutingRule>"
      "</RoutingRules>");
  EXPECT_EQ(visit("/old/a").header("location"), "/docs/a");
  EXPECT_EQ(visit("/none").header("location"), "/index.html");
  EXPECT_EQ(visit("/").body, "<h1>home</h1>");
  configure(
      "<RedirectAllRequestsTo><HostName>example.com</HostName><Protocol>https</Protocol>"
      "</RedirectAllRequestsTo>");
  const Answer all = visit("/a");
  EXPECT_EQ(all.status, 301);
  EXPECT_EQ(all.header("location"), "https://example.com/a");
}

}  // namespace
}  // namespace stratos::gateway::s3
