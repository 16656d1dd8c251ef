#include "resource/storage/storage_service.hpp"

#include "base/assert.hpp"
#include "base/log.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kQueueTimeout = 10s;
constexpr Duration kReceiptTimeout = 60s;
constexpr Duration kAppendCost = 400us;
constexpr Duration kReadCost = 100us;
constexpr std::size_t kRebuildsAtOnce = 4;
constexpr std::size_t kMaxSmallWrites = 4096;
constexpr std::uint64_t kMaxSmallBytes = 64ULL << 20;

template <class Head>
net::Reply<Head> reply_with(Head head, Buffer body = {}) {
  return net::Reply<Head>{std::move(head), std::move(body)};
}

bool is_small(const Append& request) {
  return request.seal && request.offset == 0 && request.data.size() <= kInlineDataBytes;
}

Append append_of(const WriteRequest& request, Buffer body) {
  Append append;
  append.fragment = request.fragment;
  append.zone = request.zone;
  append.k = request.k;
  append.m = request.m;
  append.offset = request.offset;
  append.data = std::move(body);
  append.seal = request.seal;
  append.root = request.root;
  return append;
}

}  // namespace

StorageServiceImpl::Metrics::Metrics(metrics::Registry& registry)
    : writes(registry.counter("stratos_storage_writes_total")),
      written_bytes(registry.counter("stratos_storage_written_bytes")),
      reads(registry.counter("stratos_storage_reads_total")),
      read_bytes(registry.counter("stratos_storage_read_bytes")),
      refused(registry.counter("stratos_storage_orders_refused_total")),
      commits(registry.counter("stratos_storage_commits_total")),
      receipts(registry.counter("stratos_storage_receipts_total")),
      corrupt(registry.counter("stratos_storage_corrupt_fragments_total")),
      missing(registry.counter("stratos_storage_missing_fragments_total")),
      reopened(registry.counter("stratos_storage_reopened_total")),
      purged(registry.counter("stratos_storage_purged_fragments_total")),
      audits(registry.counter("stratos_storage_audits_total")),
      attested(registry.counter("stratos_storage_attested_fragments_total")),
      rebuilt(registry.counter("stratos_storage_rebuilt_fragments_total")),
      rebuilt_bytes(registry.counter("stratos_storage_rebuilt_bytes_total")),
      scrubbed_bytes(registry.counter("stratos_storage_scrubbed_bytes_total")),
      settled_bytes(registry.counter("stratos_storage_settled_bytes_total")),
      unpaid_bytes(registry.counter("stratos_storage_unpaid_bytes_total")),
      used(registry.gauge("stratos_storage_used_bytes")),
      trash(registry.gauge("stratos_storage_trash_bytes")),
      overhead(registry.gauge("stratos_storage_overhead_bytes")),
      free(registry.gauge("stratos_storage_free_bytes")),
      fragments(registry.gauge("stratos_storage_fragments_count")),
      commit_seconds(registry.histogram("stratos_storage_commit_seconds")) {}

StorageServiceImpl::StorageServiceImpl(Runtime& runtime, io::FileSystem& fs, std::string folder,
                                       net::Channel& meta, const crypto::MachineSigner& signer,
                                       metrics::Registry& metrics, StorageOptions options)
    : runtime_(runtime),
      fs_(fs),
      folder_(std::move(folder)),
      meta_(meta),
      signer_(signer),
      options_(std::move(options)),
      metrics_(metrics),
      salt_seed_(runtime.random().next_u64()),
      reads_(runtime, options_.reads_at_once),
      rebuilds_(runtime, kRebuildsAtOnce),
      writes_(runtime, options_.writes_at_once),
      commit_wanted_(runtime),
      reopen_wanted_(runtime),
      feed_wanted_(runtime),
      stopped_(runtime),
      tasks_(runtime, "storage") {}

Task<Result<std::unique_ptr<StorageService>>> StorageService::open(
    Runtime& runtime, io::FileSystem& fs, std::string folder, net::Channel& meta,
    const crypto::MachineSigner& signer, metrics::Registry& metrics, StorageOptions options) {
  auto service = std::make_unique<StorageServiceImpl>(runtime, fs, std::move(folder), meta, signer,
                                                      metrics, std::move(options));
  STRATOS_CO_CHECK(co_await service->start());
  co_return service;
}

Task<Result<void>> StorageServiceImpl::start() {
  STRATOS_CO_CHECK(co_await open_store());
  tasks_.spawn(commit_loop());
  tasks_.spawn(reopen_loop());
  tasks_.spawn(feed_loop());
  tasks_.spawn(upkeep_loop());
  tasks_.spawn(expiry_loop());
  tasks_.spawn(scrub_loop());
  tasks_.spawn(settle_loop());
  co_return Result<void>{};
}

Task<void> StorageServiceImpl::stop() {
  stopping_ = true;
  draining_ = true;
  for (WaitQueue* const queue : {&commit_wanted_, &reopen_wanted_, &feed_wanted_, &stopped_}) {
    queue->wake_all();
  }
  tasks_.cancel();
  co_await tasks_.join();
  fail_tickets(Error(Errc::unavailable, "the node is shutting down"));
  if (store_ == nullptr) co_return;
  const Result<void> kept = co_await keep_orders(store_);
  auto flush = [store = store_] { return store->flush_index(); };
  const Result<void> flushed = co_await runtime_.offload(std::move(flush), kAppendCost);
  if (!kept || !flushed) {
    log::warn("storage.not_flushed", {{"error", (kept ? flushed : kept).error().to_string()}});
  }
  store_.reset();
}

// --- membership
// ------------------------------------------------------------------------------------

void StorageServiceImpl::joined(const Membership& membership) {
  membership_ = membership;
  generation_checked_ = false;
  ledger_.set_identity(membership.node, membership.meta_key, membership.generation);
  if (store_ != nullptr) store_->set_node(membership.node);
  feed_wanted_.wake_all();
}

void StorageServiceImpl::report(meta::HeartbeatRequest& heartbeat) const {
  const Usage now = usage();
  heartbeat.used_bytes = now.used_bytes;
  heartbeat.free_bytes = draining_ ? 0 : now.free_bytes;
  heartbeat.trash_bytes = now.trash_bytes;
  heartbeat.fragments = now.fragments;
  metrics_.used.set(static_cast<std::int64_t>(now.used_bytes));
  metrics_.trash.set(static_cast<std::int64_t>(now.trash_bytes));
  metrics_.overhead.set(static_cast<std::int64_t>(now.overhead_bytes));
  metrics_.free.set(static_cast<std::int64_t>(now.free_bytes));
  metrics_.fragments.set(static_cast<std::int64_t>(now.fragments));
}

void StorageServiceImpl::heard(const meta::HeartbeatReply& reply) {
  heard_ = reply;
  heard_at_ = runtime_.now();
  ledger_.set_epoch(reply.epoch);
}

Usage StorageServiceImpl::usage() const { return store_ == nullptr ? Usage{} : store_->usage(); }

std::vector<std::string> StorageServiceImpl::unready() const {
  std::vector<std::string> reasons;
  if (store_ == nullptr) reasons.emplace_back("the store is being opened again");
  if (!membership_) reasons.emplace_back("not registered");
  if (draining_) reasons.emplace_back("draining");
  if (index_is_older_) reasons.emplace_back("the index is older than one seen before");
  if (store_ != nullptr && store_->usage().free_bytes == 0) reasons.emplace_back("full");
  return reasons;
}

Result<std::shared_ptr<FragmentStore>> StorageServiceImpl::store() const {
  if (stopping_) return fail(Errc::unavailable, "the node is shutting down");
  if (store_ == nullptr) return fail(Errc::unavailable, "the store is being opened again");
  if (!membership_) return fail(Errc::unavailable, "the node is not registered");
  return store_;
}

// --- routes
// ----------------------------------------------------------------------------------------

void StorageServiceImpl::add_routes(net::Router& router) {
  const auto number = [](NodeMethod method) { return static_cast<std::uint16_t>(method); };
  router.on<WriteRequest, WriteReply>(number(NodeMethod::write), "storage.write",
                                      [this](net::CallContext, WriteRequest request, Buffer body) {
                                        return write(std::move(request), std::move(body));
                                      });
  router.on<ReadRequest, ReadReply>(
      number(NodeMethod::read), "storage.read",
      [this](net::CallContext, ReadRequest request, Buffer) { return read(std::move(request)); });
  router.on<StatRequest, StatReply>(
      number(NodeMethod::stat), "storage.stat",
      [this](net::CallContext, StatRequest request, Buffer) { return stat(std::move(request)); });
  router.on<meta::RebuildRequest, meta::RebuildReply>(
      static_cast<std::uint16_t>(meta::NodeOrder::rebuild), "storage.rebuild",
      [this](net::CallContext context, meta::RebuildRequest request, Buffer) {
        return rebuild(std::move(context), std::move(request));
      });
  router.on<SignOffRequest, SignOffReply>(number(NodeMethod::sign_off), "storage.sign_off",
                                          [this](net::CallContext, SignOffRequest request, Buffer) {
                                            return sign_off(std::move(request));
                                          });
  router.on<meta::AuditRequest, meta::AuditReply>(
      static_cast<std::uint16_t>(meta::NodeOrder::audit), "storage.audit",
      [this](net::CallContext context, meta::AuditRequest request, Buffer) {
        return audit(std::move(context), std::move(request));
      });
  router.on<meta::HeldRequest, meta::HeldReply>(
      static_cast<std::uint16_t>(meta::NodeOrder::list_held), "storage.list_held",
      [this](net::CallContext context, meta::HeldRequest request, Buffer) {
        return list_held(std::move(context), std::move(request));
      });
  router.on<meta::AttestRequest, meta::AttestReply>(
      static_cast<std::uint16_t>(meta::NodeOrder::attest), "storage.attest",
      [this](net::CallContext context, meta::AttestRequest request, Buffer) {
        return attest(std::move(context), std::move(request));
      });
  router.on<StatusRequest, StatusReply>(
      number(NodeMethod::status), "storage.status",
      [this](net::CallContext, StatusRequest, Buffer) {
        return [](StorageServiceImpl* self) -> Task<Result<net::Reply<StatusReply>>> {
          co_return self->status();
        }(this);
      });
}

Task<Result<net::Reply<WriteReply>>> StorageServiceImpl::write(WriteRequest request, Buffer body) {
  STRATOS_CO_CHECK(store());
  if (draining_) co_return fail(Errc::unavailable, "the node takes no new data");
  const std::uint64_t bytes = body.size();
  if (bytes > kMaxExtentBytes) co_return fail(Errc::too_large, "extent too large");
  const Result<void> paid = ledger_.admit(request.order, Direction::store, bytes, meta_now());
  if (!paid) {
    metrics_.refused.add();
    co_return fail(paid.error());
  }
  bool repeated = false;
  Append append = append_of(request, std::move(body));
  Result<std::optional<meta::Receipt>> receipt = co_await store_extent(std::move(append), repeated);
  if (!receipt || repeated) ledger_.refund(request.order, bytes);
  if (!receipt) co_return fail(std::move(receipt).error());
  metrics_.writes.add();
  metrics_.written_bytes.add(bytes);
  WriteReply reply;
  reply.receipt = std::move(*receipt);
  co_return reply_with(std::move(reply));
}

Task<Result<std::optional<meta::Receipt>>> StorageServiceImpl::store_extent(Append request,
                                                                            bool& repeated) {
  if (is_small(request)) co_return co_await write_small(std::move(request), repeated);
  co_return co_await write_extent(std::move(request), repeated);
}

Task<Result<std::optional<meta::Receipt>>> StorageServiceImpl::write_small(Append request,
                                                                           bool& repeated) {
  if (small_.size() >= kMaxSmallWrites || small_bytes_ > kMaxSmallBytes) {
    co_return fail(Errc::overloaded, "too many small writes wait");
  }
  auto ticket = std::make_shared<WriteTicket>(runtime_);
  small_bytes_ += request.data.size();
  small_.push_back(SmallWrite{std::move(request), ticket});
  commit_due_ = true;
  commit_wanted_.wake_one();
  STRATOS_CO_TRY(meta::Receipt receipt, co_await await_receipt(ticket));
  repeated = ticket->repeated;
  co_return std::optional(std::move(receipt));
}

Task<Result<std::optional<meta::Receipt>>> StorageServiceImpl::write_extent(Append request,
                                                                            bool& repeated) {
  const FragmentId id = request.fragment;
  const bool seal = request.seal;
  // Registered first: the receipt may come before this task goes on.
  std::shared_ptr<WriteTicket> ticket;
  STRATOS_CO_CHECK(co_await enter_gate(id));
  if (seal) {
    ticket = std::make_shared<WriteTicket>(runtime_);
    expected_.emplace(id, ticket);
  }
  const Result<Appended> appended = co_await append(std::move(request));
  leave_gate(id);
  if (!appended) {
    std::erase_if(expected_, [&](const auto& item) { return item.second == ticket; });
    co_return fail(appended.error());
  }
  repeated = appended->repeated;
  if (!seal) co_return std::optional<meta::Receipt>();
  if (!ticket->answer) {
    commit_due_ = true;
    commit_wanted_.wake_one();
  }
  STRATOS_CO_TRY(meta::Receipt receipt, co_await await_receipt(ticket));
  co_return std::optional(std::move(receipt));
}

Task<Result<Appended>> StorageServiceImpl::append(Append request) {
  STRATOS_CO_CHECK(co_await writes_.acquire(kQueueTimeout));
  Result<std::shared_ptr<FragmentStore>> current = store();
  Result<Appended> appended = fail(Errc::unavailable, "the store is being opened again");
  if (current) {
    auto work = [store = *current, request = std::move(request), now = runtime_.wall_now()] {
      return store->append(request, now);
    };
    appended = co_await runtime_.offload(std::move(work), kAppendCost);
    check_store(*current);
  }
  writes_.release();
  co_return appended;
}

Task<Result<meta::Receipt>> StorageServiceImpl::await_receipt(std::shared_ptr<WriteTicket> ticket) {
  if (!ticket->answer) STRATOS_CO_CHECK(co_await ticket->done.wait(kReceiptTimeout));
  STRATOS_ASSERT(ticket->answer.has_value(), "a ticket is woken with its answer");
  co_return std::move(*ticket->answer);
}

Task<Result<void>> StorageServiceImpl::enter_gate(FragmentId id) {
  auto& slot = gates_[id];
  if (slot == nullptr) slot = std::make_shared<Gate>(runtime_);
  const std::shared_ptr<Gate> gate = slot;
  ++gate->users;
  while (gate->busy) {
    if (Result<void> waited = co_await gate->free.wait(kQueueTimeout); !waited) {
      if (--gate->users == 0) gates_.erase(id);
      co_return waited;
    }
  }
  gate->busy = true;
  co_return Result<void>{};
}

void StorageServiceImpl::leave_gate(const FragmentId& id) {
  const auto found = gates_.find(id);
  const std::shared_ptr<Gate> gate = found->second;
  gate->busy = false;
  gate->free.wake_one();
  if (--gate->users == 0) gates_.erase(found);
}

// --- reading
// ---------------------------------------------------------------------------------------

Task<Result<net::Reply<ReadReply>>> StorageServiceImpl::read(ReadRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> store, this->store());
  if (request.length > kMaxExtentBytes) co_return fail(Errc::too_large, "range too long");
  const Result<void> paid =
      ledger_.admit(request.order, Direction::fetch, request.length, meta_now());
  if (!paid) {
    metrics_.refused.add();
    co_return fail(paid.error());
  }
  Result<ReadResult> result = fail(Errc::overloaded, "too many reads wait");
  if (co_await reads_.acquire(kQueueTimeout)) {
    auto work = [store, id = request.fragment, offset = request.offset, length = request.length,
                 with_tree = request.with_tree, verify = options_.verify_reads] {
      return store->read(id, offset, length, with_tree, verify);
    };
    result = co_await runtime_.offload(std::move(work), kReadCost);
    reads_.release();
  }
  const std::uint64_t delivered = result ? result->data.size() : 0;
  ledger_.refund(request.order, request.length - delivered);
  if (!result) co_return fail(std::move(result).error());
  metrics_.reads.add();
  metrics_.read_bytes.add(delivered);
  ReadReply head;
  head.fragment_length = result->fragment_length;
  head.groups = std::move(result->groups);
  co_return reply_with(std::move(head), std::move(result->data));
}

Task<Result<net::Reply<StatReply>>> StorageServiceImpl::stat(StatRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> store, this->store());
  auto work = [store, id = request.fragment] { return store->stat(id); };
  const Result<FragmentInfo> info = co_await runtime_.offload(std::move(work), kReadCost);
  if (!info) co_return fail(info.error());
  StatReply reply;
  reply.length = info->length;
  reply.root = info->root;
  reply.in_trash = info->state == FragmentState::trashed;
  co_return reply_with(std::move(reply));
}

Result<net::Reply<StatusReply>> StorageServiceImpl::status() const {
  STRATOS_CHECK(store());
  const Usage now = usage();
  StatusReply reply;
  reply.node = membership_->node;
  reply.used_bytes = now.used_bytes;
  reply.trash_bytes = now.trash_bytes;
  reply.overhead_bytes = now.overhead_bytes;
  reply.free_bytes = now.free_bytes;
  reply.fragments = now.fragments;
  return reply_with(std::move(reply));
}

}  // namespace stratos::resource
