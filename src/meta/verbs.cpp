#include "meta/verbs.hpp"

#include <algorithm>

#include "meta/features.hpp"
#include "meta/notices.hpp"
#include "meta/payment.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {
namespace {

template <class Command>
Result<Bytes> decode_and_run(Context& context, ByteView bytes) {
  STRATOS_TRY(const Command command, codec::decode<Command>(bytes));
  return run(context, command);
}

using Runner = Result<Bytes> (*)(Context&, ByteView);

template <class... Commands>
Runner find_runner(Verb verb) {
  Runner found = nullptr;
  ((verb == Commands::kVerb ? void(found = &decode_and_run<Commands>) : void()), ...);
  return found;
}

// Every sweep returns how many rows it freed, about.

std::size_t sweep_orphan(Context& context, ByteView subject) {
  const auto id = SegmentId::from(subject);
  if (!id) return 1;
  const auto segment = context.state.load<SegmentRecord>(keys::segment(*id));
  if (segment && segment->references == 0) free_segment(context, *segment);
  return 1;
}

// At most kRowsAtOnce keys with the prefix.
constexpr std::size_t kRowsAtOnce = 1024;
std::vector<Bytes> some_keys(const State& state, const Bytes& prefix) {
  std::vector<Bytes> keys;
  state.scan(prefix, kv::prefix_end(prefix), [&keys](ByteView key, ByteView) {
    keys.push_back(to_bytes(key));
    return keys.size() < kRowsAtOnce;
  });
  return keys;
}

// First the grant itself, so that none of its ids is taken again; then the ids it spent.
std::size_t sweep_grant(Context& context, ByteView subject) {
  const GrantId id(get_be<std::uint64_t>(subject));
  if (const auto grant = context.state.load<GrantRecord>(keys::grant(id))) {
    close_grant(context, *grant);
    context.state.erase(keys::grant(id));
  }
  const std::vector<Bytes> spent = some_keys(context.state, keys::spent_segments_of(id));
  for (const Bytes& key : spent) context.state.erase(key);
  if (spent.size() == kRowsAtOnce) {
    context.state.put(keys::due(context.time, DueKind::close_grant, subject), {});
  }
  return 1 + spent.size();
}

std::size_t sweep_bucket(Context& context, ByteView subject) {
  const BucketId id(get_be<std::uint64_t>(subject));
  const std::vector<Bytes> uploads = some_keys(context.state, keys::uploads_of(id));
  for (const Bytes& key : uploads) {
    const ByteView upload = ByteView(key).last(UploadId::kSize);
    context.state.put(keys::due(context.time, DueKind::free_upload, upload), {});
    context.state.erase(key);
  }
  if (uploads.size() == kRowsAtOnce) {
    context.state.put(keys::due(context.time, DueKind::free_bucket, subject), {});
  }
  return 1 + uploads.size();
}

std::size_t sweep_pages(Context& context, ByteView subject) {
  // bucket (8), version (16), next page (4), pages (4); one page a block
  const BucketId bucket(get_be<std::uint64_t>(subject));
  const VersionId version = VersionId::from(subject.subspan(8, 16)).value();
  const auto page_number = get_be<std::uint32_t>(subject.subspan(24));
  const auto pages = get_be<std::uint32_t>(subject.subspan(28));
  const Bytes key = keys::slice_page(bucket, version, page_number);
  std::size_t rows = 1;
  if (const auto page = context.state.load<SlicePage>(key)) {
    drop_references(context, page->slices);
    context.state.erase(key);
    rows += page->slices.size();
  }
  if (page_number + 1 >= pages) return rows;
  Bytes rest = to_bytes(subject.first(24));
  put_be(rest, page_number + 1);
  put_be(rest, pages);
  context.state.put(keys::due(context.time, DueKind::free_pages, rest), {});
  return rows;
}

std::size_t sweep_results(Context& context, ByteView subject) {
  const Bytes key = keys::results_of(Height(get_be<std::uint64_t>(subject)));
  const auto ids = context.state.get(key);
  for (std::size_t at = 0; ids && at + IdempotencyId::kSize <= ids->size();
       at += IdempotencyId::kSize) {
    const auto id = IdempotencyId::from(ByteView(*ids).subspan(at, IdempotencyId::kSize));
    context.state.erase(keys::result(*id));
  }
  context.state.erase(key);
  // Nothing hangs on them, so four count as one.
  return 1 + (ids ? ids->size() / IdempotencyId::kSize / 4 : 0);
}

std::size_t sweep_table(Context& context, ByteView subject) {
  context.state.erase(keys::node_table(get_be<std::uint64_t>(subject)));
  return 1;
}

std::size_t sweep_item(Context& context, const keys::DueItem& item, ByteView value) {
  if (const auto freed = sweep_settlement(context, item)) return *freed;
  switch (item.kind) {
    case DueKind::orphan_segment:
      return sweep_orphan(context, item.subject);
    case DueKind::close_grant:
      return sweep_grant(context, item.subject);
    case DueKind::free_pages:
      return sweep_pages(context, item.subject);
    case DueKind::free_upload:
      return free_upload(context, UploadId::from(item.subject).value());
    case DueKind::drop_table:
      return sweep_table(context, item.subject);
    case DueKind::forget_results:
      return sweep_results(context, item.subject);
    case DueKind::free_bucket:
      return sweep_bucket(context, item.subject);
    case DueKind::expire_notices:
      return expire_notices(context, item.subject);
    case DueKind::payment:
      return sweep_payment(context, item, value);
  }
  return 1;
}

}  // namespace

VersionId Context::version_id() const {
  Bytes bytes;
  put_be(bytes, height.value);
  put_be(bytes, std::uint64_t{index});
  return VersionId::from(bytes).value();
}

Epoch Context::epoch() const {
  return Epoch(static_cast<std::uint64_t>(time.ms) / params.epoch_ms);
}

Result<Bytes> execute(Context& context, Verb verb, ByteView command) {
  const Runner runner =
      find_runner<CreateAccount, CreateAccessKey, DeleteAccessKey, CreateBucket, DeleteBucket,
                  PutObject, DeleteObject, CopyObject, CreateUpload, PutPart, CompleteUpload,
                  AbortUpload, CommitSegments, AddHolder, LoseHolder, RegisterNode, SetNodeState,
                  ReserveGrant, TrimFeed, SetVersioning, SetObjectLock, PutTags, PutRetention,
                  PutHold, SetBucketConfig, SetAttributes, RecordAudits, ScoreNodes, ReinstateNode,
                  BeginGeneration, ResumeDrops, AttachHolders, EnableFeatures, RotateMetaKey,
                  SettleOrders, HandInSplit, SignReport, TakeOffNotices, CreditAccount,
                  ExtendPayment, SetRenewal>(verb);
  if (runner == nullptr) {
    return fail(Errc::not_implemented, "verb " + std::to_string(static_cast<int>(verb)));
  }
  const Feature* const feature = feature_of(verb);
  if (feature != nullptr && !has_feature(context.params, feature->name)) {
    return fail(Errc::feature_off, std::string(feature->name));
  }
  return runner(context, command);
}

void sweep(Context& context, std::size_t budget) {
  std::vector<std::pair<Bytes, Bytes>> due;
  const Bytes lower = keys::of(keys::Family::due);
  Bytes upper = lower;
  put_be(upper, static_cast<std::uint64_t>(context.time.ms) + 1);
  context.state.scan(lower, upper, [&due, budget](ByteView key, ByteView value) {
    due.emplace_back(to_bytes(key), to_bytes(value));
    return due.size() < budget;
  });
  std::size_t freed = 0;
  for (const auto& [key, value] : due) {
    if (freed >= budget) break;
    context.state.erase(key);
    freed += sweep_item(context, keys::parse_due(key), value);
  }
}

Result<BucketRecord> require_bucket(const State& state, std::string_view name) {
  const auto bucket = state.load_shared<BucketRecord>(keys::bucket(name));
  if (!bucket) return fail(Errc::no_such_bucket, std::string(name));
  return *bucket;
}

const Profile* find_profile(const Params& params, std::string_view name) {
  if (name.empty()) return params.profiles.empty() ? nullptr : &params.profiles[0];
  const auto found = std::ranges::find(params.profiles, name, &Profile::name);
  return found == params.profiles.end() ? nullptr : &*found;
}

void emit(Context& context, Event event) {
  event.sequence = context.state.next("event");
  event.time = context.time;
  context.state.store_new(keys::event(event.sequence), event);
  if (event.sequence > kEventsKept) context.state.erase(keys::event(event.sequence - kEventsKept));
}

}  // namespace stratos::meta
