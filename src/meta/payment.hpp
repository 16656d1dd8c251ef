// Storage that is paid for terms: what a write pays, what falls due, what the owner may change.
// Format and rules: docs/formats/retention.md.
#pragma once
#include "meta/verbs.hpp"

namespace stratos::meta {

// ⌈bytes × price × time / (GiB × day)⌉, at most 2^64 − 1.
std::uint64_t storage_price(const StorageTerms& terms, std::uint64_t stored_bytes,
                            std::uint64_t time_ms);
// How long before the end of what is paid its owner is warned.
std::uint64_t warning_lead_ms(const StorageTerms& terms);

// Adds to an account's ozone. Errc::no_such_account, Errc::invalid_argument beyond 2^64 − 1.
struct CreditAccount {
  static constexpr Verb kVerb = Verb::credit_account;
  struct Reply {
    std::uint64_t ozone_noz = 0;
    static void fields(auto& self, auto&& field) { field(1, self.ozone_noz); }
  };
  AccountId account;
  std::uint64_t noz = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.account);
    field(2, self.noz);
  }
};

// Pays a version, or the current one, through a time that is given itself or in days after the one
// it is paid through; what is paid through it already stays. The bucket's owner pays.
// Errc::invalid_bucket_state where objects are kept without an end, Errc::invalid_argument for a
// time that is not in the future or more than kMaxPaidAheadMs ahead, Errc::ozone_exhausted, and
// PutTags' errors for what it names.
struct ExtendPayment {
  static constexpr Verb kVerb = Verb::extend_payment;
  struct Reply {
    VersionId version;
    bool versioned = false;
    Payment payment;
    std::uint64_t noz = 0;  // that it took
    static void fields(auto& self, auto&& field) {
      field(1, self.version);
      field(2, self.versioned);
      field(3, self.payment);
      field(4, self.noz);
    }
  };
  std::string bucket;
  std::string key;
  std::optional<VersionId> version;  // zero: the null version
  WallTime through;
  std::uint32_t days = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
    field(4, self.through);
    field(5, self.days);
  }
};
constexpr std::uint64_t kMaxPaidAheadMs = 36'600ULL * 86'400'000;

// Whether the owner's ozone pays what falls due in the bucket.
struct SetRenewal {
  static constexpr Verb kVerb = Verb::set_renewal;
  using Reply = BucketRecord;
  std::string bucket;
  bool renews = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.renews);
  }
};

// How a version stands. PutTags' errors for what it names.
struct GetPayment {
  static constexpr std::string_view kPath = "payment";
  struct Reply {
    VersionId version;
    bool versioned = false;
    Payment payment;
    std::uint64_t term_ms = 0;
    std::uint64_t term_noz = 0;  // what a further term takes
    bool renews = false;
    static void fields(auto& self, auto&& field) {
      field(1, self.version);
      field(2, self.versioned);
      field(3, self.payment);
      field(4, self.term_ms);
      field(5, self.term_noz);
      field(6, self.renews);
    }
  };
  std::string bucket;
  std::string key;
  std::optional<VersionId> version;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
  }
};

Result<Bytes> run(Context& context, const CreditAccount& command);
Result<Bytes> run(Context& context, const ExtendPayment& command);
Result<Bytes> run(Context& context, const SetRenewal& command);
Result<GetPayment::Reply> answer(const State& state, const GetPayment& query);

// What the slices take on all nodes; 0 where storage has no terms.
std::uint64_t stored_bytes(const Context& context, const std::vector<Slice>& slices);
// Pays the first term of a version about to be stored, up to the end of its retention if that is
// later, and has it looked at in time. Errc::ozone_exhausted.
Result<void> pay_first_term(Context& context, const BucketRecord& bucket, std::string_view key,
                            VersionRecord& version);
// Pays up to the end of the version's retention, which is new. Errc::ozone_exhausted.
Result<void> pay_retention(Context& context, const BucketRecord& bucket, std::string_view key,
                           VersionRecord& version);
// Of a version that goes.
void forget_payment(Context& context, BucketId bucket, std::string_view key,
                    const VersionRecord& version);
// Warns of, renews, or removes the version of a row of DueKind::payment. Returns how many rows it
// freed.
std::size_t sweep_payment(Context& context, const keys::DueItem& item, ByteView bucket_name);
// Noz that storage has taken from accounts since the beginning.
std::uint64_t storage_paid(const State& state);

}  // namespace stratos::meta
