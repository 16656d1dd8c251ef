// Mesh: what every transfer of one client shares.
#pragma once
#include <map>

#include "base/metrics.hpp"
#include "client/allocator.hpp"
#include "client/key_ring.hpp"
#include "client/node_directory.hpp"
#include "client/order_book.hpp"
#include "client/order_closer.hpp"
#include "erasure/reed_solomon.hpp"
#include "resource/storage/wire.hpp"
#include "runtime/task_group.hpp"

namespace stratos::client {

struct MeshOptions {
  AccountId payer;
  Duration node_timeout = 10s;  // of one call to a node
  Duration patience = 60ms;     // for the last fragments, once the quorum is reached
  Duration hedge_after = 30ms;  // at least; more for nodes that are slow by habit
  std::uint64_t replicated_max_bytes = 128 * 1024;  // larger objects are coded
  // Of plain bytes; segments are no longer than their shape allows, and no shorter than a batch.
  std::uint64_t segment_max_bytes = 64 << 20;
  Duration report_every = 10min;  // what reads showed of the nodes, to the meta layer
};

// Belongs to one runtime; members in order of construction. References outlive it.
class Mesh {
 public:
  Mesh(Runtime& runtime_in, net::Channel& meta_channel, Dialer& dialer, KeyRing ring_in,
       metrics::Registry& metrics_in, MeshOptions options_in);

  // Signs off and splits the traffic of each epoch from now on; called on the runtime, once.
  void keep_books();
  // Waits for writes that are still finishing in the background, and closes the books.
  Task<void> stop();

  // One call to a storage node under an order, for a bucket; the node's speed is noted. A node that
  // does not know the limit yet is told once more.
  Task<Result<net::Reply<resource::WriteReply>>> write(NodeId node, resource::WriteRequest request,
                                                       Buffer body, BucketId bucket);
  Task<Result<net::Reply<resource::ReadReply>>> read(NodeId node, resource::ReadRequest request,
                                                     BucketId bucket);

  Result<const erasure::ReedSolomon*> code(erasure::Shape shape);
  // The network's parameters, fetched once.
  Task<Result<const meta::Params*>> params();

  Runtime& runtime;
  MeshOptions options;
  KeyRing ring;
  meta::MetaClient meta;
  NodeDirectory directory;
  OrderBook orders;
  OrderCloser closer;
  Allocator allocator;
  TaskGroup background;
  TaskGroup bookkeeping;
  metrics::Counter& delivered_bytes;
  metrics::Counter& corrupt_units;
  metrics::Counter& hedged_reads;
  metrics::Counter& decoded_reads;
  metrics::Counter& abandoned_fragments;

 private:
  // What of a call's bytes counts for whom.
  struct Charge {
    meta::Action action{};
    std::uint64_t bytes = 0;
    BucketId bucket;
  };
  template <class Response, class Request>
  Task<Result<net::Reply<Response>>> call(NodeId node, resource::NodeMethod method, Charge charge,
                                          Request request, Buffer body);

  void note_read(NodeId node, std::uint64_t bytes, Duration took);
  Task<void> report(meta::ServiceReport seen);

  std::map<std::pair<std::uint8_t, std::uint8_t>, erasure::ReedSolomon> codes_;
  std::map<NodeId, meta::NodeReads> seen_;  // since the last report
  MonotonicTime reported_;
  std::optional<meta::Params> params_;
};

}  // namespace stratos::client
