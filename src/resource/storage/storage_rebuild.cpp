// Fragments that the meta layer wants here: rebuilt from the segment's others.
#include "base/log.hpp"
#include "resource/storage/rebuilder.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {
constexpr Duration kTurnTimeout = 30s;
constexpr std::uint32_t kStepBytes = 512 * 1024;
static_assert(kStepBytes % crypto::kGroupBytes == 0 && kStepBytes <= kMaxExtentBytes);
}  // namespace

Task<Result<net::Reply<meta::RebuildReply>>> StorageServiceImpl::rebuild(
    net::CallContext context, meta::RebuildRequest request) {
  STRATOS_CO_CHECK(store());
  if (context.peer != membership_->meta_key) {
    co_return fail(Errc::permission_denied, "only the meta layer orders a rebuild");
  }
  if (draining_ || options_.dialer == nullptr) {
    co_return fail(Errc::unavailable, "the node takes no new data");
  }
  STRATOS_CO_CHECK(co_await rebuilds_.acquire(kTurnTimeout));
  Result<meta::Receipt> receipt = co_await rebuild_now(std::move(request));
  rebuilds_.release();
  if (!receipt) co_return fail(std::move(receipt).error());
  metrics_.rebuilt.add();
  net::Reply<meta::RebuildReply> reply;
  reply.head.receipt = std::move(*receipt);
  co_return reply;
}

Task<Result<meta::Receipt>> StorageServiceImpl::rebuild_now(meta::RebuildRequest request) {
  Append append;
  append.fragment = request.fragment;
  append.zone = request.zone;
  append.k = request.k;
  append.m = request.m;
  const std::uint64_t length = request.length;
  const std::optional<Hash> root = request.root;
  const auto reach = [this](const meta::NodeRecord& node) { return reach_node(node); };
  STRATOS_CO_TRY(const auto rebuilder,
                 Rebuilder::make(runtime_, signer_, reach, std::move(request)));
  crypto::TreeHasher hasher;
  while (true) {
    const auto step =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kStepBytes, length - append.offset));
    STRATOS_CO_TRY(append.data, co_await rebuilder->read(append.offset, step));
    hasher.update(append.data.view());
    append.seal = append.offset + step == length;
    if (append.seal) {
      append.root = hasher.finish().root;
      if (root && append.root != *root) co_return fail(Errc::hash_mismatch, "rebuilt fragment");
    }
    bool repeated = false;
    STRATOS_CO_TRY(auto receipt, co_await store_extent(append, repeated));
    metrics_.rebuilt_bytes.add(step);
    if (receipt) co_return std::move(*receipt);
    append.offset += step;
  }
}

std::shared_ptr<net::Channel> StorageServiceImpl::reach_node(const meta::NodeRecord& node) {
  Peer& peer = peers_[node.key];
  if (!peer.channel || peer.endpoint != node.endpoint) {
    peer.channel = options_.dialer->dial(node);
    peer.endpoint = node.endpoint;
  }
  return peer.channel;
}

}  // namespace stratos::resource
