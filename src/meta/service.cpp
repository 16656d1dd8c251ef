#include "meta/service.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "base/log.hpp"
#include "meta/backup_set.hpp"
#include "meta/batcher.hpp"
#include "meta/granter.hpp"
#include "meta/index_upkeep.hpp"
#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/queries.hpp"
#include "meta/service_meter.hpp"
#include "meta/settler.hpp"
#include "meta/verbs_settle.hpp"
#include "meta/wire.hpp"
#include "meta/zone_commands.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {
namespace {

using net::CallContext;
using net::Reply;

template <class Head>
Result<Reply<Head>> reply_with(Head head) {
  Reply<Head> reply;
  reply.head = std::move(head);
  return reply;
}

// Reads that walk many rows run where blocking is allowed.
constexpr std::array kLongQueries = {ListObjects::kPath,   ListParts::kPath, ListUploads::kPath,
                                     ListBuckets::kPath,   GetHealth::kPath, GetEvents::kPath,
                                     ListAccessKeys::kPath};
constexpr Duration kQueryCost = 500us;
constexpr Duration kFlushCost = 5ms;
constexpr Duration kLivenessPeriod = 250ms;
constexpr std::uint64_t kTrimAfter = 4096;
constexpr std::size_t kMaxConfirm = 10'000;

// What the network pays is not for clients to ask.
Result<void> check_payer(AccountId payer) {
  if (payer == kNetworkAccount) return fail(Errc::permission_denied, "payer");
  return {};
}

// What is known of a node's process.
struct Live {
  HeartbeatRequest said;
  MonotonicTime heard;
  std::optional<MonotonicTime> class_changed;  // since the node registered
};

// Entries with a wrong one would be refused whole, others' commands with them.
Result<void> check_succession(const RegisterRequest& request) {
  return request.succession ? verify_succession(*request.succession, request.key) : Result<void>();
}

// Nobody knows a state root before the block that makes it.
class StateRoots final : public OrderedRandomness {
 public:
  explicit StateRoots(const IndexMachine& machine) : machine_(machine) {}
  Hash latest() const override { return machine_.info().root; }

 private:
  const IndexMachine& machine_;
};

class Service final : public MetaService {
 public:
  Service(Runtime& runtime, crypto::MachineSigner signer, metrics::Registry& metrics,
          ServiceOptions options)
      : runtime_(runtime),
        signer_(std::move(signer)),
        options_(std::move(options)),
        metrics_(metrics),
        tasks_(runtime, "meta"),
        submitted_(metrics.counter("stratos_meta_commands_total")),
        queries_(metrics.counter("stratos_meta_queries_total")),
        order_time_(metrics.histogram("stratos_meta_order_seconds")) {
    router_.measure(runtime, metrics);
  }

  Task<Result<void>> open(io::FileSystem& fs);
  void start_repair();
  void start_audits();
  void start_scan();
  const net::Router& router() const override { return router_; }
  bool knows_node(const crypto::MachineKey& key) const override;
  Height height() const override { return machine_->info().height; }
  Task<void> stop() override;

 private:
  template <class Request, class Response>
  using Member = Task<Result<Reply<Response>>> (Service::*)(CallContext, Request);
  template <class Request, class Response>
  void route(auto method, std::string name, Member<Request, Response> member);
  void add_routes();
  Task<Result<Reply<AllocateReply>>> allocate(CallContext context, AllocateRequest request);
  Task<Result<Reply<LimitsReply>>> limits(CallContext context, LimitsRequest request);
  Task<Result<Reply<NodeStatusReply>>> node_status(CallContext context, NodeStatusRequest request);
  Task<Result<Reply<FeedReply>>> answer_feed(CallContext context, FeedRequest request);
  Task<Result<Reply<ConfirmReply>>> answer_confirm(CallContext context, ConfirmRequest request);
  Task<Result<Reply<InventoryReply>>> answer_inventory(CallContext context,
                                                       InventoryRequest request);
  Task<Result<Reply<SubmitReply>>> submit(CallContext context, SubmitRequest request);
  Task<Result<Reply<QueryReply>>> query(CallContext context, QueryRequest request);
  Task<Result<Reply<RegisterReply>>> register_node(CallContext context, RegisterRequest request);
  Task<Result<Reply<HeartbeatReply>>> heartbeat(CallContext context, HeartbeatRequest request);
  Result<FeedReply> feed(const FeedRequest& request);
  Result<ConfirmReply> confirm(const ConfirmRequest& request) const;
  Result<InventoryReply> inventory(const InventoryRequest& request) const;
  Task<Result<Reply<LostReply>>> report_lost(CallContext context, LostRequest request);
  Task<Result<void>> lose(FragmentId fragment, NodeId node, bool damaged);
  Task<Result<Reply<RepairStatus>>> repair_status(CallContext context, RepairStatusRequest request);
  Task<Result<Reply<BackupReply>>> back_up(CallContext context, BackupRequest request);
  Task<Result<Reply<ScanStatus>>> scan(CallContext context, ScanRequest request);
  Task<Result<Reply<WindowReply>>> settlement_window(CallContext context, WindowRequest request);
  Task<Result<Reply<HandInReply>>> hand_in(CallContext context, HandInRequest request);
  template <class Query>
  Task<Result<Reply<typename Query::Reply>>> answer_report(CallContext context, Query query);
  Task<Result<Reply<ServiceReportReply>>> report_service(CallContext context, ServiceReport report);
  Duration silence_of(NodeId node) const;
  bool is_heard(NodeId node) const;
  Result<void> check_client(const CallContext& context) const;
  Result<void> check_caller(const CallContext& context, NodeId node) const;
  Task<void> watch_nodes();
  Task<void> set_state(NodeId node, NodeState from, NodeState next, std::uint32_t free_class);
  Task<void> trim(NodeId node, std::uint64_t up_to);
  std::optional<NodeRecord> node_record(NodeId id) const;

  Runtime& runtime_;
  crypto::MachineSigner signer_;
  ServiceOptions options_;
  net::Router router_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<IndexMachine> machine_;
  std::unique_ptr<BackupSet> backups_;
  std::unique_ptr<ordering::EmbeddedLog> log_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<Granter> granter_;
  std::unique_ptr<Settler> settler_;
  std::unique_ptr<HolderScan> scan_;
  std::unique_ptr<Repairer> repairer_;
  std::unique_ptr<StateRoots> randomness_;
  std::unique_ptr<Auditor> auditor_;
  ServiceMeter meter_;
  Generation generation_;  // only a restore changes it, while nothing runs
  std::map<NodeId, Live> live_;
  std::set<NodeId> trimming_;
  bool stopping_ = false;
  metrics::Registry& metrics_;
  TaskGroup tasks_;
  metrics::Counter& submitted_;
  metrics::Counter& queries_;
  metrics::Histogram& order_time_;
};

Task<Result<void>> Service::open(io::FileSystem& fs) {
  STRATOS_CO_CHECK(fs.make_dirs(options_.folder));
  kv::RocksOptions rocks;
  rocks.deterministic = options_.deterministic_store;
  STRATOS_CO_TRY(store_, kv::open_rocks(fs, options_.folder + "/index", rocks));
  STRATOS_CO_TRY(machine_, IndexMachine::open(*store_));
  const bool is_new = height().value == 0;
  ordering::Genesis genesis;
  genesis.network = options_.params.network;
  genesis.time = runtime_.wall_now();
  Params params = options_.params;
  params.settlement.zone = options_.zone;
  genesis.state = encode_genesis(params);
  ordering::LogOptions log_options;
  log_options.network = options_.params.network;
  log_options.flush_after_bytes = options_.flush_after_bytes;
  BackupSet::Parts parts{
      runtime_, fs, *store_, options_.dialer, [this](NodeId node) { return is_heard(node); },
      metrics_};
  backups_ = std::make_unique<BackupSet>(std::move(parts), options_.params.network,
                                         std::move(options_.backup));
  ordering::StateMachine& ordered = backups_->watch(*machine_);
  STRATOS_CO_TRY(
      log_, co_await ordering::EmbeddedLog::open(runtime_, fs, options_.folder + "/log", ordered,
                                                 std::move(genesis), log_options));
  Result<void> opened = co_await backups_->open();
  if (opened) {
    opened = co_await take_seat(runtime_, *log_, *machine_, signer_, options_.key_chain);
  }
  if (!opened) co_await log_->stop();
  STRATOS_CO_CHECK(opened);
  generation_ = zone_state(State(*store_)).generation;
  if (is_new) {
    // The first parameters count for ever: replay must not begin from later ones.
    auto flush = [this] { return machine_->flush(); };
    STRATOS_CO_CHECK(co_await runtime_.offload(std::move(flush), kFlushCost));
  }
  batcher_ = std::make_unique<Batcher>(runtime_, *log_, *machine_, signer_);
  Granter::Size size;
  size.noz = options_.grant_noz;
  size.segments = options_.grant_segments;
  granter_ = std::make_unique<Granter>(
      runtime_, signer_, *machine_, options_.zone, size,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); });
  settler_ = std::make_unique<Settler>(
      runtime_, signer_, *machine_, *store_, options_.zone,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); });
  add_routes();
  tasks_.spawn(watch_nodes());
  tasks_.spawn(settler_->sign_reports());
  backups_->start(tasks_);
  start_scan();
  start_repair();
  start_audits();
  co_return Result<void>{};
}

template <class Request, class Response>
void Service::route(auto method, std::string name, Member<Request, Response> member) {
  router_.on<Request, Response>(static_cast<std::uint16_t>(method), std::move(name),
                                [this, member](CallContext context, Request request, Buffer) {
                                  return (this->*member)(std::move(context), std::move(request));
                                });
}

void Service::add_routes() {
  route(MetaMethod::submit, "submit", &Service::submit);
  route(MetaMethod::query, "query", &Service::query);
  route(MetaMethod::allocate, "allocate", &Service::allocate);
  route(MetaMethod::limits, "limits", &Service::limits);
  route(MetaMethod::node_status, "node_status", &Service::node_status);
  route(MetaMethod::register_node, "register_node", &Service::register_node);
  route(MetaMethod::heartbeat, "heartbeat", &Service::heartbeat);
  route(MetaMethod::feed, "feed", &Service::answer_feed);
  route(MetaMethod::confirm, "confirm", &Service::answer_confirm);
  route(MetaMethod::inventory, "inventory", &Service::answer_inventory);
  route(MetaMethod::report_lost, "report_lost", &Service::report_lost);
  route(MetaMethod::repair_status, "repair_status", &Service::repair_status);
  route(SettleMethod::window, "settlement_window", &Service::settlement_window);
  route(SettleMethod::hand_in, "hand_in", &Service::hand_in);
  route(SettleMethod::report, "volume_report", &Service::answer_report<ReportRequest>);
  route(SettleMethod::proof, "volume_proof", &Service::answer_report<ProofRequest>);
  route(MetaMethod::report_service, "report_service", &Service::report_service);
  route(MetaMethod::backup, "backup", &Service::back_up);
  route(MetaMethod::scan, "scan", &Service::scan);
}

Task<Result<Reply<AllocateReply>>> Service::allocate(CallContext context, AllocateRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  STRATOS_CO_CHECK(check_payer(request.payer));
  STRATOS_CO_TRY(AllocateReply reply, co_await granter_->allocate(std::move(request)));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<LimitsReply>>> Service::limits(CallContext context, LimitsRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  STRATOS_CO_CHECK(check_payer(request.payer));
  STRATOS_CO_TRY(LimitsReply reply, co_await granter_->limits(std::move(request)));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<NodeStatusReply>>> Service::node_status(CallContext context, NodeStatusRequest) {
  STRATOS_CO_CHECK(check_client(context));
  NodeStatusReply reply;
  for (const auto& [node, live] : live_) reply.nodes.push_back(live.said);
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<FeedReply>>> Service::answer_feed(CallContext context, FeedRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(FeedReply reply, feed(request));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<ConfirmReply>>> Service::answer_confirm(CallContext context,
                                                          ConfirmRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(ConfirmReply reply, confirm(request));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<InventoryReply>>> Service::answer_inventory(CallContext context,
                                                              InventoryRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(InventoryReply reply, inventory(request));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<WindowReply>>> Service::settlement_window(CallContext context,
                                                            WindowRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(WindowReply reply, settler_->window());
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<HandInReply>>> Service::hand_in(CallContext context, HandInRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(HandInReply reply, co_await settler_->hand_in(std::move(request)));
  co_return reply_with(std::move(reply));
}

// Clients and nodes may ask: a report is what they are paid by.
template <class Query>
Task<Result<Reply<typename Query::Reply>>> Service::answer_report(CallContext context,
                                                                  Query query) {
  if (!knows_node(context.peer)) STRATOS_CO_CHECK(check_client(context));
  STRATOS_CO_TRY(const Bytes reply, machine_->query(Query::kPath, codec::encode(query)));
  STRATOS_CO_TRY(typename Query::Reply head, codec::decode<typename Query::Reply>(reply));
  co_return reply_with(std::move(head));
}

Task<Result<Reply<SubmitReply>>> Service::submit(CallContext context, SubmitRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  for (const Item& item : request.items) {
    if (is_of_meta_nodes(item.verb)) co_return fail(Errc::permission_denied, "verb of meta nodes");
  }
  submitted_.add(request.items.size());
  const MonotonicTime start = runtime_.now();
  STRATOS_CO_TRY(Batcher::Outcome outcome, co_await batcher_->submit(std::move(request.items)));
  order_time_.observe_ns((runtime_.now() - start).count());
  SubmitReply reply;
  reply.zone = options_.zone;
  reply.height = outcome.height;
  reply.results = std::move(outcome.results);
  reply.generation = generation_;
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<QueryReply>>> Service::query(CallContext context, QueryRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  queries_.add();
  QueryReply reply;
  reply.zone = options_.zone;
  reply.height = height();
  reply.generation = generation_;
  if (request.min_height > reply.height) co_return fail(Errc::unavailable, "replica lags");
  if (std::ranges::find(kLongQueries, request.path) == kLongQueries.end()) {
    STRATOS_CO_TRY(reply.reply, machine_->query(request.path, request.query));
  } else {
    auto work = [this, asked = std::move(request)] {
      return machine_->query(asked.path, asked.query);
    };
    STRATOS_CO_TRY(reply.reply, co_await runtime_.offload(std::move(work), kQueryCost));
  }
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<LostReply>>> Service::report_lost(CallContext context, LostRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  for (const FragmentId& fragment : request.missing) {
    STRATOS_CO_CHECK(co_await lose(fragment, request.node, false));
  }
  for (const FragmentId& fragment : request.damaged) {
    STRATOS_CO_CHECK(co_await lose(fragment, request.node, true));
  }
  co_return reply_with(LostReply{});
}

Task<Result<void>> Service::lose(FragmentId fragment, NodeId node, bool damaged) {
  LoseHolder command;
  command.fragment = fragment;
  command.node = node;
  command.damaged = damaged;
  Bytes encoded = codec::encode(command);
  const Result<Bytes> lost = co_await batcher_->order_one(Verb::lose_holder, std::move(encoded));
  if (lost) {
    log::warn("fragment.lost", {{"node", to_string(node)}, {"fragment", to_string(fragment)}});
    co_return Result<void>{};
  }
  const Errc code = lost.error().code();
  const bool settled =
      code == Errc::no_such_segment || code == Errc::not_found || code == Errc::below_quorum;
  if (!settled) co_return fail(lost.error());
  co_return Result<void>{};
}

Task<Result<Reply<RepairStatus>>> Service::repair_status(CallContext context, RepairStatusRequest) {
  STRATOS_CO_CHECK(check_client(context));
  co_return reply_with(repairer_ ? repairer_->status() : RepairStatus{});
}

Task<Result<Reply<BackupReply>>> Service::back_up(CallContext context, BackupRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  if (!request.only_status) {
    if (backups_->empty()) {
      co_return fail(Errc::not_found, "this meta node keeps no backup (--backup)");
    }
    STRATOS_CO_CHECK(co_await backups_->step());
  }
  co_return reply_with(backups_->status());
}

Duration Service::silence_of(NodeId node) const {
  const auto live = live_.find(node);
  return live == live_.end() ? Duration(0) : runtime_.now() - live->second.heard;
}

void Service::start_repair() {
  if (options_.dialer == nullptr) return;
  Repairer::Parts parts{
      runtime_,
      *store_,
      *granter_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      *options_.dialer,
      [this](NodeId node) { return silence_of(node); },
      [this](NodeId node) {
        const auto live = live_.find(node);
        return live == live_.end() ? HeartbeatRequest{} : live->second.said;
      },
      metrics_,
      [this] { return scan_->holds_up_repair(); }};
  repairer_ = std::make_unique<Repairer>(std::move(parts), options_.zone, options_.repair);
  repairer_->start();
}

void Service::start_scan() {
  if (options_.dialer == nullptr) return;
  HolderScan::Parts parts{
      runtime_,
      *store_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      *options_.dialer,
      [this](NodeId node) { return is_heard(node); },
      metrics_};
  scan_ = std::make_unique<HolderScan>(std::move(parts), options_.scan);
  scan_->start();
}

Task<Result<Reply<ScanStatus>>> Service::scan(CallContext context, ScanRequest request) {
  STRATOS_CO_CHECK(check_client(context));
  if (!scan_) co_return fail(Errc::not_found, "this meta node does not reach storage nodes");
  if (request.start) scan_->ask_for_scan();
  co_return reply_with(scan_->status());
}

bool Service::is_heard(NodeId node) const {
  const auto live = live_.find(node);
  return live != live_.end() && live->second.said.incarnation != 0 &&
         runtime_.now() - live->second.heard <= options_.node_timeout;
}

void Service::start_audits() {
  if (options_.dialer == nullptr) return;
  randomness_ = std::make_unique<StateRoots>(*machine_);
  Auditor::Parts parts{
      runtime_,
      *store_,
      *randomness_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      *options_.dialer,
      [this](NodeId node) { return is_heard(node); },
      [this](FragmentId fragment, NodeId node, bool damaged) {
        return lose(fragment, node, damaged);
      },
      [this] { return meter_.take(); },
      metrics_};
  auditor_ = std::make_unique<Auditor>(std::move(parts), options_.audit);
  auditor_->start();
}

Task<Result<Reply<ServiceReportReply>>> Service::report_service(CallContext context,
                                                                ServiceReport report) {
  STRATOS_CO_CHECK(check_client(context));
  STRATOS_CO_CHECK(meter_.note(context.peer, report));
  co_return reply_with(ServiceReportReply{});
}

std::optional<NodeRecord> Service::node_record(NodeId id) const {
  const State state(*store_);
  return state.load<NodeRecord>(keys::node(id));
}

bool Service::knows_node(const crypto::MachineKey& key) const {
  const State state(*store_);
  return state.has(keys::node_key(key.view()));
}

Result<void> Service::check_client(const CallContext& context) const {
  const auto& clients = options_.clients;
  if (std::ranges::find(clients, context.peer) != clients.end()) return {};
  return fail(Errc::permission_denied, "not a client of this meta node");
}

Result<void> Service::check_caller(const CallContext& context, NodeId node) const {
  const auto record = node_record(node);
  if (!record) return fail(Errc::no_such_node, to_string(node));
  if (record->key != context.peer) return fail(Errc::permission_denied, to_string(node));
  return {};
}

Task<Result<Reply<RegisterReply>>> Service::register_node(CallContext context,
                                                          RegisterRequest request) {
  if (request.key != context.peer) co_return fail(Errc::permission_denied, "key of another");
  std::uint32_t free_class = free_class_of(request.capacity_bytes);
  const State state(*store_);
  auto known = state.get(keys::node_key(request.key.view()));
  if (!known && request.succession) {
    known = state.get(keys::node_key(request.succession->previous.view()));
  }
  if (known) {
    const NodeId id(get_be<std::uint32_t>(*known));
    // What it said last holds until its first heartbeat.
    if (const auto record = node_record(id)) free_class = record->free_class;
    const auto live = live_.find(id);
    const bool other_lives = live != live_.end() && live->second.said.incarnation != 0 &&
                             live->second.said.incarnation != request.incarnation &&
                             runtime_.now() - live->second.heard < options_.node_timeout;
    if (other_lives) co_return fail(Errc::duplicate_node_key, "another live process has this key");
  }
  RegisterNode command;
  command.key = request.key;
  command.endpoint = request.endpoint;
  command.labels = request.labels;
  command.capabilities = request.capabilities;
  command.capacity_bytes = request.capacity_bytes;
  command.free_class = free_class;
  command.succession = request.succession;
  STRATOS_CO_CHECK(check_succession(request));
  Bytes encoded = codec::encode(command);
  STRATOS_CO_TRY(const Bytes value,
                 co_await batcher_->order_one(Verb::register_node, std::move(encoded)));
  STRATOS_CO_TRY(const RegisterNode::Reply registered, codec::decode<RegisterNode::Reply>(value));
  Live& live = live_[registered.node];
  live.said.node = registered.node;
  live.said.incarnation = request.incarnation;
  live.class_changed.reset();
  live.heard = runtime_.now();
  RegisterReply reply;
  reply.node = registered.node;
  reply.meta_key = signer_.public_key();
  reply.zone = options_.zone;
  reply.generation = generation_;
  log::info("node.registered", {{"node", to_string(reply.node)}, {"endpoint", request.endpoint}});
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<HeartbeatReply>>> Service::heartbeat(CallContext context,
                                                       HeartbeatRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  if (request.release.size() > kMaxReleaseBytes) co_return fail(Errc::too_large, "release");
  Live& live = live_[request.node];
  const bool replaced = live.said.incarnation != 0 && live.said.incarnation != request.incarnation;
  if (replaced) co_return fail(Errc::duplicate_node_key, "a newer process has this key");
  live.said = request;
  live.heard = runtime_.now();
  const auto record = node_record(request.node);
  const std::uint32_t free_class = free_class_of(request.free_bytes);
  const bool back = record && record->state == NodeState::down;
  const bool class_due = record && record->free_class != free_class &&
                         (free_class == 0 || record->free_class == 0 || !live.class_changed ||
                          runtime_.now() - *live.class_changed > 1h);
  if (back || class_due) {
    live.class_changed = runtime_.now();
    const NodeState from = record->state;
    co_await set_state(request.node, from, back ? NodeState::up : from, free_class);
  }
  const State state(*store_);
  HeartbeatReply reply;
  reply.time = machine_->time();
  reply.epoch = Epoch(static_cast<std::uint64_t>(reply.time.ms) / machine_->params().epoch_ms);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  reply.feed_end = ledger ? ledger->feed_end : 0;
  reply.generation = generation_;
  co_return reply_with(std::move(reply));
}

Task<void> Service::set_state(NodeId node, NodeState from, NodeState next,
                              std::uint32_t free_class) {
  SetNodeState command;
  command.node = node;
  command.from = from;
  command.state = next;
  command.free_class = free_class;
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await batcher_->order_one(Verb::set_node_state, std::move(encoded));
  if (!done) log::warn("node.state_not_ordered", {{"error", done.error().to_string()}});
}

Task<void> Service::watch_nodes() {
  // After a start every node gets a full timeout to be heard.
  const State state(*store_);
  for (std::uint32_t id = 1; id <= state.counter("node"); ++id) {
    Live& live = live_[NodeId(id)];
    live.said.node = NodeId(id);
    live.heard = runtime_.now();
  }
  while (!stopping_) {
    co_await runtime_.sleep(kLivenessPeriod);
    backups_->show_metrics();
    std::vector<NodeId> silent;
    for (const auto& [node, live] : live_) {
      if (runtime_.now() - live.heard <= options_.node_timeout) continue;
      const auto record = node_record(node);
      if (record && record->state == NodeState::up) silent.push_back(node);
    }
    for (NodeId node : silent) {
      log::warn("node.down", {{"node", to_string(node)}});
      const auto record = node_record(node);
      if (record) co_await set_state(node, NodeState::up, NodeState::down, record->free_class);
    }
  }
}

Result<FeedReply> Service::feed(const FeedRequest& request) {
  const State state(*store_);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  if (!ledger) return fail(Errc::no_such_node, to_string(request.node));
  FeedReply reply;
  reply.end = ledger->feed_end;
  // A cursor beyond the end comes from an index that was newer than this one.
  reply.cursor_too_old = request.after > ledger->feed_end || request.after + 1 < ledger->feed_begin;
  if (reply.cursor_too_old) return reply;
  if (request.after >= ledger->feed_begin + kTrimAfter && trimming_.insert(request.node).second) {
    tasks_.spawn(trim(request.node, request.after));
  }
  const bool drops_pause = zone_state(state).drops_pause;
  const std::uint64_t last =
      std::min(ledger->feed_end, request.after + std::min<std::uint64_t>(request.limit, 10'000));
  for (std::uint64_t at = request.after + 1; at <= last; ++at) {
    auto entry = state.load<FeedEntry>(keys::feed(request.node, at));
    if (!entry) continue;
    if (drops_pause && entry->kind == FeedKind::drop) break;
    reply.entries.push_back(std::move(*entry));
  }
  STRATOS_CHECK(state.status());
  return reply;
}

Task<void> Service::trim(NodeId node, std::uint64_t up_to) {
  TrimFeed command;
  command.node = node;
  command.up_to = up_to;
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await batcher_->order_one(Verb::trim_feed, std::move(encoded));
  if (!done) log::warn("feed.not_trimmed", {{"error", done.error().to_string()}});
  trimming_.erase(node);
}

Result<ConfirmReply> Service::confirm(const ConfirmRequest& request) const {
  if (request.fragments.size() > kMaxConfirm) return fail(Errc::too_large, "fragments asked");
  const State state(*store_);
  ConfirmReply reply;
  if (zone_state(state).drops_pause) return reply;
  reply.time = machine_->time();
  for (const FragmentId& fragment : request.fragments) {
    if (state.has(keys::fragment(request.node, fragment))) reply.referenced.push_back(fragment);
  }
  STRATOS_CHECK(state.status());
  return reply;
}

Result<InventoryReply> Service::inventory(const InventoryRequest& request) const {
  const State state(*store_);
  const auto ledger = state.load<NodeLedger>(keys::node_ledger(request.node));
  InventoryReply reply;
  reply.feed_end = ledger ? ledger->feed_end : 0;
  const Bytes prefix = keys::fragments_of(request.node);
  Bytes lower = prefix;
  if (request.after) {
    lower = keys::fragment(request.node, *request.after);
    lower.push_back(0);
  }
  const std::size_t limit = std::min<std::size_t>(request.limit, kMaxConfirm);
  state.scan(lower, kv::prefix_end(prefix), [&](ByteView key, ByteView) {
    reply.more = reply.fragments.size() == limit;
    if (reply.more) return false;
    reply.fragments.push_back(keys::parse_fragment(key));
    return true;
  });
  STRATOS_CHECK(state.status());
  return reply;
}

Task<void> Service::stop() {
  stopping_ = true;
  if (auditor_) co_await auditor_->stop();
  if (repairer_) co_await repairer_->stop();
  if (scan_) co_await scan_->stop();
  tasks_.cancel();
  co_await tasks_.join();
  if (batcher_) co_await batcher_->stop();
  if (log_) co_await log_->stop();
  if (backups_) co_await backups_->finish();
}

}  // namespace

Task<Result<std::unique_ptr<MetaService>>> MetaService::start(Runtime& runtime, io::FileSystem& fs,
                                                              crypto::MachineSigner signer,
                                                              metrics::Registry& metrics,
                                                              ServiceOptions options) {
  auto service = std::make_unique<Service>(runtime, std::move(signer), metrics, std::move(options));
  STRATOS_CO_CHECK(co_await service->open(fs));
  co_return std::unique_ptr<MetaService>(std::move(service));
}

}  // namespace stratos::meta
