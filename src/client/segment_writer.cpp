#include "client/segment_writer.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace stratos::client {
namespace {

constexpr std::uint64_t kBatchBytes = 1 << 20;
// A fragment this far behind the quorum is given up.
constexpr std::uint64_t kMaxLagBytes = 4 << 20;
// Cost of encrypting, coding and hashing one byte, for the simulator.
constexpr std::int64_t kEncodePicosecondsPerByte = 700;

Duration encode_cost(std::size_t bytes) {
  return Duration(static_cast<std::int64_t>(bytes) * kEncodePicosecondsPerByte / 1000);
}

}  // namespace

std::uint64_t stripes_per_batch(std::uint8_t k) {
  return std::max<std::uint64_t>(1, kBatchBytes / (k * kUnitBytes));
}

// One fragment on its way to one node.
struct SegmentWriter::Lane {
  explicit Lane(Runtime& runtime) : arrived(runtime) {}
  NodeId node;
  std::deque<Buffer> chunks;
  std::uint64_t queued_bytes = 0;
  std::uint64_t sent_bytes = 0;
  bool failed = false;
  bool done = false;
  WaitQueue arrived;
};

// Shared by the writer and its lanes; the last of them frees it.
struct SegmentWriter::Transfer {
  Transfer(Mesh& mesh_in, BucketId bucket_in, Place place_in, erasure::Shape shape_in,
           const erasure::ReedSolomon& code, const crypto::SecretKey& data_key)
      : mesh(mesh_in),
        bucket(bucket_in),
        place(std::move(place_in)),
        shape(shape_in),
        encoder(shape_in, code, data_key, place.segment),
        progress(mesh_in.runtime) {}

  std::size_t alive() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lanes, [](const auto& lane) { return !lane->failed; }));
  }
  std::size_t quorum() const { return meta::write_quorum(shape.k, shape.m); }
  // How many lanes have at most `bytes` still to send.
  std::size_t within(std::uint64_t bytes) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        lanes, [bytes](const auto& lane) { return !lane->failed && lane->queued_bytes <= bytes; }));
  }
  void give_up_stragglers();

  Mesh& mesh;
  BucketId bucket;
  Place place;
  erasure::Shape shape;
  SegmentEncoder encoder;
  WaitQueue progress;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::size_t next_spare = 0;  // rank of the next unused node
  std::vector<Hash> roots;     // known when the last chunk is queued
  bool sealed = false;
  bool abandoned = false;
  bool answered = false;  // finish() has returned its commit
  std::vector<meta::Receipt> receipts;
};

void SegmentWriter::Transfer::give_up_stragglers() {
  std::vector<std::uint64_t> behind;
  for (const auto& lane : lanes) {
    if (!lane->failed) behind.push_back(lane->queued_bytes);
  }
  if (behind.size() < quorum()) return;
  std::ranges::sort(behind);
  const std::uint64_t most = behind[quorum() - 1] + kMaxLagBytes;
  for (const auto& lane : lanes) {
    if (lane->failed || lane->queued_bytes <= most) continue;
    lane->failed = true;
    lane->chunks.clear();
    lane->arrived.wake_all();
    mesh.abandoned_fragments.add();
  }
}

SegmentWriter::SegmentWriter(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}

SegmentWriter::~SegmentWriter() {
  transfer_->abandoned = !transfer_->sealed;
  for (const auto& lane : transfer_->lanes) lane->arrived.wake_all();
}

const SegmentId& SegmentWriter::id() const { return transfer_->place.segment; }

Task<Result<std::unique_ptr<SegmentWriter>>> SegmentWriter::start(Mesh& mesh, BucketId bucket,
                                                                  erasure::Shape shape,
                                                                  crypto::SecretKey data_key) {
  STRATOS_CO_TRY(const erasure::ReedSolomon* code, mesh.code(shape));
  STRATOS_CO_TRY(Place place, co_await mesh.allocator.allocate(shape));
  auto transfer =
      std::make_shared<Transfer>(mesh, bucket, std::move(place), shape, *code, data_key);
  const std::size_t lanes = std::min(shape.n(), transfer->place.ranked.size());
  if (lanes < transfer->quorum()) co_return fail(Errc::too_few_domains);
  for (std::size_t i = 0; i < lanes; ++i) {
    transfer->lanes.push_back(std::make_unique<Lane>(mesh.runtime));
    transfer->lanes.back()->node = transfer->place.ranked[i];
  }
  transfer->next_spare = lanes;
  for (std::size_t i = 0; i < lanes; ++i) mesh.background.spawn(run_lane(transfer, i));
  co_return std::unique_ptr<SegmentWriter>(new SegmentWriter(std::move(transfer)));
}

Task<Result<void>> SegmentWriter::write(Buffer plain) {
  const std::shared_ptr<Transfer> transfer = transfer_;
  auto work = [transfer, plain] { return transfer->encoder.encode(plain.view()); };
  const std::vector<Buffer> fragments =
      co_await transfer->mesh.runtime.offload(std::move(work), encode_cost(plain.size()));
  for (std::size_t i = 0; i < transfer->lanes.size(); ++i) {
    Lane& lane = *transfer->lanes[i];
    if (lane.failed) continue;
    lane.queued_bytes += fragments[i].size();
    lane.chunks.push_back(fragments[i]);
    lane.arrived.wake_all();
  }
  transfer->give_up_stragglers();
  // One batch may be on the wire while the next is encoded.
  while (transfer->within(fragments[0].size()) < transfer->quorum()) {
    if (transfer->alive() < transfer->quorum()) co_return fail(Errc::below_quorum, id().hex());
    STRATOS_CO_CHECK(co_await transfer->progress.wait(transfer->mesh.options.node_timeout * 2));
  }
  co_return Result<void>{};
}

Task<Result<meta::SegmentCommit>> SegmentWriter::finish(Buffer plain) {
  const std::shared_ptr<Transfer> transfer = transfer_;
  Mesh& mesh = transfer->mesh;
  auto work = [transfer, plain] { return transfer->encoder.finish(plain.view()); };
  SegmentEncoder::Last last =
      co_await mesh.runtime.offload(std::move(work), encode_cost(plain.size()));
  transfer->roots = std::move(last.roots);
  transfer->sealed = true;
  for (std::size_t i = 0; i < transfer->lanes.size(); ++i) {
    Lane& lane = *transfer->lanes[i];
    if (lane.failed) continue;
    lane.queued_bytes += last.fragments[i].size();
    lane.chunks.push_back(std::move(last.fragments[i]));
    lane.arrived.wake_all();
  }
  while (transfer->receipts.size() < transfer->quorum()) {
    if (transfer->alive() < transfer->quorum()) co_return fail(Errc::below_quorum, id().hex());
    STRATOS_CO_CHECK(co_await transfer->progress.wait(mesh.options.node_timeout * 2));
  }
  const MonotonicTime until = mesh.runtime.now() + mesh.options.patience;
  while (transfer->receipts.size() < transfer->alive() && mesh.runtime.now() < until) {
    const Result<void> woken = co_await transfer->progress.wait(until - mesh.runtime.now());
    if (!woken && woken.error().code() == Errc::cancelled) co_return fail(woken.error());
  }
  transfer->answered = true;
  meta::SegmentCommit commit;
  commit.id = transfer->place.segment;
  commit.table_version = transfer->place.table_version;
  commit.k = transfer->shape.k;
  commit.m = transfer->shape.m;
  commit.length = last.length;
  commit.receipts = transfer->receipts;
  co_return commit;
}

Task<Result<net::Reply<resource::WriteReply>>> SegmentWriter::send_chunk(
    std::shared_ptr<Transfer> transfer, std::size_t index) {
  Lane& lane = *transfer->lanes[index];
  resource::WriteRequest request;
  request.fragment.segment = transfer->place.segment;
  request.fragment.index = static_cast<std::uint8_t>(index);
  request.zone = transfer->place.zone;
  request.k = transfer->shape.k;
  request.m = transfer->shape.m;
  request.offset = lane.sent_bytes;
  request.seal = transfer->sealed && lane.chunks.size() == 1;
  if (request.seal) request.root = transfer->roots[index];
  Buffer body = lane.chunks.front();
  return transfer->mesh.write(lane.node, std::move(request), std::move(body), transfer->bucket);
}

Task<void> SegmentWriter::run_lane(std::shared_ptr<Transfer> transfer, std::size_t index) {
  Lane& lane = *transfer->lanes[index];
  while (!lane.failed && !lane.done && !transfer->abandoned) {
    if (lane.chunks.empty()) {
      const Result<void> woken = co_await lane.arrived.wait(std::nullopt);
      if (!woken) break;
      continue;
    }
    const bool sealed = transfer->sealed && lane.chunks.size() == 1;
    auto reply = co_await send_chunk(transfer, index);
    if (lane.failed) break;
    if (!reply) {
      log::debug("fragment.write_failed",
                 {{"node", to_string(lane.node)}, {"error", reply.error().to_string()}});
      // Nothing arrived yet: the next node in rank takes the fragment over.
      const bool can_move = lane.sent_bytes == 0 &&
                            transfer->next_spare < transfer->place.ranked.size() &&
                            reply.error().code() != Errc::cancelled;
      lane.failed = !can_move;
      if (can_move) lane.node = transfer->place.ranked[transfer->next_spare++];
      transfer->progress.wake_all();
      continue;
    }
    lane.sent_bytes += lane.chunks.front().size();
    lane.queued_bytes -= lane.chunks.front().size();
    lane.chunks.pop_front();
    if (sealed) {
      take_receipt(*transfer, index, std::move(reply->head.receipt));
      if (lane.done && transfer->answered) {
        co_await report_late(transfer, transfer->receipts.back());
      }
    }
    transfer->progress.wake_all();
  }
  transfer->progress.wake_all();
}

// A node that answers for other bytes than were sent holds nothing of use, and its receipt would
// spoil the whole commit.
void SegmentWriter::take_receipt(Transfer& transfer, std::size_t index,
                                 std::optional<meta::Receipt> receipt) {
  Lane& lane = *transfer.lanes[index];
  FragmentId fragment;
  fragment.segment = transfer.place.segment;
  fragment.index = static_cast<std::uint8_t>(index);
  lane.done = receipt && receipt->node == lane.node && receipt->fragment == fragment &&
              receipt->length == lane.sent_bytes && receipt->root == transfer.roots[index];
  lane.failed = !lane.done;
  if (lane.done) transfer.receipts.push_back(std::move(*receipt));
}

// The segment may not be committed yet; when it never is, the fragment's lease ends by itself.
Task<void> SegmentWriter::report_late(std::shared_ptr<Transfer> transfer, meta::Receipt receipt) {
  constexpr int kAttempts = 5;
  Mesh& mesh = transfer->mesh;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    meta::GetSegments query;
    query.ids.push_back(transfer->place.segment);
    const auto found = co_await mesh.meta.query(query);
    if (found && !found->segments.empty()) {
      meta::AddHolder command;
      command.generation = found->segments[0].generation;
      command.receipt = receipt;
      const auto added = co_await mesh.meta.execute(command);
      if (added || added.error().code() != Errc::stale_generation) co_return;
    }
    co_await mesh.runtime.sleep(200ms * (attempt + 1));
  }
}

}  // namespace stratos::client
