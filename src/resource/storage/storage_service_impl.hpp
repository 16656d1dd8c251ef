// The parts of the storage service, shared by its source files.
#pragma once
#include <deque>
#include <map>
#include <unordered_map>

#include "meta/node_orders.hpp"
#include "resource/storage/order_ledger.hpp"
#include "resource/storage/storage_service.hpp"
#include "resource/storage/wire.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::resource {

// A write that waits for its receipt.
struct WriteTicket {
  explicit WriteTicket(Runtime& runtime) : done(runtime) {}
  WaitQueue done;
  std::optional<Result<meta::Receipt>> answer;
  bool repeated = false;  // was stored before
};

// A small fragment in one call: appended by the committer itself.
struct SmallWrite {
  Append request;
  std::shared_ptr<WriteTicket> ticket;
};

class StorageServiceImpl final : public StorageService {
 public:
  StorageServiceImpl(Runtime& runtime, io::FileSystem& fs, std::string folder, net::Channel& meta,
                     const crypto::MachineSigner& signer, metrics::Registry& metrics,
                     StorageOptions options);
  Task<Result<void>> start();

  std::string_view name() const override { return "storage"; }
  std::uint64_t capability() const override { return meta::kStorageCapability; }
  void add_routes(net::Router& router) override;
  void joined(const Membership& membership) override;
  void report(meta::HeartbeatRequest& heartbeat) const override;
  void heard(const meta::HeartbeatReply& reply) override;
  std::vector<std::string> unready() const override;
  void drain() override { draining_ = true; }
  Task<void> stop() override;
  Task<Result<void>> follow_feed() override;
  Task<Result<void>> settle_expired() override;
  Task<Result<void>> run_upkeep() override;
  Usage usage() const override;

  // What handlers get: the store as it is now, or why there is none.
  Result<std::shared_ptr<FragmentStore>> store() const;

  // storage_service.cpp: requests
  Task<Result<net::Reply<WriteReply>>> write(WriteRequest request, Buffer body);
  Task<Result<net::Reply<ReadReply>>> read(ReadRequest request);
  Task<Result<net::Reply<StatReply>>> stat(StatRequest request);
  Task<Result<net::Reply<meta::RebuildReply>>> rebuild(net::CallContext context,
                                                       meta::RebuildRequest request);
  Task<Result<net::Reply<SignOffReply>>> sign_off(SignOffRequest request);
  Task<Result<net::Reply<meta::AuditReply>>> audit(net::CallContext context,
                                                   meta::AuditRequest request);
  Task<Result<net::Reply<meta::HeldReply>>> list_held(net::CallContext context,
                                                      meta::HeldRequest request);
  Task<Result<net::Reply<meta::AttestReply>>> attest(net::CallContext context,
                                                     meta::AttestRequest request);
  Result<net::Reply<StatusReply>> status() const;

 private:
  struct Gate;  // one append of a fragment at a time
  struct Metrics {
    explicit Metrics(metrics::Registry& registry);
    metrics::Counter& writes;
    metrics::Counter& written_bytes;
    metrics::Counter& reads;
    metrics::Counter& read_bytes;
    metrics::Counter& refused;
    metrics::Counter& commits;
    metrics::Counter& receipts;
    metrics::Counter& corrupt;
    metrics::Counter& missing;
    metrics::Counter& reopened;
    metrics::Counter& purged;
    metrics::Counter& audits;
    metrics::Counter& attested;
    metrics::Counter& rebuilt;
    metrics::Counter& rebuilt_bytes;
    metrics::Counter& scrubbed_bytes;
    metrics::Counter& settled_bytes;
    metrics::Counter& unpaid_bytes;
    metrics::Gauge& used;
    metrics::Gauge& trash;
    metrics::Gauge& overhead;
    metrics::Gauge& free;
    metrics::Gauge& fragments;
    metrics::Histogram& commit_seconds;
  };
  struct Group;
  struct Peer {
    std::string endpoint;
    std::shared_ptr<net::Channel> channel;
  };

  // With the receipt when the extent ends the fragment.
  Task<Result<std::optional<meta::Receipt>>> store_extent(Append request, bool& repeated);
  Task<Result<std::optional<meta::Receipt>>> write_small(Append request, bool& repeated);
  Task<Result<std::optional<meta::Receipt>>> write_extent(Append request, bool& repeated);
  Task<Result<Appended>> append(Append request);
  Task<Result<void>> enter_gate(FragmentId id);
  void leave_gate(const FragmentId& id);
  Task<Result<meta::Receipt>> await_receipt(std::shared_ptr<WriteTicket> ticket);
  void check_store(const std::shared_ptr<FragmentStore>& store);

  // storage_rebuild.cpp
  Task<Result<meta::Receipt>> rebuild_now(meta::RebuildRequest request);
  std::shared_ptr<net::Channel> reach_node(const meta::NodeRecord& node);

  // storage_commit.cpp
  Task<void> commit_loop();
  Task<void> commit_group();
  void answer_group(Group& group);
  void fail_tickets(const Error& error);
  Task<void> reopen_loop();
  Task<Result<void>> open_store();

  // storage_upkeep.cpp
  Task<void> feed_loop();
  Task<void> upkeep_loop();
  Task<void> expiry_loop();
  Task<void> scrub_loop();
  Task<Result<void>> scrub_some(std::uint64_t bytes, std::uint64_t& done);
  Task<Result<void>> report_damaged(std::shared_ptr<FragmentStore> store);
  Task<Result<void>> follow_page(std::shared_ptr<FragmentStore> store, bool& more);
  Task<Result<void>> reconcile(std::shared_ptr<FragmentStore> store);
  Task<Result<std::uint64_t>> reconcile_page(std::shared_ptr<FragmentStore> store,
                                             std::optional<FragmentId> after,
                                             meta::InventoryReply page);
  Task<Result<void>> load_orders(std::shared_ptr<FragmentStore> store);
  Task<Result<void>> keep_orders(std::shared_ptr<FragmentStore> store);
  Task<Result<void>> check_generation(std::shared_ptr<FragmentStore> store);

  // storage_settle.cpp
  Task<void> settle_loop();
  Task<Result<void>> settle_orders();
  Task<Result<void>> freeze_before(std::shared_ptr<FragmentStore> store, Epoch epoch);
  Task<Result<void>> hand_in(Epoch epoch);
  Task<Result<void>> load_frozen(std::shared_ptr<FragmentStore> store);
  Task<Result<void>> forget_epoch(std::shared_ptr<FragmentStore> store, Epoch epoch);
  // Ordered time as the last heartbeat told it, and what went by since.
  WallTime meta_now() const;

  Runtime& runtime_;
  io::FileSystem& fs_;
  std::string folder_;
  net::Channel& meta_;
  const crypto::MachineSigner& signer_;
  StorageOptions options_;
  Metrics metrics_;
  std::uint64_t salt_seed_;

  std::shared_ptr<FragmentStore> store_;  // null while it is being opened again
  std::weak_ptr<FragmentStore> old_store_;
  OrderLedger ledger_;
  std::optional<Membership> membership_;
  std::optional<meta::HeartbeatReply> heard_;
  MonotonicTime heard_at_;
  Epoch frozen_;  // durably: of epochs before this one no order grows any more
  MonotonicTime settle_next_;
  bool draining_ = false;
  bool stopping_ = false;
  bool generation_checked_ = false;
  bool index_is_older_ = false;
  bool must_reconcile_ = false;

  std::unordered_map<FragmentId, std::shared_ptr<Gate>> gates_;
  std::vector<SmallWrite> small_;
  std::uint64_t small_bytes_ = 0;
  std::unordered_multimap<FragmentId, std::shared_ptr<WriteTicket>> expected_;
  bool commit_due_ = false;
  std::uint64_t corrupt_seen_ = 0;

  std::map<crypto::MachineKey, Peer> peers_;
  std::optional<FragmentId> scrubbed_;  // the last fragment that scrubbing has seen

  Semaphore reads_;
  Semaphore rebuilds_;
  Semaphore writes_;
  WaitQueue commit_wanted_;
  WaitQueue reopen_wanted_;
  WaitQueue feed_wanted_;
  WaitQueue stopped_;
  TaskGroup tasks_;
};

struct StorageServiceImpl::Gate {
  explicit Gate(Runtime& runtime) : free(runtime) {}
  WaitQueue free;
  bool busy = false;
  std::size_t users = 0;
};

}  // namespace stratos::resource
