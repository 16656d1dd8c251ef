#include "cli/meta_host.hpp"

#include "cli/bucket_place.hpp"
#include "cli/meta_identity.hpp"
#include "meta/features.hpp"

namespace stratos::cli {
namespace {

constexpr std::uint8_t kCopies = 3;

meta::Profile profile_of(const MeshSettings& settings) {
  meta::Profile profile;
  profile.name = std::to_string(settings.k) + "+" + std::to_string(settings.m);
  profile.k = settings.k;
  profile.m = settings.m;
  profile.copies = kCopies;
  return profile;
}

meta::StorageTerms terms_of(const StorageSettings& settings) {
  meta::StorageTerms terms;
  if (settings.term_seconds.value_or(0) == 0) return terms;
  terms.term_ms = *settings.term_seconds * 1000;
  terms.noz_per_gib_day = settings.noz_per_gib_day.value_or(kUsualNozPerGibDay);
  terms.grace_ms = settings.grace_seconds.value_or(kUsualGraceSeconds) * 1000;
  terms.warning_ms = settings.warning_seconds.value_or(kUsualWarningSeconds) * 1000;
  return terms;
}

Result<meta::BackupTarget> backup_target(const std::vector<std::string>& backups,
                                         crypto::SecretKey key) {
  meta::BackupTarget target;
  target.key = std::move(key);
  for (const std::string& backup : backups) {
    if (backup == kBackupOnNodes) {
      target.on_nodes = true;
    } else if (is_bucket_url(backup)) {
      if (target.remote) return fail(Errc::bad_config, "--backup takes one bucket");
      STRATOS_TRY(BackupBucket bucket, backup_bucket(backup));
      target.remote = [bucket](Runtime& runtime) {
        return std::make_unique<BucketPlace>(runtime, bucket);
      };
    } else if (target.folder.empty()) {
      target.folder = backup;
    } else {
      return fail(Errc::bad_config, "--backup takes one folder");
    }
  }
  return target;
}

}  // namespace

Task<Result<std::unique_ptr<MetaHost>>> MetaHost::start(Runtime& runtime, io::FileSystem& fs,
                                                        MeshFolder& folder,
                                                        const MeshSettings& settings,
                                                        metrics::Registry& metrics,
                                                        MetaHostOptions wanted) {
  SystemRandom random;
  STRATOS_CO_TRY(meta::MetaIdentity identity, meta_identity(fs, folder, random));
  STRATOS_CO_TRY(const crypto::MachineSigner gateway, folder.machine_key("gateway", random));
  STRATOS_CO_TRY(const crypto::MachineSigner admin, folder.machine_key("admin", random));
  std::unique_ptr<MetaHost> host(new MetaHost(std::move(identity.signer)));
  host->security_ = net::make_tls_security(runtime, host->key_);
  host->dialer_ = std::make_unique<ProcessDialer>(runtime, *host->security_, host->key());
  meta::ServiceOptions options;
  options.dialer = host->dialer_.get();
  options.repair.gone_after = std::chrono::seconds(wanted.repair_after_seconds);
  options.repair.balance_above = wanted.balance_above_percent * meta::kFull / 100;
  options.audit.audits_per_day = wanted.audits_per_day;
  if (!wanted.backups.empty()) {
    STRATOS_CO_TRY(const crypto::MachineSigner backup, folder.machine_key("backup", random));
    STRATOS_CO_TRY(options.backup, backup_target(wanted.backups, backup.seed()));
  }
  options.folder = folder.meta_path();
  options.key_chain = std::move(identity.chain);
  options.clients.push_back(gateway.public_key());
  options.clients.push_back(admin.public_key());
  options.params.network = kNetwork;
  options.params.features = meta::all_features();
  options.params.meta_keys.push_back(host->key());
  options.params.profiles.push_back(profile_of(settings));
  options.params.storage = terms_of(settings.storage);
  options.params.epoch_ms = std::uint64_t{settings.epoch_seconds} * 1000;
  // Whoever shortens the epoch wants to see it settled.
  if (settings.epoch_seconds < kUsualEpochSeconds) {
    options.params.settlement.close_ms = 2 * options.params.epoch_ms;
  }
  STRATOS_CO_TRY(host->service_, co_await meta::MetaService::start(runtime, fs, host->key_, metrics,
                                                                   std::move(options)));
  // Machines may connect to register; what each may ask for is checked by its key.
  const auto anyone = [](const crypto::MachineKey&) { return true; };
  net::ServerOptions serving;
  serving.metrics = &metrics;
  serving.name = "meta";
  STRATOS_CO_TRY(host->server_,
                 net::RpcServer::start(runtime, "127.0.0.1:0", host->router(), *host->security_,
                                       anyone, std::move(serving)));
  co_return host;
}

Task<void> MetaHost::stop() {
  co_await server_->stop();
  co_await service_->stop();
}

}  // namespace stratos::cli
