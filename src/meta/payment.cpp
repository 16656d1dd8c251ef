#include "meta/payment.hpp"

#include <algorithm>
#include <limits>

#include "meta/notices.hpp"

namespace stratos::meta {
namespace {

constexpr std::uint32_t kMaxDays = kMaxPaidAheadMs / kDayMs;
constexpr std::string_view kPaid = "storage_noz";
constexpr std::size_t kRowsOfStep = 2;
constexpr std::size_t kRowsOfVersion = 4;

WallTime later(WallTime time, std::uint64_t ms) {
  return time + std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}
std::uint64_t span_ms(WallTime from, WallTime until) {
  return until > from ? static_cast<std::uint64_t>(until.ms - from.ms) : 0;
}

Result<void> charge(Context& context, const AccountId& payer, std::uint64_t noz) {
  if (noz == 0) return {};
  auto account = context.state.load<AccountRecord>(keys::account(payer));
  if (!account) return fail(Errc::no_such_account);
  if (account->ozone_noz < noz) return fail(Errc::ozone_exhausted);
  account->ozone_noz -= noz;
  context.state.store(keys::account(payer), *account);
  context.state.advance(kPaid, noz);
  return {};
}

Bytes due_key(BucketId bucket, std::string_view key, const VersionRecord& version) {
  Bytes subject;
  put_be(subject, bucket.value);
  append(subject, version.id.view());
  append(subject, as_bytes(key));
  return keys::due(version.payment.due, DueKind::payment, subject);
}

// What a row of due work is about.
struct Subject {
  BucketId bucket;
  VersionId version;
  std::string key;
};
Subject parse_subject(ByteView subject) {
  constexpr std::size_t kBucketBytes = sizeof(BucketId::rep);
  return {BucketId(get_be<std::uint64_t>(subject)),
          VersionId::from(subject.subspan(kBucketBytes, VersionId::kSize)).value(),
          std::string(as_text(subject.subspan(kBucketBytes + VersionId::kSize)))};
}

void set_through(const Context& context, Payment& payment, WallTime through) {
  payment.through = through;
  payment.stage = PaymentStage::paid;
  const auto lead = static_cast<std::int64_t>(warning_lead_ms(context.params.storage));
  payment.due = through + std::chrono::milliseconds(-lead);
}

void expect_due(Context& context, const BucketRecord& bucket, std::string_view key,
                const VersionRecord& version) {
  context.state.put(due_key(bucket.id, key, version), to_bytes(as_bytes(bucket.name)));
}

// Pays on from where it is paid through now. Returns what that took.
Result<std::uint64_t> pay_on(Context& context, const BucketRecord& bucket, std::string_view key,
                             VersionRecord& version, WallTime through) {
  const std::uint64_t noz = storage_price(context.params.storage, version.payment.stored_bytes,
                                          span_ms(version.payment.through, through));
  STRATOS_CHECK(charge(context, bucket.owner, noz));
  forget_payment(context, bucket.id, key, version);
  set_through(context, version.payment, through);
  expect_due(context, bucket, key, version);
  return noz;
}

// As many terms as bring it beyond the block's time, all or none.
bool renew(Context& context, const BucketRecord& bucket, Payment& payment) {
  const StorageTerms& terms = context.params.storage;
  if (!bucket.renews || !terms.is_on()) return false;
  const std::uint64_t count = span_ms(payment.through, context.time) / terms.term_ms + 1;
  const std::uint64_t time_ms = count * terms.term_ms;
  const std::uint64_t noz = storage_price(terms, payment.stored_bytes, time_ms);
  if (!charge(context, bucket.owner, noz)) return false;
  set_through(context, payment, later(payment.through, time_ms));
  return true;
}

// Notices of one sweep are told apart by their index.
void note(Context& context, const BucketRecord& bucket, NoticeKind kind, std::string_view key,
          const VersionRecord& version) {
  if (!bucket.notifies) return;
  Bytes summary = version.sealed_summary;
  if (summary.empty()) {
    const auto row = context.state.load<ListRow>(keys::list_row(bucket.id, key));
    if (row && row->version == version.id) summary = row->sealed_summary;
  }
  if (kind == NoticeKind::payment_removed) summary.clear();
  note_change(context, bucket, {kind, key, version, summary}, Cause{});
  ++context.index;
}

std::size_t remove_unpaid(Context& context, const BucketRecord& bucket, std::string_view key,
                          const VersionRecord& version) {
  remove_version(context, bucket.id, key, version);
  Event event;
  event.kind = EventKind::object_removed;
  event.bucket = bucket.id;
  event.key = key;
  event.version = version.id;
  emit(context, event);
  note(context, bucket, NoticeKind::payment_removed, key, version);
  return kRowsOfVersion + (version.page ? version.page->slices.size() : 0);
}

// What comes next for a version whose time has come; nothing when it is to go.
std::optional<NoticeKind> next_step(Context& context, const BucketRecord& bucket,
                                    VersionRecord& version) {
  Payment& payment = version.payment;
  if (context.time < payment.through) {
    payment.stage = PaymentStage::warned;
    payment.due = payment.through;
    return NoticeKind::payment_warning;
  }
  if (renew(context, bucket, payment)) return NoticeKind::payment_renewed;
  if (payment.stage == PaymentStage::grace) return std::nullopt;
  // From now on, so that an outage takes no part of it away.
  payment.stage = PaymentStage::grace;
  payment.due = later(context.time, context.params.storage.grace_ms);
  return NoticeKind::payment_grace;
}

Result<WallTime> wanted_through(const Context& context, const ExtendPayment& command,
                                const Payment& payment) {
  if ((command.through.ms == 0) == (command.days == 0) || command.days > kMaxDays) {
    return fail(Errc::invalid_argument, "a time or days");
  }
  const WallTime through =
      command.days == 0 ? command.through : later(payment.through, command.days * kDayMs);
  if (through <= context.time || span_ms(context.time, through) > kMaxPaidAheadMs) {
    return fail(Errc::invalid_argument, "the time to pay through");
  }
  return through;
}

}  // namespace

std::uint64_t storage_price(const StorageTerms& terms, std::uint64_t stored_bytes,
                            std::uint64_t time_ms) {
  using Wide = unsigned __int128;
  constexpr Wide kGib = 1ULL << 30;
  // A product of 2^50 bytes, 2^32 noz and 2^42 ms fits; more is cut before it can overflow.
  const Wide byte_noz = Wide{stored_bytes} * terms.noz_per_gib_day;
  constexpr Wide kMost = ~Wide{0};
  constexpr std::uint64_t kMostNoz = std::numeric_limits<std::uint64_t>::max();
  if (time_ms != 0 && byte_noz > (kMost - kGib * kDayMs) / time_ms) return kMostNoz;
  const Wide noz = (byte_noz * time_ms + kGib * kDayMs - 1) / (kGib * kDayMs);
  return noz > kMostNoz ? kMostNoz : static_cast<std::uint64_t>(noz);
}

std::uint64_t warning_lead_ms(const StorageTerms& terms) {
  return std::min(terms.warning_ms, terms.term_ms / 2);
}

std::uint64_t stored_bytes(const Context& context, const std::vector<Slice>& slices) {
  if (!context.params.storage.is_on()) return 0;
  std::uint64_t bytes = 0;
  for (const Slice& slice : slices) {
    const auto segment = context.state.load<SegmentRecord>(keys::segment(slice.segment));
    if (!segment || segment->k == 0) continue;
    const std::uint64_t shape = std::uint64_t{segment->k} + segment->m;
    bytes += (slice.length * shape + segment->k - 1) / segment->k;
  }
  return bytes;
}

Result<void> pay_first_term(Context& context, const BucketRecord& bucket, std::string_view key,
                            VersionRecord& version) {
  const StorageTerms& terms = context.params.storage;
  Payment payment;
  payment.stored_bytes = version.payment.stored_bytes;
  version.payment = Payment{};
  if (!terms.is_on()) return {};
  WallTime through = later(context.time, terms.term_ms);
  if (version.lock.mode != LockMode::none) through = std::max(through, version.lock.retain_until);
  const std::uint64_t noz =
      storage_price(terms, payment.stored_bytes, span_ms(context.time, through));
  STRATOS_CHECK(charge(context, bucket.owner, noz));
  set_through(context, payment, through);
  version.payment = payment;
  expect_due(context, bucket, key, version);
  return {};
}

Result<void> pay_retention(Context& context, const BucketRecord& bucket, std::string_view key,
                           VersionRecord& version) {
  const bool covered = !version.payment.is_needed() || version.lock.mode == LockMode::none ||
                       version.lock.retain_until <= version.payment.through;
  if (covered) return {};
  STRATOS_CHECK(pay_on(context, bucket, key, version, version.lock.retain_until));
  return {};
}

void forget_payment(Context& context, BucketId bucket, std::string_view key,
                    const VersionRecord& version) {
  if (version.payment.is_needed()) context.state.erase(due_key(bucket, key, version));
}

std::size_t sweep_payment(Context& context, const keys::DueItem& item, ByteView bucket_name) {
  const Subject subject = parse_subject(item.subject);
  const auto bucket = context.state.load_shared<BucketRecord>(keys::bucket(as_text(bucket_name)));
  const Bytes row = keys::version(subject.bucket, subject.key, &subject.version);
  auto version = context.state.load<VersionRecord>(row);
  const bool is_right =
      bucket && bucket->id == subject.bucket && version && version->payment.due == item.time;
  if (!is_right) return 1;
  const auto step = next_step(context, *bucket, *version);
  const bool locked = is_locked(version->lock, context.time, false);
  if (!step && !locked) return remove_unpaid(context, *bucket, subject.key, *version);
  if (!step) version->payment.due = later(context.time, kDayMs);
  context.state.store(row, *version);
  expect_due(context, *bucket, subject.key, *version);
  if (step) note(context, *bucket, *step, subject.key, *version);
  return kRowsOfStep;
}

std::uint64_t storage_paid(const State& state) { return state.counter(kPaid); }

Result<Bytes> run(Context& context, const CreditAccount& command) {
  auto account = context.state.load<AccountRecord>(keys::account(command.account));
  if (!account) return fail(Errc::no_such_account);
  if (command.noz > std::numeric_limits<std::uint64_t>::max() - account->ozone_noz) {
    return fail(Errc::invalid_argument, "ozone");
  }
  account->ozone_noz += command.noz;
  context.state.store(keys::account(command.account), *account);
  CreditAccount::Reply reply;
  reply.ozone_noz = account->ozone_noz;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const ExtendPayment& command) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(context.state, command.bucket));
  STRATOS_TRY(VersionRecord version,
              require_version(context.state, bucket, command.key, command.version));
  if (!version.payment.is_needed()) return fail(Errc::invalid_bucket_state, command.bucket);
  STRATOS_TRY(const WallTime through, wanted_through(context, command, version.payment));
  ExtendPayment::Reply reply;
  if (through > version.payment.through) {
    STRATOS_TRY(reply.noz, pay_on(context, bucket, command.key, version, through));
    context.state.store(keys::version(bucket.id, command.key, &version.id), version);
  }
  reply.version = version.id;
  reply.versioned = version.versioned;
  reply.payment = version.payment;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const SetRenewal& command) {
  STRATOS_TRY(BucketRecord bucket, require_bucket(context.state, command.bucket));
  bucket.renews = command.renews;
  context.state.store(keys::bucket(command.bucket), bucket);
  return codec::encode(bucket);
}

Result<GetPayment::Reply> answer(const State& state, const GetPayment& query) {
  STRATOS_TRY(const BucketRecord bucket, require_bucket(state, query.bucket));
  STRATOS_TRY(const VersionRecord version,
              require_version(state, bucket, query.key, query.version));
  const auto params = state.load_shared<Params>(keys::of(keys::Family::params));
  GetPayment::Reply reply;
  reply.version = version.id;
  reply.versioned = version.versioned;
  reply.payment = version.payment;
  reply.renews = bucket.renews;
  if (!params) return reply;
  reply.term_ms = params->storage.term_ms;
  reply.term_noz =
      storage_price(params->storage, version.payment.stored_bytes, params->storage.term_ms);
  return reply;
}

}  // namespace stratos::meta
