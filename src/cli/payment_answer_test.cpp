#include "cli/payment_answer.hpp"

#include <gtest/gtest.h>

#include "gateway/s3/s3_xml_payments.hpp"

namespace stratos::cli {
namespace {

TEST(PaymentAnswer, SaysWhatTheGatewaySays) {
  client::PaymentInfo info;
  info.payment.through = {1'893'456'000'000};
  info.payment.due = {1'893'456'100'000};
  info.payment.stage = client::PaymentStage::grace;
  info.payment.stored_bytes = 12;
  info.term_ms = 60'000;
  info.term_noz = 5;
  info.renews = true;
  const auto answer = payment_answer(gateway::s3::paid_through_document(info, 7));
  EXPECT_EQ(answer.value(), (nlohmann::json{{"state", "Grace"},
                                            {"paid_through", "2030-01-01T00:00:00.000Z"},
                                            {"removed_on", "2030-01-01T00:01:40.000Z"},
                                            {"stored_bytes", 12},
                                            {"term_seconds", 60},
                                            {"term_noz", 5},
                                            {"taken_noz", 7},
                                            {"renewal", true}}));
}

TEST(PaymentAnswer, OfWhatHasNoEndIsShort) {
  const auto answer =
      payment_answer(gateway::s3::paid_through_document(client::PaymentInfo{}, std::nullopt));
  EXPECT_EQ(answer.value(), (nlohmann::json{{"state", "Unlimited"}}));
}

TEST(PaymentAnswer, OfAnotherKindIsRefused) {
  for (const char* text : {"", "<a/>", "<PaidThrough/>", "<PaidThrough>"}) {
    EXPECT_EQ(payment_answer(text).error().code(), Errc::malformed_xml) << text;
  }
}

}  // namespace
}  // namespace stratos::cli
