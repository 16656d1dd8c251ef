// Audits: the meta layer asks for a leaf, the node shows that it has it.
#include "crypto/leaf_path.hpp"
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kTurnTimeout = 8s;  // the asker waits ten
constexpr Duration kAuditCost = 200us;

struct LeafProof {
  Bytes path;
  Buffer bytes;
};

// Reads the leaf's group and the tree above it, both checked.
Result<LeafProof> prove_leaf(FragmentStore& store, const FragmentId& id, std::uint64_t leaf) {
  constexpr std::uint64_t kLeaves = crypto::kGroupBytes / crypto::kLeafBytes;
  constexpr std::uint64_t kMaxLeaf = 1ULL << 32;
  if (leaf >= kMaxLeaf) return fail(Errc::invalid_argument, "leaf beyond the fragment");
  STRATOS_TRY(const ReadResult group, store.read(id, leaf / kLeaves * crypto::kGroupBytes,
                                                 crypto::kGroupBytes, true, true));
  const std::uint64_t length = group.fragment_length;
  if (leaf >= crypto::leaf_count(length)) {
    return fail(Errc::invalid_argument, "leaf beyond the fragment");
  }
  std::vector<crypto::ChainingValue> values(group.groups.size() / 32);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::ranges::copy(ByteView(group.groups).subspan(i * 32, 32), values[i].begin());
  }
  LeafProof proof;
  for (const auto& step : crypto::leaf_path(group.data.view(), values, length, leaf)) {
    append(proof.path, step);
  }
  proof.bytes = Buffer::copy_of(group.data.view().subspan(leaf % kLeaves * crypto::kLeafBytes,
                                                          crypto::leaf_bytes(length, leaf)));
  return proof;
}

}  // namespace

Task<Result<net::Reply<meta::AuditReply>>> StorageServiceImpl::audit(net::CallContext context,
                                                                     meta::AuditRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> store, this->store());
  if (context.peer != membership_->meta_key) {
    co_return fail(Errc::permission_denied, "only the meta layer audits");
  }
  STRATOS_CO_CHECK(co_await reads_.acquire(kTurnTimeout));
  auto work = [store, fragment = request.fragment, leaf = request.leaf] {
    return prove_leaf(*store, fragment, leaf);
  };
  Result<LeafProof> proof = co_await runtime_.offload(std::move(work), kAuditCost);
  reads_.release();
  if (!proof) co_return fail(std::move(proof).error());
  metrics_.audits.add();
  net::Reply<meta::AuditReply> reply;
  reply.head.path = std::move(proof->path);
  reply.body = std::move(proof->bytes);
  co_return reply;
}

}  // namespace stratos::resource
