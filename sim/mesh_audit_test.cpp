// Audits and scores over 1,000 simulated node-days: the real auditor and the real index in
// simulated time, with storage nodes that are only what an audit sees of them.
#include <gtest/gtest.h>

#include "base/log.hpp"
#include "crypto/leaf_path.hpp"
#include "meta/auditor.hpp"
#include "meta/test_index.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {
namespace {

constexpr std::size_t kNodeCount = 10;
constexpr int kDays = 100;
constexpr std::size_t kSegments = 600;
constexpr std::uint32_t kAuditsPerDay = meta::kLeastAuditsPerDay;
const NodeId kDropper(3);
const NodeId kSlow(7);

// Fragments of all nodes: the copies of a segment are alike.
using Contents = std::map<SegmentId, Bytes>;

struct LightNode {
  std::set<FragmentId> dropped;
  Duration delay = 50ms;
  std::uint64_t slow_percent = 0;  // of its answers, which come after the deadline
  std::uint64_t asked = 0;
};

Result<net::Message> prove(const Bytes& data, std::uint64_t leaf) {
  const std::uint64_t begin = leaf * crypto::kLeafBytes / crypto::kGroupBytes * crypto::kGroupBytes;
  if (begin >= data.size()) return fail(Errc::invalid_argument);
  std::vector<crypto::ChainingValue> groups;
  if (data.size() > crypto::kGroupBytes) groups = crypto::group_chaining_values(data, 0);
  const std::size_t size = std::min<std::size_t>(crypto::kGroupBytes, data.size() - begin);
  meta::AuditReply reply;
  for (const auto& step :
       crypto::leaf_path(ByteView(data).subspan(begin, size), groups, data.size(), leaf)) {
    append(reply.path, step);
  }
  net::Message message;
  message.head = codec::encode(reply);
  message.body = Buffer::copy_of(
      ByteView(data).subspan(leaf * crypto::kLeafBytes, crypto::leaf_bytes(data.size(), leaf)));
  return message;
}

class LightChannel final : public net::Channel {
 public:
  LightChannel(Runtime& runtime, LightNode& node, const Contents& contents)
      : runtime_(runtime), node_(node), contents_(contents) {}

  Task<Result<net::Message>> call(std::uint16_t, net::Message message, Duration timeout) override {
    STRATOS_CO_TRY(const meta::AuditRequest request,
                   codec::decode<meta::AuditRequest>(message.head));
    ++node_.asked;
    const bool is_late = runtime_.random().below(100) < node_.slow_percent;
    STRATOS_CO_CHECK(co_await runtime_.sleep(is_late ? timeout : node_.delay));
    if (is_late) co_return fail(Errc::deadline_exceeded);
    if (node_.dropped.contains(request.fragment)) co_return fail(Errc::no_such_fragment);
    co_return prove(contents_.at(request.fragment.segment), request.leaf);
  }

 private:
  Runtime& runtime_;
  LightNode& node_;
  const Contents& contents_;
};

class AuditedNetwork : public testing::Test, public meta::Dialer, public meta::OrderedRandomness {
 protected:
  AuditedNetwork() : index_(meta::test_params(), kNodeCount) {
    log::set_sink([](std::string_view) {});
    for (std::uint32_t i = 1; i <= kNodeCount; ++i) nodes_[NodeId(i)];
    index_.make_bucket();
    SeededRandom random(5);
    for (std::size_t i = 0; i < kSegments; ++i) store(random, "k" + std::to_string(i));
  }

  // Three copies of one segment.
  void store(Random& random, const std::string& key) {
    const SegmentId id = index_.next_segment_id();
    Bytes data(1'000 + random.below(40'000));
    random.fill(data);
    meta::SegmentCommit commit = index_.commit_of(id, data.size() - 16);
    for (meta::Receipt& receipt : commit.receipts) {
      receipt.root = crypto::blake3(data);
      meta::sign_receipts({&receipt, 1}, index_.signer_of(receipt.node));
    }
    ASSERT_TRUE(index_.run(index_.put_of(key, {commit})));
    contents_[id] = std::move(data);
  }

  std::vector<FragmentId> held_by(NodeId node) {
    std::vector<FragmentId> held;
    const Bytes prefix = meta::keys::fragments_of(node);
    index_.state().scan(prefix, kv::prefix_end(prefix), [&held](ByteView key, ByteView) {
      held.push_back(meta::keys::parse_fragment(key));
      return true;
    });
    return held;
  }

  // Drops one of every twenty fragments of the node.
  std::size_t drop_twentieth(NodeId node) {
    const auto held = held_by(node);
    for (std::size_t i = 7; i < held.size(); i += 20) nodes_[node].dropped.insert(held[i]);
    return nodes_[node].dropped.size();
  }

  void start() {
    SimRuntime& runtime = world_.start("meta");
    meta::AuditorOptions options;
    options.audits_per_day = kAuditsPerDay;
    options.interval = 20min;  // a second in production
    meta::Auditor::Parts parts{
        runtime,
        index_.store(),
        *this,
        [this](meta::Verb verb, Bytes command) { return order(this, verb, std::move(command)); },
        *this,
        [](NodeId) { return true; },
        [this](FragmentId fragment, NodeId node, bool damaged) {
          return lose(this, fragment, node, damaged);
        },
        [this] { return seen_in_an_hour(); },
        metrics_};
    auditor_ = &runtime.keep(std::make_unique<meta::Auditor>(std::move(parts), options));
    auditor_->start();
  }
  void stop() {
    ASSERT_TRUE(world_.run_task("meta", auditor_->stop(), 1h));
    world_.crash("meta");
  }

  // Blocks have the time of the world.
  void keep_time() {
    const auto days =
        std::chrono::duration_cast<std::chrono::milliseconds>(world_.now() - MonotonicTime{});
    const std::int64_t now = meta::TestIndex::kStartMs + 10'000 + days.count();
    if (now > index_.now().ms) index_.pass_ms(static_cast<std::uint64_t>(now - index_.now().ms));
  }
  static Task<Result<Bytes>> order(AuditedNetwork* self, meta::Verb verb, Bytes command) {
    self->keep_time();
    meta::Item item;
    item.verb = verb;
    item.command = std::move(command);
    const meta::ItemResult result = self->index_.apply_items({item}).at(0);
    if (result.code != 0) co_return fail(errc_from_number(result.code));
    co_return result.value;
  }
  static Task<Result<void>> lose(AuditedNetwork* self, FragmentId fragment, NodeId node,
                                 bool damaged) {
    self->keep_time();
    meta::LoseHolder command;
    command.fragment = fragment;
    command.node = node;
    command.damaged = damaged;
    EXPECT_TRUE(self->index_.run(command));
    ++self->lost_[node];
    co_return Result<void>{};
  }
  // Readers see what the nodes are like.
  std::map<NodeId, meta::NodeService> seen_in_an_hour() {
    std::map<NodeId, meta::NodeService> services;
    for (const auto& [id, node] : nodes_) {
      const bool is_slow = node.slow_percent > 0;
      services[id] = {id,     true,
                      100,    100ULL * (is_slow ? 400'000 : 5'000),
                      50'000, is_slow ? 100'000'000ULL : 1'000'000ULL};
    }
    return services;
  }

  std::unique_ptr<net::Channel> dial(const meta::NodeRecord& node) override {
    return std::make_unique<LightChannel>(world_.runtime("meta"), nodes_.at(node.id), contents_);
  }
  Hash latest() const override { return machine_->info().root; }

  meta::NodeRecord record_of(NodeId node) {
    return index_.state().load<meta::NodeRecord>(meta::keys::node(node)).value();
  }
  meta::GetScores::Node scored(NodeId node) {
    return index_.ask(meta::GetScores{}).value().nodes.at(node.value - 1);
  }
  // How many of 3,000 new segments the node would hold.
  std::size_t work_of(NodeId node) {
    std::size_t work = 0;
    for (std::size_t i = 0; i < 3'000; ++i) {
      const auto ranked = index_.ranked(index_.next_segment_id());
      const auto end = ranked.begin() + std::min<std::ptrdiff_t>(3, std::ssize(ranked));
      work += std::find(ranked.begin(), end, node) != end ? 1 : 0;
    }
    return work;
  }

  meta::TestIndex index_;
  Contents contents_;
  std::map<NodeId, LightNode> nodes_;
  std::map<NodeId, std::size_t> lost_;
  const meta::IndexMachine* machine_ = &index_.machine();
  metrics::Registry metrics_;
  SimWorld world_{20'261'121};
  meta::Auditor* auditor_ = nullptr;
};

TEST_F(AuditedNetwork, FindsANodeThatDroppedATwentiethOfItsFragments) {
  const std::size_t dropped = drop_twentieth(kDropper);
  ASSERT_GE(dropped, 5U);
  start();
  int found_on = 0;
  int suspended_on = 0;
  std::uint64_t asked_honest = 0;
  for (int day = 1; day <= kDays; ++day) {
    world_.run_for(24h);
    if (found_on == 0 && lost_[kDropper] > 0) found_on = day;
    if (suspended_on == 0 && record_of(kDropper).state == meta::NodeState::suspended) {
      suspended_on = day;
      EXPECT_EQ(scored(kDropper).suspended_for, meta::SuspensionCause::failed_audits);
    }
  }
  EXPECT_GT(found_on, 0);
  EXPECT_LE(found_on, 30) << "150 draws miss a loss of 5 % once in 2,000 times";
  EXPECT_GE(lost_[kDropper], 3U);
  EXPECT_GT(suspended_on, 0);
  for (const auto& [id, node] : nodes_) {
    if (id == kDropper) continue;
    EXPECT_EQ(lost_[id], 0U);
    EXPECT_EQ(record_of(id).state, meta::NodeState::up);
    EXPECT_EQ(record_of(id).score, meta::kFullScore);
    asked_honest += node.asked;
  }
  const double draws = static_cast<double>(asked_honest) / (kNodeCount - 1) / kDays;
  EXPECT_GE(draws, kAuditsPerDay * 0.95);
  EXPECT_LE(draws, kAuditsPerDay * 1.1);
  std::printf("found on day %d, suspended on day %d, %zu of %zu losses found in %d days\n",
              found_on, suspended_on, lost_[kDropper], dropped, kDays);
  stop();
}

TEST_F(AuditedNetwork, AnHonestSlowNodeIsNeverSuspendedButGetsLessWork) {
  nodes_[kSlow].delay = 8s;
  nodes_[kSlow].slow_percent = 25;
  const std::size_t work_before = work_of(kSlow);
  start();
  for (int day = 1; day <= kDays; ++day) {
    world_.run_for(24h);
    ASSERT_EQ(record_of(kSlow).state, meta::NodeState::up) << "day " << day;
  }
  const meta::GetScores::Node slow = scored(kSlow);
  EXPECT_EQ(slow.score.sums.failed, 0U);
  EXPECT_GT(slow.score.sums.contained, 0U);
  EXPECT_GT(slow.score.sums.passed, 100U);
  EXPECT_LT(slow.score.value, 300U);
  EXPECT_EQ(lost_[kSlow], 0U);
  const std::size_t work_after = work_of(kSlow);
  EXPECT_GT(work_after, 0U);
  EXPECT_LT(work_after, work_before / 2);
  std::printf("slow node: score %u, %zu of 3000 segments before, %zu after\n", slow.score.value,
              work_before, work_after);
  stop();
}

}  // namespace
}  // namespace stratos::sim
