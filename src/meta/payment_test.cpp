// Storage that is paid for terms: what a write takes, what happens when the time runs out.
#include "meta/payment.hpp"

#include "meta/features.hpp"
#include "meta/notices.hpp"
#include "meta/test_index.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint64_t kTermDays = 30;
constexpr std::uint64_t kGraceDays = 7;
constexpr std::uint64_t kOzone = 1'000'000;
constexpr std::uint64_t kBody = 4;  // bytes of an inline object

// A byte costs a noz a day.
StorageTerms terms_of(std::uint64_t term_days = kTermDays) {
  StorageTerms terms;
  terms.term_ms = term_days * kDayMs;
  terms.noz_per_gib_day = 1ULL << 30;
  terms.grace_ms = kGraceDays * kDayMs;
  terms.warning_ms = 7 * kDayMs;
  return terms;
}
Params params_of(StorageTerms terms) {
  Params params = test_params();
  params.storage = terms;
  params.features = all_features();
  return params;
}

class Payments : public ::testing::Test {
 protected:
  explicit Payments(StorageTerms terms = terms_of()) : index_(params_of(terms)) {
    bucket_ = index_.make_bucket();
  }

  void pass_days(std::uint64_t days, int blocks = 3) {
    index_.pass_ms(days * kDayMs);
    index_.idle(blocks);
  }
  void put(const std::string& key = "key") {
    ASSERT_EQ(index_.code(TestIndex::inline_put(key)), Errc{});
  }
  void ask_for_notices() {
    NoticeRule rule;
    rule.id = "rule";
    rule.target = "hook";
    rule.kinds = bit_of(NoticeKind::payment_warning) | bit_of(NoticeKind::payment_renewed) |
                 bit_of(NoticeKind::payment_grace) | bit_of(NoticeKind::payment_removed);
    SetBucketConfig command;
    command.bucket = "bucket";
    command.kind = ConfigKind::notification;
    command.document = text("document");
    command.rules = {rule};
    ASSERT_EQ(index_.code(command), Errc{});
  }
  std::vector<NoticeKind> told() {
    ListNotices query;
    query.target = "hook";
    std::vector<NoticeKind> kinds;
    for (const auto& entry : index_.ask(query)->entries) kinds.push_back(entry.notice.kind);
    return kinds;
  }
  Payment payment(const std::string& key = "key") { return index_.get(key)->version.payment; }
  bool is_there(const std::string& key = "key") { return index_.get(key).has_value(); }
  std::uint64_t ozone() { return index_.ozone(TestIndex::owner()); }
  void renew(bool on = true) {
    SetRenewal command;
    command.bucket = "bucket";
    command.renews = on;
    ASSERT_EQ(index_.run(command)->renews, on);
  }
  // Spends the rest on an object in another bucket: 1,000 bytes cost a noz in 86.4 s.
  void leave(std::uint64_t noz) {
    index_.make_bucket("sink");
    PutObject sink = TestIndex::inline_put("sink", std::string(1000, 'x'));
    sink.bucket = "sink";
    const auto stored = index_.run(sink);
    ExtendPayment command;
    command.bucket = command.key = "sink";
    command.through = stored->paid_through + std::chrono::milliseconds(86'400 * (ozone() - noz));
    ASSERT_EQ(index_.code(command), Errc{});
    ASSERT_EQ(ozone(), noz);
  }
  Result<ExtendPayment::Reply> extend(std::uint32_t days, WallTime through = {}) {
    ExtendPayment command;
    command.bucket = "bucket";
    command.key = "key";
    command.days = days;
    command.through = through;
    return index_.run(command);
  }
  Errc extend_code(std::uint32_t days, WallTime through = {}) {
    const auto reply = extend(days, through);
    return reply ? Errc{} : reply.error().code();
  }
  WallTime in_days(std::int64_t days) {
    return {index_.now().ms + days * static_cast<std::int64_t>(kDayMs)};
  }
  // Every version with a paid time has one row of due work, and nothing else has.
  void expect_rows() {
    std::map<Bytes, Bytes> rows;
    const Bytes due = keys::of(keys::Family::due);
    index_.state().scan(due, kv::prefix_end(due), [&rows](ByteView key, ByteView value) {
      if (keys::parse_due(key).kind == DueKind::payment)
        rows.emplace(to_bytes(key), to_bytes(value));
      return true;
    });
    std::size_t versions = 0;
    const Bytes prefix = keys::of(keys::Family::version);
    index_.state().scan(prefix, kv::prefix_end(prefix), [&](ByteView key, ByteView value) {
      const auto version = codec::decode<VersionRecord>(value).value();
      if (!version.payment.is_needed()) return true;
      ++versions;
      Bytes subject;
      append(subject, key.subspan(1, 8));
      append(subject, version.id.view());
      append(subject, as_bytes(keys::parse_versioned_key(key)));
      EXPECT_TRUE(rows.contains(keys::due(version.payment.due, DueKind::payment, subject)));
      return true;
    });
    EXPECT_EQ(rows.size(), versions);
  }

  TestIndex index_;
  BucketRecord bucket_;
};

TEST(StoragePrice, IsRoundedUpAndNeverOverflows) {
  StorageTerms terms;
  terms.noz_per_gib_day = 1;
  EXPECT_EQ(storage_price(terms, 0, kDayMs), 0U);
  EXPECT_EQ(storage_price(terms, 1, 1), 1U);
  EXPECT_EQ(storage_price(terms, 1ULL << 30, kDayMs), 1U);
  EXPECT_EQ(storage_price(terms, (1ULL << 30) + 1, kDayMs), 2U);
  EXPECT_EQ(storage_price(terms, 1ULL << 30, kDayMs + 1), 2U);
  terms.noz_per_gib_day = kMaxNozPerGibDay;
  EXPECT_EQ(storage_price(terms, 1ULL << 50, 1000 * kDayMs), (1ULL << 52) * 1000);
  EXPECT_EQ(storage_price(terms, ~0ULL, ~0ULL), ~0ULL);
  EXPECT_EQ(storage_price(terms, 1ULL << 60, kMaxPaidAheadMs), ~0ULL);
  terms.noz_per_gib_day = 0;
  EXPECT_EQ(storage_price(terms, ~0ULL, ~0ULL), 0U);
}

TEST(StorageTermsTest, WarnAtMostHalfATermAhead) {
  StorageTerms terms = terms_of();
  EXPECT_EQ(warning_lead_ms(terms), 7 * kDayMs);
  terms.term_ms = kDayMs;
  EXPECT_EQ(warning_lead_ms(terms), kDayMs / 2);
}

TEST(StorageTermsTest, OfAbsurdSizeAreRefused) {
  Params params = params_of(terms_of());
  EXPECT_TRUE(check_params(params));
  params.storage.noz_per_gib_day = kMaxNozPerGibDay + 1;
  EXPECT_EQ(check_params(params).error().code(), Errc::bad_config);
  params.storage = terms_of(20 * 366);
  EXPECT_EQ(check_params(params).error().code(), Errc::bad_config);
}

class FreePayments : public Payments {
 protected:
  FreePayments() : Payments(StorageTerms{}) {}
};

TEST_F(FreePayments, AreNeitherTakenNorShown) {
  put();
  EXPECT_EQ(ozone(), kOzone);
  EXPECT_EQ(payment(), Payment{});
  EXPECT_EQ(index_.run(TestIndex::inline_put("key"))->paid_through, WallTime{});
  EXPECT_EQ(extend_code(1), Errc::invalid_bucket_state);
  pass_days(5000);
  EXPECT_TRUE(is_there());
  expect_rows();
}

TEST_F(Payments, OfAFirstTermComeWithTheWrite) {
  const auto reply = index_.run(TestIndex::inline_put("key"));
  EXPECT_EQ(reply->paid_through.ms, reply->modified.ms + static_cast<std::int64_t>(30 * kDayMs));
  EXPECT_EQ(ozone(), kOzone - kBody * kTermDays);
  EXPECT_EQ(payment().through, reply->paid_through);
  EXPECT_EQ(payment().stored_bytes, kBody);
  EXPECT_EQ(storage_paid(index_.state()), kBody * kTermDays);
  expect_rows();
}

TEST_F(Payments, CountEveryCopy) {
  CreditAccount credit;
  credit.account = TestIndex::owner();
  credit.noz = 10'000'000;
  EXPECT_EQ(index_.run(credit)->ozone_noz, kOzone + 10'000'000);
  index_.put("copies");  // 4096 bytes on three nodes
  EXPECT_EQ(payment("copies").stored_bytes, 3 * 4096U);
  const SegmentCommit coded = index_.commit_of(index_.next_segment_id(), 4097, 4, 2);
  ASSERT_EQ(index_.code(TestIndex::put_of("coded", {coded})), Errc{});
  EXPECT_EQ(payment("coded").stored_bytes, 6146U);  // ⌈4097 × 6 / 4⌉
  CopyObject copy;
  copy.source_bucket = copy.bucket = "bucket";
  copy.source_key = "coded";
  copy.key = "copy";
  copy.version = index_.version_of("coded");
  EXPECT_GT(index_.run(copy)->paid_through, index_.now() + std::chrono::hours(24 * 29));
  EXPECT_EQ(payment("copy").stored_bytes, 6146U);
  EXPECT_EQ(ozone(), kOzone + 10'000'000 - (3 * 4096 + 2 * 6146) * kTermDays);
}

TEST_F(Payments, OfPartsAreDueWhenTheyAreJoined) {
  CreateUpload upload;
  upload.bucket = "bucket";
  upload.key = "key";
  upload.upload = upload_id(1);
  upload.data_key = wrapped_key();
  ASSERT_EQ(index_.code(upload), Errc{});
  CompleteUpload completion;
  completion.bucket = "bucket";
  completion.key = "key";
  completion.upload = upload_id(1);
  completion.page_macs = {text("mac")};
  for (std::uint32_t number = 1; number <= 2; ++number) {
    const SegmentCommit segment = index_.commit_of(index_.next_segment_id(), kPartBytes);
    PutPart part;
    part.bucket = "bucket";
    part.key = "key";
    part.upload = upload_id(1);
    part.number = number;
    part.slices = TestIndex::slices_of({segment});
    part.size = kPartBytes;
    part.segments = {segment};
    completion.parts.push_back({number, index_.run(part)->version});
  }
  EXPECT_EQ(ozone(), kOzone);
  EXPECT_EQ(index_.code(completion), Errc::ozone_exhausted);
  EXPECT_EQ(ozone(), kOzone);
  CreditAccount credit;
  credit.account = TestIndex::owner();
  credit.noz = 6 * kPartBytes * kTermDays;
  ASSERT_EQ(index_.code(credit), Errc{});
  const auto reply = index_.run(completion);
  ASSERT_TRUE(reply);
  EXPECT_EQ(payment().stored_bytes, 6 * kPartBytes);
  EXPECT_EQ(payment().through, reply->paid_through);
  EXPECT_EQ(ozone(), kOzone);
}

TEST_F(Payments, ThatAnAccountCannotMakeRefuseTheWrite) {
  put();
  leave(kBody * kTermDays - 1);
  const auto before = index_.dump();
  EXPECT_EQ(index_.code(TestIndex::inline_put("key")), Errc::ozone_exhausted);
  EXPECT_EQ(index_.code(TestIndex::inline_put("other")), Errc::ozone_exhausted);
  EXPECT_EQ(index_.dump(), before);
  CreditAccount credit;
  credit.account = TestIndex::owner();
  credit.noz = 1;
  EXPECT_EQ(index_.run(credit)->ozone_noz, kBody * kTermDays);
  EXPECT_EQ(index_.code(TestIndex::inline_put("other")), Errc{});
  EXPECT_EQ(ozone(), 0U);
}

TEST_F(Payments, ThatRunOutWarnThenGraceThenRemove) {
  ask_for_notices();
  put();
  pass_days(22);
  EXPECT_TRUE(told().empty());
  pass_days(2);
  EXPECT_EQ(payment().stage, PaymentStage::warned);
  EXPECT_EQ(told(), (std::vector{NoticeKind::payment_warning}));
  pass_days(7);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  EXPECT_EQ(told().back(), NoticeKind::payment_grace);
  EXPECT_EQ(index_.get("key")->inline_body, text("body"));
  pass_days(6);
  EXPECT_TRUE(is_there());
  expect_rows();
  pass_days(1);
  EXPECT_FALSE(is_there());
  EXPECT_EQ(told().back(), NoticeKind::payment_removed);
  EXPECT_EQ(index_.count(keys::Family::version), 0U);
  EXPECT_EQ(index_.count(keys::Family::inline_body), 0U);
  EXPECT_EQ(index_.count(keys::Family::list_row), 0U);
  EXPECT_EQ(ozone(), kOzone - kBody * kTermDays);
  expect_rows();
}

TEST_F(Payments, ThatRunOutFreeTheSegments) {
  const SegmentId id = index_.put("key");
  pass_days(31);
  EXPECT_EQ(index_.references(id), 1U);
  pass_days(8);
  EXPECT_FALSE(index_.segment(id).has_value());
}

TEST_F(Payments, LeaveTheWholeGraceAfterAnOutage) {
  put();
  pass_days(365);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  pass_days(kGraceDays - 1);
  EXPECT_TRUE(is_there());
  pass_days(1);
  EXPECT_FALSE(is_there());
}

TEST_F(Payments, OfABucketThatRenewsGoOn) {
  ask_for_notices();
  renew();
  put();
  const WallTime first = payment().through;
  for (std::uint64_t term = 1; term <= 3; ++term) {
    pass_days(kTermDays);
    EXPECT_EQ(payment().through.ms, first.ms + static_cast<std::int64_t>(term * 30 * kDayMs));
    EXPECT_EQ(ozone(), kOzone - kBody * kTermDays * (1 + term));
  }
  EXPECT_EQ(told().back(), NoticeKind::payment_renewed);
  EXPECT_EQ(payment().stage, PaymentStage::paid);
  expect_rows();
}

TEST_F(Payments, ThatAreLatePayEveryTermThatWasMissed) {
  renew();
  put();
  pass_days(kTermDays * 3 + 1, 1);
  EXPECT_GT(payment().through, index_.now());
  EXPECT_EQ(ozone(), kOzone - kBody * kTermDays * 4);
}

TEST_F(Payments, WithoutOzoneForATermFallToGrace) {
  renew();
  put();
  leave(kBody * kTermDays - 1);
  pass_days(31);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  EXPECT_EQ(ozone(), kBody * kTermDays - 1);
  CreditAccount credit;
  credit.account = TestIndex::owner();
  credit.noz = 1;
  ASSERT_EQ(index_.code(credit), Errc{});
  pass_days(kGraceDays);
  EXPECT_EQ(payment().stage, PaymentStage::paid);
  EXPECT_EQ(ozone(), 0U);
}

TEST_F(Payments, EndWithTheRenewal) {
  renew();
  put();
  renew(false);
  pass_days(31);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
}

TEST_F(Payments, AreExtendedByDaysOrToATime) {
  put();
  const WallTime first = payment().through;
  const auto days = extend(10);
  EXPECT_EQ(days->noz, kBody * 10);
  EXPECT_EQ(days->payment.through.ms, first.ms + static_cast<std::int64_t>(10 * kDayMs));
  EXPECT_EQ(payment(), days->payment);
  const auto same = extend(0, days->payment.through);
  EXPECT_EQ(same->noz, 0U);
  const auto to = extend(0, days->payment.through + std::chrono::hours(24));
  EXPECT_EQ(to->noz, kBody);
  EXPECT_EQ(ozone(), kOzone - kBody * (kTermDays + 11));
  expect_rows();
}

TEST_F(Payments, AreExtendedWithinBounds) {
  put();
  EXPECT_EQ(extend_code(0), Errc::invalid_argument);
  EXPECT_EQ(extend_code(1, in_days(100)), Errc::invalid_argument);
  EXPECT_EQ(extend_code(0, index_.now()), Errc::invalid_argument);
  EXPECT_EQ(extend_code(36'601), Errc::invalid_argument);
  EXPECT_EQ(extend_code(0, {std::numeric_limits<std::int64_t>::max()}), Errc::invalid_argument);
  EXPECT_EQ(extend_code(36'500), Errc{});
  leave(0);
  EXPECT_EQ(extend_code(1), Errc::ozone_exhausted);
  ExtendPayment unknown;
  unknown.bucket = "bucket";
  unknown.key = "none";
  unknown.days = 1;
  EXPECT_EQ(index_.code(unknown), Errc::no_such_object);
}

TEST_F(Payments, OverdueAreMadeGoodByAnExtension) {
  put();
  pass_days(33);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  EXPECT_EQ(extend_code(2), Errc::invalid_argument);
  const auto reply = extend(10);
  EXPECT_EQ(reply->noz, kBody * 10);
  EXPECT_EQ(reply->payment.stage, PaymentStage::paid);
  index_.idle(2);
  EXPECT_EQ(payment().stage, PaymentStage::warned);
  pass_days(5);
  EXPECT_EQ(payment().stage, PaymentStage::warned);
  pass_days(2);
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  expect_rows();
}

TEST_F(Payments, SayWhatAFurtherTermTakes) {
  put();
  GetPayment query;
  query.bucket = "bucket";
  query.key = "key";
  const auto reply = index_.ask(query);
  EXPECT_EQ(reply->term_ms, kTermDays * kDayMs);
  EXPECT_EQ(reply->term_noz, kBody * kTermDays);
  EXPECT_EQ(reply->payment, payment());
  EXPECT_FALSE(reply->renews);
  query.key = "none";
  EXPECT_EQ(index_.ask(query).error().code(), Errc::no_such_object);
}

TEST_F(Payments, OfWhatIsReplacedOrRemovedAreForgotten) {
  put();
  put();
  expect_rows();
  DeleteObject removal;
  removal.bucket = "bucket";
  removal.key = "key";
  ASSERT_EQ(index_.code(removal), Errc{});
  expect_rows();
  index_.set_versioning(Versioning::enabled);
  put();
  put();
  ASSERT_EQ(index_.code(removal), Errc{});
  index_.set_versioning(Versioning::suspended);
  put();
  put();
  expect_rows();
  EXPECT_EQ(ozone(), kOzone - 6 * kBody * kTermDays);
}

TEST_F(Payments, OfEachVersionRunOutAlone) {
  index_.set_versioning(Versioning::enabled);
  put();
  const VersionId older = index_.version_of("key");
  pass_days(10);
  put();
  const VersionId newer = index_.version_of("key");
  ASSERT_TRUE(extend(60));
  pass_days(21);
  pass_days(7);
  EXPECT_EQ(index_.version_of("key"), newer);
  EXPECT_EQ(index_.count(keys::Family::version), 1U);
  EXPECT_FALSE(index_.state().has(keys::version(bucket_.id, "key", &older)));
}

TEST_F(Payments, OfACurrentVersionThatGoesShowTheOneBefore) {
  index_.set_versioning(Versioning::enabled);
  put();
  const VersionId older = index_.version_of("key");
  ASSERT_TRUE(extend(60));
  put();
  pass_days(31);
  pass_days(7);
  EXPECT_EQ(index_.version_of("key"), older);
}

TEST_F(Payments, ManyAtOnceAreWorkedOffOverBlocks) {
  constexpr int kObjects = 1100;
  std::vector<Item> items;
  for (int i = 0; i < kObjects; ++i) {
    items.push_back(TestIndex::item(TestIndex::inline_put("key" + std::to_string(i), "b")));
  }
  index_.apply_items(items);
  pass_days(31, 1);
  pass_days(kGraceDays, 1);
  EXPECT_GT(index_.count(keys::Family::version), 0U);
  index_.idle(4);
  pass_days(kGraceDays, 4);
  EXPECT_EQ(index_.count(keys::Family::version), 0U);
  expect_rows();
}

class LockedPayments : public Payments {
 protected:
  LockedPayments() {
    index_.set_versioning(Versioning::enabled);
    set_default(DefaultRetention{});
  }
  void set_default(DefaultRetention retention) {
    SetObjectLock command;
    command.bucket = "bucket";
    command.retention = retention;
    ASSERT_EQ(index_.code(command), Errc{});
  }
  PutObject locked(std::int64_t days) {
    PutObject command = TestIndex::inline_put("key");
    command.lock.mode = LockMode::compliance;
    command.lock.retain_until = in_days(days);
    return command;
  }
  Errc retain(std::int64_t days) {
    PutRetention command;
    command.bucket = "bucket";
    command.key = "key";
    command.mode = LockMode::governance;
    command.retain_until = in_days(days);
    return index_.code(command);
  }
  void hold(bool on) {
    PutHold command;
    command.bucket = "bucket";
    command.key = "key";
    command.hold = on;
    ASSERT_EQ(index_.code(command), Errc{});
  }
};

TEST_F(LockedPayments, CoverTheWholeRetention) {
  const PutObject command = locked(100);
  EXPECT_EQ(index_.run(command)->paid_through, command.lock.retain_until);
  EXPECT_EQ(ozone(), kOzone - kBody * 100);
  EXPECT_EQ(retain(5), Errc::object_locked);
  put();
  EXPECT_EQ(retain(20), Errc{});
  EXPECT_EQ(ozone(), kOzone - kBody * (100 + kTermDays));
  EXPECT_EQ(retain(90), Errc{});
  EXPECT_EQ(payment().through, index_.get("key")->version.lock.retain_until);
  EXPECT_EQ(ozone(), kOzone - kBody * (100 + 90) - 1);  // the put was a little before
  expect_rows();
}

TEST_F(LockedPayments, RefuseALockThatIsNotPrepaid) {
  put();
  leave(kBody * 40 + 1);
  EXPECT_EQ(index_.code(locked(41)), Errc::ozone_exhausted);
  EXPECT_EQ(retain(71), Errc::ozone_exhausted);
  EXPECT_TRUE(index_.get("key")->version.lock.empty());
  EXPECT_EQ(ozone(), kBody * 40 + 1);
  EXPECT_EQ(retain(70), Errc{});
  EXPECT_LE(ozone(), 1U);
}

TEST_F(LockedPayments, CoverTheRetentionOfTheBucket) {
  DefaultRetention retention;
  retention.mode = LockMode::compliance;
  retention.years = 1;
  set_default(retention);
  put();
  EXPECT_EQ(ozone(), kOzone - kBody * 365);
  EXPECT_EQ(payment().through, index_.get("key")->version.lock.retain_until);
  leave(kBody * 365 - 1);
  EXPECT_EQ(index_.code(TestIndex::inline_put("key")), Errc::ozone_exhausted);
}

TEST_F(LockedPayments, ThatAreOverdueRemoveNothingUnderAHold) {
  ask_for_notices();
  put();
  hold(true);
  pass_days(31);
  pass_days(7);
  pass_days(100);
  EXPECT_TRUE(is_there());
  EXPECT_EQ(payment().stage, PaymentStage::grace);
  expect_rows();
  hold(false);
  pass_days(1);
  EXPECT_FALSE(is_there());
  EXPECT_EQ(told(), (std::vector{NoticeKind::payment_removed}));  // the others are too old
}

// Ozone moves from the account to what was paid, and nowhere else; what is paid is there, and every
// row fits, whatever happens in whatever order.
TEST_F(Payments, AddUpOverARandomYear) {
  SeededRandom random(20);
  index_.set_versioning(Versioning::enabled);
  ask_for_notices();
  std::uint64_t credited = 0;
  for (int step = 0; step < 300; ++step) {
    const std::string key = "key" + std::to_string(random.below(5));
    switch (random.below(8)) {
      case 0:
      case 1:
        index_.code(TestIndex::inline_put(key, std::string(random.below(60), 'x')));
        break;
      case 2: {
        ExtendPayment command;
        command.bucket = "bucket";
        command.key = key;
        command.days = static_cast<std::uint32_t>(random.below(40));
        index_.code(command);
        break;
      }
      case 3: {
        DeleteObject command;
        command.bucket = "bucket";
        command.key = key;
        index_.code(command);
        break;
      }
      case 4: {
        SetRenewal command;
        command.bucket = "bucket";
        command.renews = random.below(2) == 0;
        index_.code(command);
        break;
      }
      case 5: {
        CreditAccount command;
        command.account = TestIndex::owner();
        command.noz = random.below(500);
        credited += command.noz;
        index_.code(command);
        break;
      }
      default:
        pass_days(random.below(6), static_cast<int>(random.below(3)));
    }
    if (step == 100) leave(100);
    EXPECT_EQ(storage_paid(index_.state()) + ozone(), kOzone + credited);
    expect_rows();
  }
  EXPECT_GT(storage_paid(index_.state()), 1000U);
}

}  // namespace
}  // namespace stratos::meta
