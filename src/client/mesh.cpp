#include "client/mesh.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace stratos::client {
namespace {
constexpr Duration kCloseTimeout = 2s;
}  // namespace

Mesh::Mesh(Runtime& runtime_in, net::Channel& meta_channel, Dialer& dialer, KeyRing ring_in,
           metrics::Registry& metrics_in, MeshOptions options_in)
    : runtime(runtime_in),
      options(options_in),
      ring(std::move(ring_in)),
      meta(runtime, meta_channel),
      directory(runtime, meta, dialer),
      orders(runtime, meta, directory, options.payer),
      closer(runtime, meta, directory, orders),
      allocator(runtime, meta, options.payer),
      background(runtime, "client"),
      bookkeeping(runtime, "client books"),
      delivered_bytes(metrics_in.counter("stratos_client_delivered_bytes_total")),
      corrupt_units(metrics_in.counter("stratos_client_corrupt_units_total")),
      hedged_reads(metrics_in.counter("stratos_client_hedged_reads_total")),
      decoded_reads(metrics_in.counter("stratos_client_decoded_reads_total")),
      abandoned_fragments(metrics_in.counter("stratos_client_abandoned_fragments_total")),
      reported_(runtime.now()) {}

void Mesh::keep_books() { bookkeeping.spawn(closer.run()); }

Task<void> Mesh::stop() {
  background.cancel();
  co_await background.join();
  bookkeeping.cancel();
  co_await bookkeeping.join();
  co_await closer.finish(kCloseTimeout);
}

template <class Response, class Request>
Task<Result<net::Reply<Response>>> Mesh::call(NodeId id, resource::NodeMethod method, Charge charge,
                                              Request request, Buffer body) {
  STRATOS_CO_TRY(NodeDirectory::Node * node, co_await directory.find(id));
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    STRATOS_CO_TRY(request.order, co_await orders.order(id, charge.action, charge.bytes));
    const MonotonicTime start = runtime.now();
    auto reply = co_await net::call<Response>(*node->channel, static_cast<std::uint16_t>(method),
                                              request, body, options.node_timeout);
    if (reply) {
      // A write delivers what it sends, a read what it brings.
      const std::uint64_t delivered =
          charge.action == meta::Action::put
              ? charge.bytes
              : std::min<std::uint64_t>(charge.bytes, reply->body.size());
      delivered_bytes.add(delivered);
      orders.note_delivered(request.order, charge.bytes, delivered, charge.bucket);
      directory.note_success(*node, runtime.now() - start);
      if (charge.action == meta::Action::get) {
        note_read(id, charge.bytes, runtime.now() - start);
      }
      co_return reply;
    }
    if (reply.error().code() == Errc::limit_refused && attempt < kAttempts) {
      orders.note_refused(request.order, charge.bytes);
      continue;
    }
    orders.note_failed(request.order, charge.bytes);
    if (reply.error().retryable()) directory.note_failure(*node);
    const bool is_late = reply.error().code() == Errc::deadline_exceeded;
    if (is_late && charge.action == meta::Action::get) note_read(id, 0, runtime.now() - start);
    co_return reply;
  }
}

Task<Result<net::Reply<resource::WriteReply>>> Mesh::write(NodeId node,
                                                           resource::WriteRequest request,
                                                           Buffer body, BucketId bucket) {
  const Charge charge{meta::Action::put, body.size(), bucket};
  return call<resource::WriteReply>(node, resource::NodeMethod::write, charge, std::move(request),
                                    std::move(body));
}

Task<Result<net::Reply<resource::ReadReply>>> Mesh::read(NodeId node, resource::ReadRequest request,
                                                         BucketId bucket) {
  const Charge charge{meta::Action::get, request.length, bucket};
  return call<resource::ReadReply>(node, resource::NodeMethod::read, charge, std::move(request),
                                   Buffer());
}

// The report goes along with a read, so an idle client is quiet.
void Mesh::note_read(NodeId node, std::uint64_t bytes, Duration took) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count() / 1000, 1));
  meta::NodeReads& sum = seen_[node];
  const bool is_small = bytes <= meta::kSmallReadBytes;
  sum.node = node;
  sum.reads += is_small ? 1 : 0;
  (is_small ? sum.read_us : sum.bulk_us) += us;
  sum.bulk_kib += is_small ? 0 : bytes / 1024;
  if (runtime.now() - reported_ < options.report_every) return;
  reported_ = runtime.now();
  meta::ServiceReport seen;
  for (const auto& [id, reads] : seen_) {
    if (seen.nodes.size() < meta::ServiceReport::kMax) seen.nodes.push_back(reads);
  }
  seen_.clear();
  background.spawn(report(std::move(seen)));
}

Task<void> Mesh::report(meta::ServiceReport seen) {
  const Result<void> done = co_await meta.report_service(std::move(seen));
  if (!done) log::debug("service.not_reported", {{"error", done.error().to_string()}});
}

Result<const erasure::ReedSolomon*> Mesh::code(erasure::Shape shape) {
  const auto key = std::pair(shape.k, shape.m);
  auto found = codes_.find(key);
  if (found == codes_.end()) {
    STRATOS_TRY(erasure::ReedSolomon made, erasure::ReedSolomon::make(shape));
    found = codes_.emplace(key, std::move(made)).first;
  }
  return &found->second;
}

Task<Result<const meta::Params*>> Mesh::params() {
  if (!params_) {
    const meta::GetParams query;
    STRATOS_CO_TRY(params_, co_await meta.query(query));
  }
  co_return &*params_;
}

}  // namespace stratos::client
