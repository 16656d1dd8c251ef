// For tests: a whole mesh in one process and one thread, with nodes that can be made to fail.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/log.hpp"
#include "client/mesh_object_client.hpp"
#include "client/segment_writer.hpp"
#include "crypto/hash.hpp"
#include "io/faulty_file_system.hpp"
#include "meta/features.hpp"
#include "meta/service.hpp"
#include "resource/node.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::client {

inline Buffer pattern(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Buffer buffer = Buffer::allocate(size);
  random.fill(buffer.mutable_view());
  return buffer;
}

inline ETag etag_of(ByteView bytes) {
  ETag etag;
  std::ranges::copy(crypto::md5(bytes), etag.md5.begin());
  return etag;
}

// A body in memory, handed out in pieces of at most `piece` bytes.
class GivenBody final : public BodySource {
 public:
  explicit GivenBody(Buffer data, std::size_t piece = SIZE_MAX)
      : data_(std::move(data)), piece_(piece), size_(data_.size()) {
    attributes.etag = etag_of(data_.view());
  }
  Task<Result<Buffer>> next(std::size_t max_bytes) override {
    const std::size_t take = std::min({max_bytes, piece_, data_.size()});
    Buffer part = data_.slice(0, take);
    data_ = data_.slice(take);
    largest_ask = std::max(largest_ask, max_bytes);
    co_return part;
  }
  std::optional<std::uint64_t> size() const override {
    return knows_size ? std::optional(size_) : std::nullopt;
  }
  Result<Attributes> finish() override {
    if (refusal != Errc{}) return fail(refusal);
    return attributes;
  }

  Attributes attributes;
  bool knows_size = true;
  Errc refusal{};  // of finish()
  std::size_t largest_ask = 0;

 private:
  Buffer data_;
  std::size_t piece_;
  std::uint64_t size_;
};

// The real runtime with clocks that a test moves forward.
class ShiftedRuntime final : public Runtime {
 public:
  explicit ShiftedRuntime(Runtime& below) : below_(below) {}
  void advance(std::chrono::milliseconds by) { ahead_ms_ += by.count(); }

  boost::asio::any_io_executor executor() override { return below_.executor(); }
  MonotonicTime now() override { return below_.now() + ahead(); }
  WallTime wall_now() override { return below_.wall_now() + ahead(); }
  Random& random() override { return below_.random(); }
  Net& net() override { return below_.net(); }
  Parking& parking() override { return below_.parking(); }
  Task<void> offload_erased(std::move_only_function<void()> work, Duration cost) override {
    return below_.offload_erased(std::move(work), cost);
  }

 private:
  std::chrono::milliseconds ahead() const { return std::chrono::milliseconds(ahead_ms_.load()); }
  Runtime& below_;
  std::atomic<std::int64_t> ahead_ms_{0};
};

// What goes wrong between the client and its nodes. Lives on the runtime's executor.
struct Faults {
  explicit Faults(Runtime& runtime) : released(runtime) {}
  std::set<NodeId> cut;             // calls fail at once
  std::set<NodeId> held;            // calls wait until the node is released
  std::set<NodeId> lying;           // a byte of every answer's body is flipped
  bool cut_first_writer = false;    // whoever is written to next is cut off
  bool hold_first_writer = false;   // ... or held
  std::optional<NodeId> chosen;     // by one of these
  std::uint32_t refuse_limits = 0;  // that many calls are answered with Errc::limit_refused
  std::map<NodeId, std::uint32_t> calls;
  std::uint32_t orders_with_limit = 0;
  std::uint32_t dials = 0;
  WaitQueue released;
};

class FaultyChannel final : public net::Channel {
 public:
  FaultyChannel(std::unique_ptr<net::Channel> below, NodeId node, std::shared_ptr<Faults> faults)
      : below_(std::move(below)), node_(node), faults_(std::move(faults)) {}

  Task<Result<net::Message>> call(std::uint16_t method, net::Message request,
                                  Duration timeout) override {
    ++faults_->calls[node_];
    choose(method);
    if (faults_->cut.contains(node_)) co_return fail(Errc::connection_refused, to_string(node_));
    if (faults_->refuse_limits > 0) {
      --faults_->refuse_limits;
      co_return fail(Errc::limit_refused);
    }
    while (faults_->held.contains(node_)) {
      STRATOS_CO_CHECK(co_await faults_->released.wait(timeout));
    }
    STRATOS_CO_TRY(net::Message answer, co_await below_->call(method, std::move(request), timeout));
    if (faults_->lying.contains(node_) && !answer.body.empty()) {
      answer.body = Buffer::copy_of(answer.body.view());
      answer.body.mutable_view()[answer.body.size() / 2] ^= 1;
    }
    co_return answer;
  }

 private:
  void choose(std::uint16_t method) {
    const bool writes = method == static_cast<std::uint16_t>(resource::NodeMethod::write);
    if (!writes || (!faults_->cut_first_writer && !faults_->hold_first_writer)) return;
    (faults_->cut_first_writer ? faults_->cut : faults_->held).insert(node_);
    faults_->chosen = node_;
    faults_->cut_first_writer = false;
    faults_->hold_first_writer = false;
  }

  std::unique_ptr<net::Channel> below_;
  NodeId node_;
  std::shared_ptr<Faults> faults_;
};

class FaultyDialer final : public Dialer {
 public:
  using Routers = std::map<crypto::MachineKey, const net::Router*>;
  FaultyDialer(Runtime& runtime, crypto::MachineKey self, std::shared_ptr<Faults> faults,
               const Routers& routers)
      : runtime_(runtime), self_(self), faults_(std::move(faults)), routers_(routers) {}
  std::unique_ptr<net::Channel> dial(const meta::NodeRecord& node) override {
    ++faults_->dials;
    auto below = net::make_loopback_channel(runtime_, runtime_, *routers_.at(node.key), self_);
    return std::make_unique<FaultyChannel>(std::move(below), node.id, faults_);
  }

 private:
  Runtime& runtime_;
  crypto::MachineKey self_;
  std::shared_ptr<Faults> faults_;
  const Routers& routers_;
};

// Reads to the end; the reader lives and dies on the executor.
inline Task<Result<Bytes>> read_object(ObjectClient* client, std::string bucket, std::string key,
                                       std::optional<ByteRange> range) {
  STRATOS_CO_TRY(const std::unique_ptr<ObjectReader> reader, co_await client->get(bucket, key));
  if (range) STRATOS_CO_CHECK(reader->select(*range));
  Bytes all;
  while (true) {
    STRATOS_CO_TRY(const Buffer part, co_await reader->next());
    if (part.empty()) break;
    all.insert(all.end(), part.view().begin(), part.view().end());
  }
  if (all.size() != reader->length()) co_return fail(Errc::internal, "reader's length");
  co_return all;
}

inline Task<void> call_there(std::function<void()> fn) {
  fn();
  co_return;
}

class MeshTest : public testing::Test {
 protected:
  static constexpr std::size_t kNodes = 8;
  static constexpr erasure::Shape kCoded{4, 2};
  static constexpr erasure::Shape kCopies{1, 2};

  using Adjust = std::function<void(meta::ServiceOptions&)>;
  explicit MeshTest(bool repairs = false, bool audits = false, std::uint64_t capacity_bytes = 0,
                    Adjust adjust = nullptr)
      : repairs_(repairs),
        audits_(audits),
        capacity_bytes_(capacity_bytes),
        adjust_(std::move(adjust)) {
    log::set_sink([](std::string_view) {});
    owner_.value[0] = 1;
    start_meta();
    for (std::size_t i = 0; i < kNodes; ++i) start_node("/node" + std::to_string(i));
    MeshOptions options;
    options.payer = owner_;
    options.patience = 20s;     // tests that do not wait say so
    options.hedge_after = 20s;  // and so those that hedge
    mesh_ = std::make_unique<Mesh>(runtime_, *channel_, dialer_, KeyRing::create("ring", random_),
                                   metrics_, options);
    client_ = make_object_client(*mesh_);
    meta::CreateAccount account;
    account.account = owner_;
    account.ozone_noz = 1ULL << 60;
    EXPECT_TRUE(run(mesh_->meta.execute(account)));
    EXPECT_TRUE(run(client_->create_bucket(who(), "bucket", "region", {})));
  }
  ~MeshTest() override {
    run(call_there([this] { heal(); }));
    run(mesh_->stop());
    for (const auto& node : nodes_) run(node->stop());
    run(service_->stop());
    loop_.stop();
  }

  void start_meta() {
    meta::ServiceOptions options;
    options.folder = "/meta";
    options.params.network = "test";
    options.params.profiles = {{"4+2", kCoded.k, kCoded.m, 3}};
    options.params.meta_keys = {meta_key_.public_key()};
    options.params.features = meta::all_features();
    options.clients = {gateway_key_.public_key()};
    options.node_timeout = 1h;
    options.repair.interval = 10ms;
    options.repair.gone_after = 1h;
    if (audits_) {
      options.audit.interval = 5ms;
      options.audit.audits_per_day = 100'000'000;
      options.audit.timeout = 300ms;
      options.audit.first_retry = 20ms;
      options.audit.score_every = 50ms;
    }
    if (repairs_) options.dialer = &meta_dialer_;
    if (adjust_) adjust_(options);
    auto started = run(meta::MetaService::start(loop_, fs_, meta_key_, metrics_, options));
    service_ = std::move(started).value();
    channel_ =
        net::make_loopback_channel(loop_, loop_, service_->router(), gateway_key_.public_key());
  }
  void start_node(std::string folder) {
    const auto key = crypto::MachineSigner::draw(random_);
    resource::NodeOptions options;
    options.folder = std::move(folder);
    options.heartbeat_interval = 1h;
    options.storage.store.reserve_bytes = 0;
    options.storage.store.capacity_bytes = capacity_bytes_;
    options.storage.store.volume_bytes = 32 << 20;
    options.storage.store.rocks.deterministic = true;
    options.storage.feed_interval = 20ms;
    options.storage.dialer =
        &node_dialers_.emplace_back(loop_, key.public_key(), faults_, routers_);
    auto channel = net::make_loopback_channel(loop_, loop_, service_->router(), key.public_key());
    auto opened = run(resource::StorageNode::open(loop_, fs_, std::move(channel), key, metrics_,
                                                  std::move(options)));
    nodes_.push_back(std::move(opened).value());
    routers_[key.public_key()] = &nodes_.back()->router();
    EXPECT_TRUE(run(nodes_.back()->join("", 10s)));
  }

  template <class T>
  T run(Task<T> task) {
    return block_on(loop_, std::move(task));
  }
  // On the executor, where everything lives.
  void there(std::function<void()> fn) { run(call_there(std::move(fn))); }
  void heal() {
    faults_->cut.clear();
    faults_->held.clear();
    faults_->lying.clear();
    faults_->released.wake_all();
  }
  // Waits for everything the client does in the background.
  void settle() { run(mesh_->background.join()); }

  Principal who() const { return {owner_}; }
  Result<ObjectInfo> put(std::string key, Buffer data, Condition condition = {}) {
    GivenBody body(std::move(data));
    return run(client_->put(who(), "bucket", std::move(key), body, condition));
  }
  Result<Bytes> get(std::string key, std::optional<ByteRange> range = std::nullopt,
                    std::string bucket = "bucket") {
    return run(read_object(client_.get(), std::move(bucket), std::move(key), range));
  }
  // What the index holds of an object.
  meta::GetObject::Reply record_of(std::string key) {
    meta::GetObject query;
    query.bucket = "bucket";
    query.key = std::move(key);
    query.with_data = true;
    return run(mesh_->meta.query(query)).value();
  }
  std::vector<meta::Holder> holders_of(std::string key) {
    return record_of(std::move(key)).segments.at(0).holders;
  }

  const bool repairs_;
  const bool audits_;
  const std::uint64_t capacity_bytes_;  // of each node; 0: plenty
  const Adjust adjust_;                 // of the meta node's options
  io::FaultyFileSystem fs_;
  BlockingPool pool_{2};
  RealRuntime loop_{pool_, "mesh"};
  ShiftedRuntime runtime_{loop_};  // the client's
  SeededRandom random_{11};
  AccountId owner_;
  metrics::Registry metrics_;
  crypto::MachineSigner meta_key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner gateway_key_ = crypto::MachineSigner::draw(random_);
  std::shared_ptr<Faults> faults_ = std::make_shared<Faults>(loop_);
  FaultyDialer::Routers routers_;
  FaultyDialer meta_dialer_{loop_, meta_key_.public_key(), faults_, routers_};
  std::deque<FaultyDialer> node_dialers_;
  std::unique_ptr<meta::MetaService> service_;
  std::unique_ptr<net::Channel> channel_;
  std::vector<std::unique_ptr<resource::StorageNode>> nodes_;
  FaultyDialer dialer_{loop_, gateway_key_.public_key(), faults_, routers_};
  std::unique_ptr<Mesh> mesh_;
  std::unique_ptr<ObjectClient> client_;
};

inline bool same(const Result<Bytes>& read, ByteView wanted) {
  return read && std::ranges::equal(*read, wanted);
}

}  // namespace stratos::client
