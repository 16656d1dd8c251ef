#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {
namespace {

std::string days(int number) {
  return "<PaidThrough><Days>" + std::to_string(number) + "</Days></PaidThrough>";
}
std::string renewal(std::string_view status) {
  return "<RenewalConfiguration><Status>" + std::string(status) +
         "</Status></RenewalConfiguration>";
}
constexpr std::string_view kHeader = "x-stratos-paid-through";

class S3Payments : public ServiceFixture {
 protected:
  void SetUp() override {
    EXPECT_EQ(ask("PUT", "/box").status, 200);
    objects_.paid_through = {1'893'456'000'000};
  }
};

TEST_F(S3Payments, AreShownOnlyWhereThereAreTerms) {
  objects_.paid_through = {};
  EXPECT_FALSE(put("key", "x").has(kHeader));
  EXPECT_FALSE(ask("HEAD", "/box/key").has(kHeader));
  EXPECT_EQ(ask("GET", "/box/key?paid-through").at("State"), "Unlimited");
  EXPECT_EQ(ask("PUT", "/box/key?paid-through", {}, days(3)).error(), "InvalidBucketState");
}

TEST_F(S3Payments, AreShownWithTheObject) {
  EXPECT_EQ(put("key", "x").header(kHeader), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(ask("HEAD", "/box/key").header(kHeader), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(ask("GET", "/box/key").header(kHeader), "2030-01-01T00:00:00.000Z");
  const Answer told = ask("GET", "/box/key?paid-through");
  EXPECT_EQ(told.at("State"), "Paid");
  EXPECT_EQ(told.at("Date"), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(told.at("TermPrice"), "300");
  EXPECT_EQ(told.header(kHeader), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(ask("GET", "/box/none?paid-through").error(), "NoSuchKey");
}

TEST_F(S3Payments, AreExtendedByTheOwner) {
  put("key", "x");
  const Answer longer = ask("PUT", "/box/key?paid-through", {}, days(31));
  EXPECT_EQ(longer.status, 200);
  EXPECT_EQ(longer.at("Date"), "2030-02-01T00:00:00.000Z");
  EXPECT_EQ(longer.at("Taken"), "310");
  EXPECT_EQ(ask("PUT", "/box/key?paid-through", {},
                "<PaidThrough><Date>2030-03-01T00:00:00Z</Date></PaidThrough>")
                .at("Taken"),
            "280");
  EXPECT_EQ(ask("GET", "/box/key?paid-through").at("Date"), "2030-03-01T00:00:00.000Z");
  EXPECT_EQ(ask("PUT", "/box/key?paid-through", {}, "<PaidThrough/>").error(), "MalformedXML");
}

TEST_F(S3Payments, ThatCannotBeMadeSaySo) {
  put("key", "x");
  objects_.ozone = 9;
  const Answer refused = ask("PUT", "/box/key?paid-through", {}, days(1));
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(refused.error(), "InsufficientOzone");
}

TEST_F(S3Payments, OfABucketMayRenew) {
  EXPECT_EQ(ask("GET", "/box?renewal").at("Status"), "Disabled");
  EXPECT_EQ(ask("PUT", "/box?renewal", {}, renewal("Enabled")).status, 200);
  EXPECT_EQ(ask("GET", "/box?renewal").at("Status"), "Enabled");
  put("key", "x");
  EXPECT_EQ(ask("GET", "/box/key?paid-through").at("Renewal"), "Enabled");
  EXPECT_EQ(ask("DELETE", "/box?renewal").status, 204);
  EXPECT_EQ(ask("GET", "/box?renewal").at("Status"), "Disabled");
  EXPECT_EQ(ask("PUT", "/box?renewal", {}, renewal("On")).error(), "MalformedXML");
}

}  // namespace
}  // namespace stratos::gateway::s3
