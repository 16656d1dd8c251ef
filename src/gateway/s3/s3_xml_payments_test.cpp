#include "gateway/s3/s3_xml_payments.hpp"

#include <gtest/gtest.h>

#include "gateway/s3/xml_reader.hpp"

namespace stratos::gateway::s3 {
namespace {

std::string paid(const std::string& inner) { return "<PaidThrough>" + inner + "</PaidThrough>"; }

TEST(PaymentDocuments, AskForATimeOrDays) {
  const auto date = parse_paid_through(as_bytes(paid("<Date>2030-01-01T00:00:00Z</Date>")));
  EXPECT_EQ(date.value().through.ms, 1'893'456'000'000);
  EXPECT_EQ(date->days, 0U);
  const auto days = parse_paid_through(as_bytes(paid("<Days>30</Days>")));
  EXPECT_EQ(days.value().days, 30U);
  EXPECT_EQ(days->through.ms, 0);
}

TEST(PaymentDocuments, AreRefusedWhenTheyAreOthers) {
  for (const std::string& text :
       {std::string(), paid(""), paid("<Days>0</Days>"), paid("<Days>-1</Days>"),
        paid("<Days>1.5</Days>"), paid("<Days>99999999999</Days>"), paid("<Date>soon</Date>"),
        paid("<Date>1970-01-01T00:00:00Z</Date>"),
        paid("<Date>2030-01-01T00:00:00Z</Date><Days>1</Days>"), std::string("<Days>1</Days>")}) {
    EXPECT_FALSE(parse_paid_through(as_bytes(text))) << text;
    EXPECT_FALSE(parse_renewal(as_bytes(text))) << text;
  }
  const std::string half = "<RenewalConfiguration><Status>enabled</Status></RenewalConfiguration>";
  EXPECT_EQ(parse_renewal(as_bytes(half)).error().code(), Errc::malformed_xml);
}

TEST(PaymentDocuments, OfRenewalComeBackAsTheyWere) {
  EXPECT_TRUE(parse_renewal(as_bytes(renewal_document(true))).value());
  EXPECT_FALSE(parse_renewal(as_bytes(renewal_document(false))).value());
}

TEST(PaymentDocuments, SayHowAVersionStands) {
  client::PaymentInfo info;
  const auto read = [&info](const std::string& name) {
    const std::string text = paid_through_document(info, 7);
    return XmlDocument::parse(as_bytes(text), {}).value().root().child(name).text();
  };
  EXPECT_EQ(read("State"), "Unlimited");
  EXPECT_EQ(read("Date"), "");
  info.payment.through = {1'893'456'000'000};
  info.payment.due = {1'893'456'100'000};
  info.payment.stored_bytes = 12;
  info.term_ms = 60'000;
  info.term_noz = 5;
  EXPECT_EQ(read("State"), "Paid");
  EXPECT_EQ(read("Date"), "2030-01-01T00:00:00.000Z");
  EXPECT_EQ(read("RemovalDate"), "");
  EXPECT_EQ(read("StoredBytes"), "12");
  EXPECT_EQ(read("TermSeconds"), "60");
  EXPECT_EQ(read("TermPrice"), "5");
  EXPECT_EQ(read("Taken"), "7");
  EXPECT_EQ(read("Renewal"), "Disabled");
  info.payment.stage = client::PaymentStage::warned;
  EXPECT_EQ(read("State"), "Warned");
  info.payment.stage = client::PaymentStage::grace;
  info.renews = true;
  EXPECT_EQ(read("State"), "Grace");
  EXPECT_EQ(read("RemovalDate"), "2030-01-01T00:01:40.000Z");
  EXPECT_EQ(read("Renewal"), "Enabled");
}

}  // namespace
}  // namespace stratos::gateway::s3
