#include "cli/admin_session.hpp"

namespace stratos::cli {

AdminSession::AdminSession(const crypto::MachineSigner& key, std::string address,
                           crypto::MachineKey meta_key)
    : pool_(1),
      runtime_(pool_, "admin"),
      security_(net::make_tls_security(runtime_, key)),
      channel_(net::make_remote_channel(runtime_, *security_, std::move(address), meta_key, {})),
      client_(runtime_, *channel_) {}

AdminSession::~AdminSession() {
  const auto drop = [](std::unique_ptr<net::Channel> channel) -> Task<void> {
    channel.reset();
    co_return;
  };
  block_on(runtime_, drop(std::move(channel_)));
  runtime_.stop();
}

Result<std::unique_ptr<AdminSession>> AdminSession::open(MeshFolder& folder) {
  STRATOS_TRY(const MeshRun run, folder.run());
  SystemRandom random;
  STRATOS_TRY(const crypto::MachineSigner key, folder.machine_key("admin", random));
  STRATOS_TRY(const crypto::MachineKey meta_key, crypto::MachineKey::from_hex_text(run.meta_key));
  return std::unique_ptr<AdminSession>(new AdminSession(key, run.meta_endpoint, meta_key));
}

}  // namespace stratos::cli
