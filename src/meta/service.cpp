#include "meta/service.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "meta/backup_set.hpp"
#include "meta/batcher.hpp"
#include "meta/granter.hpp"
#include "meta/index_upkeep.hpp"
#include "meta/keys.hpp"
#include "meta/node_watch.hpp"
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
constexpr Duration kShowPeriod = 250ms;

// What the network pays is not for clients to ask.
Result<void> check_payer(AccountId payer) {
  if (payer == kNetworkAccount) return fail(Errc::permission_denied, "payer");
  return {};
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
  Result<void> check_client(const CallContext& context) const;
  Result<void> check_caller(const CallContext& context, NodeId node) const;
  Task<void> show_backups();

  Runtime& runtime_;
  crypto::MachineSigner signer_;
  ServiceOptions options_;
  net::Router router_;
  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<IndexMachine> machine_;
  std::unique_ptr<NodeWatch> nodes_;
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
  NodeWatch::Parts watched{
      runtime_, *store_, *machine_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      options_.node_timeout};
  nodes_ = std::make_unique<NodeWatch>(std::move(watched));
  BackupSet::Parts parts{runtime_,
                         fs,
                         *store_,
                         options_.dialer,
                         [this](NodeId node) { return nodes_->is_heard(node); },
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
  nodes_->start();
  tasks_.spawn(show_backups());
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
  reply.nodes = nodes_->all_said();
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<FeedReply>>> Service::answer_feed(CallContext context, FeedRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(FeedReply reply, nodes_->feed(request));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<ConfirmReply>>> Service::answer_confirm(CallContext context,
                                                          ConfirmRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(ConfirmReply reply, nodes_->confirm(request));
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<InventoryReply>>> Service::answer_inventory(CallContext context,
                                                              InventoryRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(InventoryReply reply, nodes_->inventory(request));
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

void Service::start_repair() {
  if (options_.dialer == nullptr) return;
  Repairer::Parts parts{
      runtime_,
      *store_,
      *granter_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      *options_.dialer,
      [this](NodeId node) { return nodes_->silence_of(node); },
      [this](NodeId node) { return nodes_->said_by(node); },
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
      [this](NodeId node) { return nodes_->is_heard(node); },
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

void Service::start_audits() {
  if (options_.dialer == nullptr) return;
  randomness_ = std::make_unique<StateRoots>(*machine_);
  Auditor::Parts parts{
      runtime_,
      *store_,
      *randomness_,
      [this](Verb verb, Bytes command) { return batcher_->order_one(verb, std::move(command)); },
      *options_.dialer,
      [this](NodeId node) { return nodes_->is_heard(node); },
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
  const auto record = nodes_->record_of(node);
  if (!record) return fail(Errc::no_such_node, to_string(node));
  if (record->key != context.peer) return fail(Errc::permission_denied, to_string(node));
  return {};
}

Task<Result<Reply<RegisterReply>>> Service::register_node(CallContext context,
                                                          RegisterRequest request) {
  if (request.key != context.peer) co_return fail(Errc::permission_denied, "key of another");
  RegisterReply reply;
  STRATOS_CO_TRY(reply.node, co_await nodes_->register_node(std::move(request)));
  reply.meta_key = signer_.public_key();
  reply.zone = options_.zone;
  reply.generation = generation_;
  co_return reply_with(std::move(reply));
}

Task<Result<Reply<HeartbeatReply>>> Service::heartbeat(CallContext context,
                                                       HeartbeatRequest request) {
  STRATOS_CO_CHECK(check_caller(context, request.node));
  STRATOS_CO_TRY(HeartbeatReply reply, co_await nodes_->heartbeat(std::move(request)));
  reply.generation = generation_;
  co_return reply_with(std::move(reply));
}

Task<void> Service::show_backups() {
  while (co_await runtime_.sleep(kShowPeriod)) backups_->show_metrics();
}

Task<void> Service::stop() {
  if (auditor_) co_await auditor_->stop();
  if (repairer_) co_await repairer_->stop();
  if (scan_) co_await scan_->stop();
  tasks_.cancel();
  co_await tasks_.join();
  if (nodes_) co_await nodes_->stop();
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
