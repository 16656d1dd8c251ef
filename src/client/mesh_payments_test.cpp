// What a client sees of storage that is paid for terms, through the index.
#include "client/mesh_fixture.hpp"

namespace stratos::client {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

void set_terms_of_a_month(meta::ServiceOptions& options) {
  meta::StorageTerms& terms = options.params.storage;
  terms.term_ms = 30 * kDayMs;
  terms.noz_per_gib_day = 1ULL << 30;  // a byte costs a noz a day
  terms.grace_ms = kDayMs;
}

class MeshPayments : public MeshTest {
 protected:
  MeshPayments() : MeshTest(false, false, 0, set_terms_of_a_month) {}
  PaymentInfo payment(const std::string& key) {
    return run(client_->payment("bucket", key, std::nullopt)).value();
  }
};

TEST_F(MeshPayments, AreToldWithWhatIsWritten) {
  const auto stored = put("key", pattern(1, 5000));
  EXPECT_EQ(stored.value().paid_through.ms, stored->modified.ms + 30 * kDayMs);
  EXPECT_EQ(run(client_->head("bucket", "key"))->paid_through, stored->paid_through);
  const auto copy = run(client_->copy(who(), "bucket", "key", "bucket", "copy", {}));
  EXPECT_GE(copy.value().paid_through, stored->paid_through);
  EXPECT_EQ(payment("copy").payment.stored_bytes, payment("key").payment.stored_bytes);
}

TEST_F(MeshPayments, CountAllCopiesOfWhatIsStored) {
  ASSERT_TRUE(put("copies", pattern(1, 5000)));
  EXPECT_EQ(payment("copies").payment.stored_bytes, 15'000U);
  ASSERT_TRUE(put("coded", pattern(2, 1 << 20)));
  EXPECT_EQ(payment("coded").payment.stored_bytes, (1ULL << 20) * 6 / 4);
  EXPECT_EQ(payment("coded").term_noz, 30 * ((1ULL << 20) * 6 / 4));
}

TEST_F(MeshPayments, AreExtendedAndRenewed) {
  const auto stored = put("key", pattern(1, 5000));
  PaymentExtension extension;
  extension.days = 10;
  const auto extended = run(client_->extend_payment("bucket", "key", std::nullopt, extension));
  EXPECT_EQ(extended.value().noz, 150'000U);
  EXPECT_EQ(extended->payment.through.ms, stored.value().paid_through.ms + 10 * kDayMs);
  EXPECT_EQ(payment("key").payment.through, extended->payment.through);
  EXPECT_FALSE(payment("key").renews);
  ASSERT_TRUE(run(client_->set_renewal("bucket", true)));
  EXPECT_TRUE(payment("key").renews);
  EXPECT_TRUE(run(client_->head_bucket("bucket"))->renews);
  const auto none = run(client_->payment("bucket", "none", std::nullopt));
  EXPECT_EQ(none.error().code(), Errc::no_such_object);
}

class UnpaidMesh : public MeshTest {};

TEST_F(UnpaidMesh, SaysNothingOfPayments) {
  EXPECT_EQ(put("key", pattern(1, 5000))->paid_through, WallTime{});
  EXPECT_EQ(run(client_->payment("bucket", "key", std::nullopt))->payment, Payment{});
  PaymentExtension extension;
  extension.days = 10;
  const auto extended = run(client_->extend_payment("bucket", "key", std::nullopt, extension));
  EXPECT_EQ(extended.error().code(), Errc::invalid_bucket_state);
}

}  // namespace
}  // namespace stratos::client
