#include "cli/meta_identity.hpp"

#include "meta/index_upkeep.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

constexpr std::uint64_t kMostChainBytes = 1 << 20;

std::string chain_path(const MeshFolder& folder) { return folder.key_path("meta") + ".chain"; }

Result<meta::MetaKeyChain> stored_chain(io::FileSystem& fs, const MeshFolder& folder) {
  if (!fs.exists(chain_path(folder))) return meta::MetaKeyChain{};
  STRATOS_TRY(const Bytes bytes, io::read_file(fs, chain_path(folder), kMostChainBytes));
  return codec::decode<meta::MetaKeyChain>(bytes);
}

Result<void> take_seat(io::FileSystem& fs, const MeshFolder& folder,
                       const crypto::MachineSigner& signer, meta::MetaKeyChain chain) {
  BlockingPool pool(1);
  RealRuntime runtime(pool, "rotate-key");
  auto taken =
      block_on(runtime, meta::take_seat_in(runtime, fs, folder.meta_path(), std::string(kNetwork),
                                           signer, std::move(chain)));
  runtime.stop();
  return taken;
}

}  // namespace

Result<meta::MetaIdentity> meta_identity(io::FileSystem& fs, MeshFolder& folder, Random& random) {
  STRATOS_TRY(crypto::MachineSigner signer, folder.machine_key("meta", random));
  STRATOS_TRY(meta::MetaKeyChain chain, stored_chain(fs, folder));
  chain = meta::chain_to(std::move(chain), signer.public_key());
  return meta::MetaIdentity{std::move(signer), std::move(chain)};
}

Result<crypto::MachineKey> rotate_meta_key(io::FileSystem& fs, MeshFolder& folder, Random& random) {
  if (!fs.is_dir(folder.meta_path())) return fail(Errc::file_not_found, folder.meta_path());
  STRATOS_TRY(const auto lock, fs.lock(folder.path()));
  STRATOS_TRY(meta::MetaIdentity now, meta_identity(fs, folder, random));
  // Under this name until the index knows it: a key that is lost on the way would be the zone's.
  STRATOS_TRY(const crypto::MachineSigner next, folder.machine_key("meta.next", random));
  now.chain.links.push_back(meta::make_link(now.signer, next.public_key()));
  STRATOS_CHECK(io::write_file_atomic(fs, chain_path(folder), codec::encode(now.chain)));
  STRATOS_CHECK(take_seat(fs, folder, next, std::move(now.chain)));
  STRATOS_CHECK(fs.rename(folder.key_path("meta.next"), folder.key_path("meta")));
  STRATOS_CHECK(fs.sync_dir(folder.path() + "/keys"));
  return next.public_key();
}

}  // namespace stratos::cli
