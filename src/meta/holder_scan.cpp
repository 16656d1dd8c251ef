#include "meta/holder_scan.hpp"

#include <algorithm>
#include <deque>

#include "base/log.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {

constexpr Duration kListTimeout = 30s;
constexpr Duration kAttestTimeout = 60s;
constexpr std::int64_t kSlowestBytesPerSecond = 1 << 20;
constexpr std::size_t kGroupsAtOnce = 1024;
constexpr Duration kLookCost = 5ms;

constexpr std::uint16_t number(NodeOrder order) { return static_cast<std::uint16_t>(order); }

}  // namespace

struct HolderScan::Stream {
  NodeRecord node;
  std::deque<HeldReply::Item> items;
  std::optional<FragmentId> after;
  bool is_done = false;  // `items` are the last ones
  bool is_silent = false;
};

struct HolderScan::Group {
  SegmentId segment;
  std::vector<HeldCopy> held;
};

struct HolderScan::Work {
  SegmentRecord segment;
  HolderPlan plan;
};

struct HolderScan::Looked {
  std::vector<std::shared_ptr<const Work>> works;
  std::uint64_t spare = 0;
  std::uint64_t unknown_segments = 0;
  std::uint64_t unknown_fragments = 0;
  std::uint64_t unknown_bytes = 0;
};

HolderScan::HolderScan(Parts parts, ScanOptions options)
    : parts_(std::move(parts)),
      options_(options),
      gather_until_(parts_.runtime.now() + options.gather),
      retry_pause_(options.first_retry),
      attached_(parts_.metrics.counter("stratos_scan_attached_holders_total")),
      failures_(parts_.metrics.counter("stratos_scan_failures_total")),
      free_(parts_.runtime, options.at_once),
      woken_(parts_.runtime),
      works_(parts_.runtime, "scan_works"),
      tasks_(parts_.runtime, "scan") {
  status_.is_wanted = zone_state(State(parts_.store)).scan_wanted;
}

Task<void> HolderScan::stop() {
  stopping_ = true;
  woken_.wake_all();
  works_.cancel();
  tasks_.cancel();
  co_await tasks_.join();
  co_await works_.join();
}

void HolderScan::ask_for_scan() {
  if (status_.is_running) return;
  asked_ = true;
  status_.is_running = true;
  woken_.wake_all();
}

Task<void> HolderScan::run() {
  while (!stopping_) {
    if (is_due()) co_await scan();
    const Result<void> woken = co_await woken_.wait(options_.interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
  }
}

// In a restored zone a scan is repeated when a node is heard that did not answer before, and after
// failures.
bool HolderScan::is_due() {
  status_.is_wanted = zone_state(State(parts_.store)).scan_wanted;
  if (asked_) return true;
  if (!status_.is_wanted) return false;
  const std::vector<NodeRecord> known = nodes();
  const MonotonicTime now = parts_.runtime.now();
  if (!status_.finished) return now >= gather_until_ || all_heard(known);
  if (now < retry_at_) return false;
  const auto is_new = [this](const NodeRecord& node) {
    return parts_.is_heard(node.id) && !answered_.contains(node.id);
  };
  return status_.failed > 0 || std::ranges::any_of(known, is_new);
}

bool HolderScan::all_heard(const std::vector<NodeRecord>& nodes) const {
  return std::ranges::all_of(nodes,
                             [this](const NodeRecord& node) { return parts_.is_heard(node.id); });
}

std::vector<NodeRecord> HolderScan::nodes() const {
  std::vector<NodeRecord> found;
  const State state(parts_.store);
  const Bytes prefix = keys::of(keys::Family::node);
  state.scan(prefix, kv::prefix_end(prefix), [&found](ByteView, ByteView value) {
    auto node = codec::decode<NodeRecord>(value);
    if (node && node->state != NodeState::left) found.push_back(std::move(*node));
    return true;
  });
  return found;
}

Task<void> HolderScan::scan() {
  Streams streams;
  begin(streams);
  log::info("scan.begun", {{"nodes", streams.size()}});
  co_await merge(streams);
  co_await works_.join();
  if (stopping_) co_return;
  finish(streams);
}

void HolderScan::begin(Streams& streams) {
  asked_ = false;
  ScanStatus status;
  status.is_running = true;
  status.is_wanted = status_.is_wanted;
  status.scans = status_.scans + 1;
  status.finished = status_.finished;
  status.attached_in_all = status_.attached_in_all;
  status_ = std::move(status);
  answered_.clear();
  nodes_.clear();
  channels_.clear();
  for (NodeRecord& node : nodes()) {
    auto stream = std::make_unique<Stream>();
    stream->is_silent = !parts_.is_heard(node.id);
    stream->node = node;
    nodes_.emplace(node.id, std::move(node));
    streams.push_back(std::move(stream));
  }
}

// Every node's fragments come in order of their ids: what all hold of a segment comes together.
Task<void> HolderScan::merge(Streams& streams) {
  std::vector<Group> groups;
  while (!stopping_) {
    for (const auto& stream : streams) {
      if (stream->items.empty() || !stream->is_done) co_await fill(*stream);
    }
    Group group = take_group(streams);
    const bool is_end = group.held.empty();
    if (!is_end) groups.push_back(std::move(group));
    if (groups.size() < kGroupsAtOnce && !is_end) continue;
    std::vector<Group> full = std::move(groups);
    groups.clear();
    co_await settle_groups(streams, std::move(full));
    if (is_end) co_return;
  }
}

// Until the stream shows more than one segment, or its end.
Task<void> HolderScan::fill(Stream& stream) {
  while (!stream.is_done && !stream.is_silent && !stopping_) {
    const bool shows_two = !stream.items.empty() && stream.items.front().fragment.segment !=
                                                        stream.items.back().fragment.segment;
    if (shows_two) co_return;
    HeldRequest request;
    request.after = stream.after;
    request.limit = options_.page;
    const std::shared_ptr<net::Channel> channel = channel_to(stream.node);
    auto called = co_await net::call<HeldReply>(*channel, number(NodeOrder::list_held), request,
                                                Buffer(), kListTimeout);
    const bool goes_on = called && (!called->head.more || called->head.last > stream.after);
    if (!goes_on) {
      stream.is_silent = true;
      stream.items.clear();
      note_failure(called ? Error(Errc::malformed_message, "a page without an end")
                          : called.error());
      co_return;
    }
    status_.fragments += called->head.items.size();
    stream.after = called->head.last;
    stream.is_done = !called->head.more;
    for (HeldReply::Item& item : called->head.items) {
      const bool is_sorted = stream.items.empty() || stream.items.back().fragment < item.fragment;
      if (is_sorted) stream.items.push_back(std::move(item));
    }
  }
}

HolderScan::Group HolderScan::take_group(Streams& streams) {
  Group group;
  const Stream* first = nullptr;
  for (const auto& stream : streams) {
    if (stream->items.empty()) continue;
    const bool is_first = first == nullptr || stream->items.front().fragment.segment <
                                                  first->items.front().fragment.segment;
    if (is_first) first = stream.get();
  }
  if (first == nullptr) return group;
  group.segment = first->items.front().fragment.segment;
  for (const auto& stream : streams) {
    auto& items = stream->items;
    while (!items.empty() && items.front().fragment.segment == group.segment) {
      const HeldReply::Item& item = items.front();
      group.held.push_back({item.fragment.index, stream->node.id, item.root, item.length});
      items.pop_front();
    }
  }
  return group;
}

Task<void> HolderScan::settle_groups(const Streams& streams, std::vector<Group> groups) {
  if (groups.empty()) co_return;
  std::set<NodeId> answering;
  for (const auto& stream : streams) {
    if (!stream->is_silent) answering.insert(stream->node.id);
  }
  auto work = [this, groups = std::move(groups), answering = std::move(answering)] {
    return look(groups, answering);
  };
  Looked looked = co_await parts_.runtime.offload(std::move(work), kLookCost);
  status_.spare += looked.spare;
  status_.unknown_segments += looked.unknown_segments;
  status_.unknown_fragments += looked.unknown_fragments;
  status_.unknown_bytes += looked.unknown_bytes;
  for (auto& one : looked.works) {
    // As many as run at once wait: what was looked at is not to grow old.
    if (!co_await free_.acquire(std::nullopt)) co_return;
    works_.spawn(attach(std::move(one)));
  }
}

// In the pool: reads the store alone, and what does not change while a scan runs.
HolderScan::Looked HolderScan::look(const std::vector<Group>& groups,
                                    const std::set<NodeId>& answering) const {
  const std::unique_ptr<kv::Reader> snapshot = parts_.store.snapshot();
  const State state(*snapshot);
  const std::uint64_t table_version = state.counter("node_table");
  const auto table = state.load<NodeTable>(keys::node_table(table_version)).value_or(NodeTable{});
  const auto answers = [&answering](NodeId node) { return answering.contains(node); };
  const auto apart = [this, &table](NodeId a, NodeId b) {
    const auto one = nodes_.find(a);
    const auto other = nodes_.find(b);
    return one == nodes_.end() || other == nodes_.end() ||
           !share_domain(one->second, other->second, table.levels);
  };
  Looked looked;
  for (const Group& group : groups) {
    auto segment = state.load<SegmentRecord>(keys::segment(group.segment));
    if (!segment) {
      ++looked.unknown_segments;
      looked.unknown_fragments += group.held.size();
      for (const HeldCopy& copy : group.held) looked.unknown_bytes += copy.length;
      continue;
    }
    HolderPlan plan = plan_holders(*segment, group.held, answers, apart);
    looked.spare += plan.spare;
    if (plan.attach.empty()) continue;
    looked.works.push_back(std::make_shared<Work>(Work{std::move(*segment), std::move(plan)}));
  }
  return looked;
}

Task<void> HolderScan::attach(std::shared_ptr<const Work> work) {
  const Result<void> done = co_await attach_now(*work);
  free_.release();
  if (!done) note_failure(done.error());
}

Task<Result<void>> HolderScan::attach_now(const Work& work) {
  AttachHolders command;
  command.segment = work.segment.id;
  command.generation = work.segment.generation;
  command.absent = work.plan.absent;
  Result<void> refused;
  for (const HeldCopy& copy : work.plan.attach) {
    auto receipt = co_await attest(work.segment, copy);
    if (receipt) {
      command.receipts.push_back(std::move(*receipt));
    } else {
      refused = fail(receipt.error());
    }
  }
  if (command.receipts.empty()) co_return refused;
  const std::size_t count = command.receipts.size();
  Bytes encoded = codec::encode(command);
  const Result<Bytes> ordered = co_await parts_.order(Verb::attach_holders, std::move(encoded));
  if (!ordered) co_return fail(ordered.error());
  status_.attached += count;
  status_.attached_in_all += count;
  attached_.add(count);
  co_return refused;
}

Task<Result<Receipt>> HolderScan::attest(const SegmentRecord& segment, const HeldCopy& copy) {
  AttestRequest request;
  request.fragment.segment = segment.id;
  request.fragment.index = copy.index;
  const std::shared_ptr<net::Channel> channel = channel_to(nodes_.at(copy.node));
  const auto slowest = static_cast<std::int64_t>(copy.length) / kSlowestBytesPerSecond;
  auto called =
      co_await net::call<AttestReply>(*channel, number(NodeOrder::attest), request, Buffer(),
                                      kAttestTimeout + std::chrono::seconds(slowest));
  if (!called) co_return fail(called.error());
  Receipt receipt = std::move(called->head.receipt);
  STRATOS_CO_CHECK(verify_receipt(receipt));
  const bool fits = receipt.fragment == request.fragment && receipt.root == copy.root &&
                    receipt.length == copy.length && receipt.node == copy.node;
  if (!fits) co_return fail(Errc::malformed_message, "receipt of another fragment");
  co_return receipt;
}

void HolderScan::finish(const Streams& streams) {
  for (const auto& stream : streams) {
    if (stream->is_silent) status_.silent.push_back(stream->node.id);
    if (!stream->is_silent) answered_.insert(stream->node.id);
  }
  retry_pause_ =
      status_.failed == 0 ? options_.first_retry : std::min(2 * retry_pause_, options_.last_retry);
  retry_at_ = parts_.runtime.now() + retry_pause_;
  status_.finished = parts_.runtime.wall_now();
  status_.is_running = false;
  log::info("scan.finished", {{"fragments", status_.fragments},
                              {"attached", status_.attached},
                              {"unknown_segments", status_.unknown_segments},
                              {"silent", status_.silent.size()},
                              {"failed", status_.failed}});
}

void HolderScan::note_failure(const Error& error) {
  if (error.code() == Errc::cancelled) return;
  ++status_.failed;
  failures_.add();
  status_.last_error = error.to_string();
  log::warn("scan.failed", {{"error", error.to_string()}});
}

std::shared_ptr<net::Channel> HolderScan::channel_to(const NodeRecord& node) {
  std::shared_ptr<net::Channel>& channel = channels_[node.id];
  if (!channel) channel = parts_.dialer.dial(node);
  return channel;
}

}  // namespace stratos::meta
