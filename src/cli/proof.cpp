#include "cli/proof.hpp"

#include <algorithm>
#include <fstream>

#include "cli/admin_session.hpp"
#include "cli/s3_session.hpp"
#include "crypto/hash.hpp"

namespace stratos::cli {
namespace {

constexpr std::size_t kProofBytes = 32 << 20;
const S3Path kProofObject = {"stratos-proof", "stratos"};

// The beginning of this program's own file.
Result<Buffer> real_file(const Session& session) {
  std::ifstream file(session.program, std::ios::binary);
  Buffer buffer = Buffer::allocate(kProofBytes);
  file.read(reinterpret_cast<char*>(buffer.mutable_view().data()), kProofBytes);
  if (file.gcount() <= 0) return fail(Errc::io_error, session.program);
  return buffer.slice(0, static_cast<std::size_t>(file.gcount()));
}

Result<std::vector<NodeId>> two_holders(const Session& session) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto admin, AdminSession::open(folder));
  meta::GetObject query;
  query.bucket = kProofObject.bucket;
  query.key = kProofObject.key;
  query.with_data = true;
  STRATOS_TRY(const meta::GetObject::Reply object, admin->query(query));
  if (object.segments.empty()) return fail(Errc::internal, "the proof's object has no segments");
  std::vector<NodeId> nodes;
  for (const meta::Holder& holder : object.segments[0].holders) nodes.push_back(holder.node);
  // Those with data: reading without them needs decoding.
  nodes.resize(std::min<std::size_t>(nodes.size(), 2));
  return nodes;
}

Result<void> read_back(S3Session& s3, const Buffer& expected) {
  std::size_t at = 0;
  const auto compare = [&](ByteView data) -> Result<void> {
    const bool same = data.size() <= expected.size() - at &&
                      std::equal(data.begin(), data.end(), expected.data() + at);
    if (!same) return fail(Errc::hash_mismatch, "the object came back with other bytes");
    at += data.size();
    return {};
  };
  STRATOS_CHECK(s3.get(kProofObject, compare, {}));
  if (at != expected.size()) return fail(Errc::hash_mismatch, "the object came back cut off");
  return {};
}

}  // namespace

Result<void> prove(LocalMesh& mesh, const Session& session) {
  STRATOS_TRY(const auto s3, S3Session::open(session.folder(), ""));
  STRATOS_TRY(const Buffer file, real_file(session));
  const Result<void> made = s3->create_bucket(kProofObject.bucket);
  if (!made && made.error().code() != Errc::already_exists) return made;
  std::size_t sent = 0;
  const auto source = [&](std::size_t max) -> Result<Buffer> {
    const Buffer part = file.slice(sent, std::min(max, file.size() - sent));
    sent += part.size();
    return part;
  };
  STRATOS_CHECK(s3->put(kProofObject, source, file.size()));
  STRATOS_TRY(const std::vector<NodeId> cut, two_holders(session));
  std::string names;
  for (NodeId node : cut) names += (names.empty() ? "" : " and ") + to_string(node);
  mesh.cut_off(cut);
  const Result<void> back = read_back(*s3, file);
  mesh.cut_off({});
  STRATOS_CHECK(back);
  STRATOS_CHECK(s3->remove(kProofObject));
  STRATOS_CHECK(s3->delete_bucket(kProofObject.bucket));
  print_message(session.output, "Proof: " + human_bytes(file.size()) + " of " + session.program +
                                    " stored; " + names +
                                    " cut off; read back bit-exact (SHA-256 " +
                                    to_hex(crypto::sha256(file.view())).substr(0, 16) + "…)");
  return {};
}

}  // namespace stratos::cli
