#include "meta/repairer.hpp"

#include <algorithm>
#include <tuple>

#include "base/log.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/verbs.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {
namespace {

constexpr std::size_t kRowsAtOnce = 4096;
constexpr std::size_t kJobsAtOnce = 256;
constexpr std::int64_t kBalanceRest = 10;  // intervals after a look that found nothing
constexpr std::size_t kSpareSources = 2;
constexpr Duration kRest = 30s;  // of a target that failed
constexpr Duration kRateWindow = 5s;
constexpr Duration kRebuildTimeout = 60s;
constexpr std::int64_t kSlowestBytesPerSecond = 1 << 20;
// Segments that lose nothing by waiting come after all that do.
constexpr std::int32_t kDrainMargin = 1000;

bool is_local_trouble(Errc code) {
  return code == Errc::stale_generation || code == Errc::no_such_segment ||
         code == Errc::object_unreadable || code == Errc::cancelled;
}

}  // namespace

Repairer::Repairer(Parts parts, ZoneId zone, RepairOptions options)
    : parts_(std::move(parts)),
      zone_(zone),
      options_(options),
      balancer_(options.balance_above),
      fragments_(parts_.metrics.counter("stratos_repair_fragments_total")),
      bytes_(parts_.metrics.counter("stratos_repair_bytes_total")),
      failures_(parts_.metrics.counter("stratos_repair_failures_total")),
      moves_(parts_.metrics.counter("stratos_balance_fragments_total")),
      moved_bytes_(parts_.metrics.counter("stratos_balance_bytes_total")),
      free_(parts_.runtime, options.at_once),
      woken_(parts_.runtime),
      jobs_(parts_.runtime, "repair_jobs"),
      tasks_(parts_.runtime, "repair") {}

const NodeView* Repairer::View::find(NodeId id) const {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : &found->second;
}

Task<void> Repairer::run() {
  while (!stopping_) {
    std::size_t done = 0;
    Result<View> view = fail(Errc::unavailable);
    if (!parts_.waits()) view = look();
    if (view) {
      const auto shared = std::make_shared<const View>(std::move(*view));
      Result<std::vector<Job>> jobs = find_jobs(*shared);
      if (jobs) {
        const std::uint64_t before = done_;
        for (Job& job : *jobs) jobs_.spawn(do_job(shared, std::move(job)));
        co_await jobs_.join();
        done = done_ - before;
      }
    }
    if (done > 0) continue;
    const Result<void> woken = co_await woken_.wait(options_.interval);
    if (!woken && woken.error().code() == Errc::cancelled) co_return;
  }
}

Task<void> Repairer::stop() {
  stopping_ = true;
  woken_.wake_all();
  jobs_.cancel();
  tasks_.cancel();
  co_await tasks_.join();
}

RepairStatus Repairer::status() const {
  RepairStatus status = status_;
  status.bytes_per_second = static_cast<std::uint64_t>(rate_);
  status.balance = balancer_.status();
  return status;
}

// --- what is to be done
// --------------------------------------------------------------------------

Result<Repairer::View> Repairer::look() const {
  const State state(parts_.store);
  View view;
  const Bytes prefix = keys::of(keys::Family::node);
  state.scan(prefix, kv::prefix_end(prefix), [&](ByteView, ByteView value) {
    auto record = codec::decode<NodeRecord>(value);
    if (!record) return true;
    const NodeId id = record->id;
    view.nodes.emplace(id, view_of(state, std::move(*record)));
    return true;
  });
  if (const std::uint64_t version = state.counter("node_table"); version != 0) {
    view.table = state.load<NodeTable>(keys::node_table(version)).value_or(NodeTable{});
  }
  STRATOS_CHECK(state.status());
  return view;
}

NodeView Repairer::view_of(const State& state, NodeRecord record) const {
  NodeView node;
  const Duration silence = parts_.silence(record.id);
  const bool works = record.state == NodeState::up || record.state == NodeState::draining;
  const auto rests = resting_.find(record.id);
  const bool rested = rests == resting_.end() || rests->second < parts_.runtime.now();
  node.serves = works && silence < options_.gone_after;
  node.takes = record.state == NodeState::up && node.serves && rested;
  node.gone = record.state == NodeState::left || record.state == NodeState::suspended ||
              silence >= options_.gone_after;
  const HeartbeatRequest said = parts_.said(record.id);
  node.held_bytes =
      state.load<NodeLedger>(keys::node_ledger(record.id)).value_or(NodeLedger{}).bytes;
  node.capacity_bytes = said.used_bytes + said.trash_bytes + said.free_bytes;
  node.free_bytes = said.free_bytes;
  node.record = std::move(record);
  return node;
}

// Segments that lack fragments, and those with one on a node that is gone or draining. Each look
// goes on where the last one stopped.
Result<std::set<SegmentId>> Repairer::find_suspects(const View& view) {
  const State state(parts_.store);
  std::set<SegmentId> suspects;
  const auto walk = [&](NodeId cursor_of, const Bytes& prefix, auto segment_of) {
    Bytes& cursor = cursors_[cursor_of];
    std::size_t rows = 0;
    Bytes last;
    state.scan(cursor.empty() ? prefix : cursor, kv::prefix_end(prefix),
               [&](ByteView key, ByteView) {
                 suspects.insert(segment_of(key));
                 last = to_bytes(key);
                 return ++rows < kRowsAtOnce;
               });
    cursor.clear();
    if (rows == kRowsAtOnce) {
      cursor = std::move(last);
      cursor.push_back(0);
    }
  };
  walk(NodeId(0), keys::of(keys::Family::degraded),
       [](ByteView key) { return SegmentId::from(key.subspan(1)).value(); });
  for (const auto& [id, node] : view.nodes) {
    if (!node.gone && node.record.state != NodeState::draining) {
      cursors_.erase(id);
      continue;
    }
    walk(id, keys::fragments_of(id),
         [](ByteView key) { return keys::parse_fragment(key).segment; });
  }
  STRATOS_CHECK(state.status());
  return suspects;
}

Result<std::vector<Repairer::Job>> Repairer::find_jobs(const View& view) {
  STRATOS_TRY(const std::set<SegmentId> suspects, find_suspects(view));
  std::vector<Job> jobs;
  const State state(parts_.store);
  for (const SegmentId& id : suspects) {
    if (const auto segment = state.load<SegmentRecord>(keys::segment(id))) {
      add_job(view, *segment, jobs);
    }
  }
  STRATOS_CHECK(state.status());
  balancer_.measure(view.nodes);
  if (jobs.empty()) return find_moves(view);
  std::ranges::sort(jobs, {}, [](const Job& job) { return std::tie(job.margin, job.segment.id); });
  if (jobs.size() > kJobsAtOnce) jobs.resize(kJobsAtOnce);
  return jobs;
}

// As few as run at once: repair waits for no more.
Result<std::vector<Repairer::Job>> Repairer::find_moves(const View& view) {
  std::vector<Job> jobs;
  if (!balancer_.status().moving || parts_.runtime.now() < balance_due_) return jobs;
  const State state(parts_.store);
  if (zone_state(state).drops_pause) return jobs;  // what moves away would stay there too
  for (Move& move : balancer_.plan(state, view.nodes, view.table, options_.at_once)) {
    Job job;
    job.index = move.index;
    job.replaces = move.from;
    job.target = move.to;
    job.is_move = true;
    job.segment = std::move(move.segment);
    jobs.push_back(std::move(job));
  }
  STRATOS_CHECK(state.status());
  // Looking costs a ranking for each fragment.
  if (jobs.empty()) balance_due_ = parts_.runtime.now() + kBalanceRest * options_.interval;
  return jobs;
}

// One fragment of a segment at a time: the next one is another generation.
void Repairer::add_job(const View& view, const SegmentRecord& segment,
                       std::vector<Job>& jobs) const {
  std::map<std::uint8_t, NodeId> held;
  std::int32_t serving = 0;
  for (const Holder& holder : segment.holders) {
    held[holder.index] = holder.node;
    const NodeView* const node = view.find(holder.node);
    serving += node != nullptr && node->serves ? 1 : 0;
  }
  Job job;
  job.margin = serving - segment.k;
  bool found = false;
  bool only_draining = true;
  for (std::uint8_t index = 0; index < segment.k + segment.m; ++index) {
    const auto holder = held.find(index);
    const NodeView* const node = holder == held.end() ? nullptr : view.find(holder->second);
    const bool lost = node == nullptr || node->gone;
    const bool draining = node != nullptr && node->record.state == NodeState::draining;
    if (!lost && (!draining || found)) continue;
    if (found && !only_draining) continue;
    found = true;
    only_draining = !lost;
    job.index = index;
    job.replaces = holder == held.end() ? std::nullopt : std::optional(holder->second);
  }
  if (!found || job.margin < 0) return;
  if (only_draining) job.margin += kDrainMargin;
  const auto anyone = [](const NodeView&) { return true; };
  const auto target = find_replacement(segment, job.replaces, view.nodes, view.table, anyone);
  if (!target) return;
  job.target = *target;
  job.segment = segment;
  jobs.push_back(std::move(job));
}

// --- doing it
// ------------------------------------------------------------------------------------

Task<void> Repairer::do_job(std::shared_ptr<const View> view, Job job) {
  if (!co_await free_.acquire(std::nullopt)) co_return;
  ++status_.running;
  Result<void> done = fail(Errc::cancelled);
  if (!stopping_) done = co_await repair(*view, job);
  --status_.running;
  free_.release();
  if (done) {
    count(job);
    co_return;
  }
  const Errc code = done.error().code();
  if (code == Errc::cancelled) co_return;
  ++status_.failed;
  failures_.add();
  status_.last_error = job.segment.id.hex() + "/" + std::to_string(job.index) + " to " +
                       to_string(job.target) + ": " + done.error().to_string();
  log::warn("repair.failed", {{"segment", job.segment.id.hex()},
                              {"target", to_string(job.target)},
                              {"error", done.error().to_string()}});
  if (!is_local_trouble(code)) resting_[job.target] = parts_.runtime.now() + kRest;
}

void Repairer::count(const Job& job) {
  const std::uint64_t bytes = job.segment.fragment_length;
  ++done_;
  if (job.is_move) {
    balancer_.count_move(bytes);
    moves_.add();
    moved_bytes_.add(bytes);
    return;
  }
  ++status_.repaired_fragments;
  status_.repaired_bytes += bytes;
  fragments_.add();
  bytes_.add(bytes);
  const MonotonicTime now = parts_.runtime.now();
  if (now - window_begin_ > 4 * kRateWindow) {  // nothing was done for a while
    window_begin_ = now;
    window_bytes_ = 0;
  }
  window_bytes_ += bytes;
  if (now - window_begin_ < kRateWindow) return;
  rate_ = static_cast<double>(window_bytes_) /
          std::chrono::duration<double>(now - window_begin_).count();
  window_begin_ = now;
  window_bytes_ = 0;
}

Task<Result<void>> Repairer::repair(const View& view, const Job& job) {
  STRATOS_CO_CHECK(co_await keep_to_budget(bytes_to_read(view, job)));
  STRATOS_CO_TRY(const RebuildRequest request, co_await request_for(view, job));
  const std::shared_ptr<net::Channel> channel = channel_to(view.find(job.target)->record);
  const auto slowest = static_cast<std::int64_t>(request.length) / kSlowestBytesPerSecond;
  auto called = co_await net::call<RebuildReply>(
      *channel, static_cast<std::uint16_t>(NodeOrder::rebuild), request, Buffer(),
      kRebuildTimeout + std::chrono::seconds(slowest));
  STRATOS_CO_TRY(net::Reply<RebuildReply> reply, std::move(called));
  STRATOS_CO_CHECK(verify_receipt(reply.head.receipt));
  AddHolder command;
  command.generation = job.segment.generation;
  command.receipt = std::move(reply.head.receipt);
  command.replaces = job.replaces;
  const bool fits = command.receipt.fragment == request.fragment;
  if (!fits) co_return fail(Errc::malformed_message, "receipt of another fragment");
  Bytes encoded = codec::encode(command);
  const Result<Bytes> ordered = co_await parts_.order(Verb::add_holder, std::move(encoded));
  if (!ordered) co_return fail(ordered.error());
  co_return Result<void>{};
}

// A fragment that its node still serves is copied, any other decoded from k.
std::uint64_t Repairer::bytes_to_read(const View& view, const Job& job) {
  const NodeView* const holder = job.replaces ? view.find(*job.replaces) : nullptr;
  return job.segment.fragment_length * (holder != nullptr && holder->serves ? 1 : job.segment.k);
}

Task<Result<RebuildRequest>> Repairer::request_for(const View& view, const Job& job) {
  RebuildRequest request;
  request.fragment.segment = job.segment.id;
  request.fragment.index = job.index;
  request.zone = zone_;
  request.k = job.segment.k;
  request.m = job.segment.m;
  request.length = job.segment.fragment_length;
  std::vector<Holder> holders = job.segment.holders;
  if (!holders.empty()) {
    // Reading is spread over all who hold a fragment.
    const std::size_t first = parts_.runtime.random().below(holders.size());
    std::ranges::rotate(holders, holders.begin() + static_cast<std::ptrdiff_t>(first));
  }
  const auto own = std::ranges::find(holders, job.index, &Holder::index);
  if (own != holders.end()) std::iter_swap(own, holders.begin());
  LimitsRequest wanted;
  wanted.payer = kNetworkAccount;
  wanted.session = view.find(job.target)->record.key;
  wanted.action = Action::repair;
  wanted.bytes = request.length;
  for (const Holder& holder : holders) {
    if (holder.index == job.index && job.replaces) request.root = holder.root;
    const NodeView* const node = view.find(holder.node);
    if (node == nullptr || !node->serves) continue;
    if (request.sources.size() == request.k + kSpareSources) break;
    RebuildRequest::Source source;
    source.index = holder.index;
    source.node = node->record;
    source.root = holder.root;
    wanted.nodes.push_back(holder.node);
    request.sources.push_back(std::move(source));
  }
  STRATOS_CO_TRY(LimitsReply limits, co_await parts_.granter.limits(std::move(wanted)));
  for (std::size_t i = 0; i < request.sources.size(); ++i) {
    request.sources[i].limit = std::move(limits.limits.at(i));
  }
  co_return request;
}

Task<Result<void>> Repairer::keep_to_budget(std::uint64_t bytes) {
  const MonotonicTime now = parts_.runtime.now();
  const MonotonicTime begin = std::max(now, budget_free_);
  const double seconds =
      static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second);
  budget_free_ =
      begin + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  if (begin > now) co_return co_await parts_.runtime.sleep(begin - now);
  co_return Result<void>{};
}

std::shared_ptr<net::Channel> Repairer::channel_to(const NodeRecord& node) {
  Peer& peer = peers_[node.id];
  if (!peer.channel || peer.endpoint != node.endpoint || peer.key != node.key) {
    peer.channel = parts_.dialer.dial(node);
    peer.endpoint = node.endpoint;
    peer.key = node.key;
  }
  return peer.channel;
}

}  // namespace stratos::meta
