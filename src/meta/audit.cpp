#include "meta/audit.hpp"

#include "base/assert.hpp"
#include "crypto/leaf_path.hpp"

namespace stratos::meta {

std::uint64_t draw_position(const Hash& randomness, NodeId node, std::uint64_t number,
                            std::uint64_t bytes) {
  STRATOS_ASSERT(bytes > 0, "a node that holds something");
  Bytes input = to_bytes(as_bytes("stratos.audit.v1"));
  append(input, randomness.view());
  put_be(input, node.value);
  put_be(input, number);
  const Hash hash = crypto::blake3(input);
  using Wide = unsigned __int128;
  const Wide drawn = Wide{get_be<std::uint64_t>(hash.view())} << 64 |
                     get_be<std::uint64_t>(hash.view().subspan(8));
  return static_cast<std::uint64_t>(drawn % bytes);
}

Result<void> check_audit(const Hash& root, std::uint64_t length, std::uint64_t leaf,
                         const AuditReply& reply, ByteView bytes) {
  constexpr std::size_t kStep = crypto::ChainingValue{}.size();
  if (reply.path.size() % kStep != 0 || reply.path.size() / kStep > kMaxAuditPath) {
    return fail(Errc::malformed_message, "path of an audit");
  }
  std::vector<crypto::ChainingValue> path(reply.path.size() / kStep);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const ByteView step = ByteView(reply.path).subspan(i * kStep, kStep);
    std::ranges::copy(step, path[i].begin());
  }
  STRATOS_TRY(const Hash reached, crypto::root_of_leaf(bytes, path, length, leaf));
  if (reached != root) return fail(Errc::hash_mismatch, "answer to an audit");
  return {};
}

AuditVerdict verdict_of(Errc error) {
  switch (error) {
    case Errc::no_such_fragment:
      return AuditVerdict::missing;
    case Errc::fragment_corrupt:
    case Errc::hash_mismatch:
    case Errc::malformed_message:
    case Errc::bad_encoding:
    case Errc::invalid_argument:
      return AuditVerdict::damaged;
    default:
      return AuditVerdict::silent;
  }
}

}  // namespace stratos::meta
