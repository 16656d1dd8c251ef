// BucketPlace: a backup in a bucket of an S3 service: another mesh, or anybody's.
#pragma once
#include <memory>
#include <optional>

#include "cli/s3_wire.hpp"
#include "gateway/s3/sigv4.hpp"
#include "net/http.hpp"
#include "ordering/backup_place.hpp"

namespace stratos::cli {

struct BackupBucket {
  std::string url;      // for people
  std::string address;  // host:port
  std::string host;     // for Host
  std::optional<http::ClientTls> tls;
  S3Path path;  // the key is empty, or what names begin with
  gateway::s3::Credentials credentials;
};

// Whether a place of a backup is a bucket: http:// or https://.
bool is_bucket_url(std::string_view text);
// `url` is https://HOST[:PORT]/BUCKET[/PREFIX]. The keys are STRATOS_BACKUP_ACCESS_KEY and
// STRATOS_BACKUP_SECRET_KEY of the environment, with STRATOS_BACKUP_REGION (us-east-1) and
// STRATOS_BACKUP_CA, a PEM file with who may vouch for the server (those the system trusts).
// Errc::bad_config.
Result<BackupBucket> backup_bucket(std::string_view url);

// A file of the backup is an object; one PUT makes it durable. Belongs to `runtime`, which outlives
// it. Errors of all calls: those of the answers (s3_wire.hpp) and of http::Client;
// Errc::bad_encoding and too_large of listings.
class BucketPlace final : public ordering::BackupPlace {
 public:
  BucketPlace(Runtime& runtime, BackupBucket bucket);
  ~BucketPlace() override;

  std::string describe() const override { return bucket_.url; }
  bool is_trusted() const override { return true; }
  Task<Result<std::vector<std::string>>> list() override;
  Task<Result<void>> read(std::string name, Accept accept) override;
  Task<Result<void>> write(std::string name, Bytes file) override;
  Task<Result<void>> remove(std::string name) override;
  Task<Result<void>> tidy() override;

 private:
  Task<Result<Bytes>> ask(std::string method, std::string target, Bytes body);
  std::string target_of(const std::string& name) const {
    return object_target({bucket_.path.bucket, bucket_.path.key + name});
  }

  Runtime& runtime_;
  BackupBucket bucket_;
  http::Client client_;
};

}  // namespace stratos::cli
