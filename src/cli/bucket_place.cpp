#include "cli/bucket_place.hpp"

#include <cstdlib>

#include "net/http_url.hpp"

namespace stratos::cli {
namespace {

constexpr Duration kTimeout = 30s;
constexpr std::uint64_t kSlowest = 1 << 20;  // bytes a second
constexpr std::size_t kMostPages = 1000;

auto bad(const std::string& why) { return fail(Errc::bad_config, "--backup: " + why); }

std::string environment(const char* name, const std::string& otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

bool is_bucket_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

Result<BackupBucket> backup_bucket(std::string_view url) {
  const Result<http::Url> parsed = http::parse_url(url);
  if (!parsed) return bad(parsed.error().message());
  BackupBucket bucket;
  bucket.url = url;
  bucket.address = parsed->address;
  bucket.host = parsed->authority;
  if (parsed->is_tls) {
    bucket.tls =
        http::ClientTls{environment("STRATOS_BACKUP_CA", std::string(http::kSystemCertificates))};
  }
  const std::optional<S3Path> path = parse_s3_path("s3:/" + parsed->target);
  if (!path || path->bucket.empty() || parsed->target.find('?') != std::string::npos) {
    return bad("the URL of a bucket is https://HOST[:PORT]/BUCKET[/PREFIX]");
  }
  bucket.path = *path;
  std::string& prefix = bucket.path.key;
  if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
  bucket.credentials.access_key_id = environment("STRATOS_BACKUP_ACCESS_KEY", "");
  bucket.credentials.secret = environment("STRATOS_BACKUP_SECRET_KEY", "");
  bucket.credentials.region = environment("STRATOS_BACKUP_REGION", "us-east-1");
  if (bucket.credentials.access_key_id.empty() || bucket.credentials.secret.empty()) {
    return bad(
        "a bucket needs STRATOS_BACKUP_ACCESS_KEY and STRATOS_BACKUP_SECRET_KEY in the "
        "environment");
  }
  return bucket;
}

BucketPlace::BucketPlace(Runtime& runtime, BackupBucket bucket)
    : runtime_(runtime),
      bucket_(std::move(bucket)),
      client_(runtime, bucket_.address, bucket_.tls) {}

BucketPlace::~BucketPlace() = default;

Task<Result<Bytes>> BucketPlace::ask(std::string method, std::string target, Bytes body) {
  http::Headers headers;
  headers.set("host", bucket_.host);
  // Files are sealed: what alters one is noticed when it is opened.
  STRATOS_CO_CHECK(gateway::s3::sign_request(method, target, headers, "UNSIGNED-PAYLOAD",
                                             bucket_.credentials, runtime_.outside_now()));
  const std::uint64_t size = body.size();
  const Duration timeout = kTimeout + std::chrono::seconds(size / kSlowest);
  const auto file = http::make_buffer_body(Buffer::from(std::move(body)));
  STRATOS_CO_TRY(const http::ClientResponse response,
                 co_await client_.send(method, std::move(target), std::move(headers),
                                       method == "PUT" ? file.get() : nullptr, size, timeout));
  STRATOS_CO_TRY(Bytes answer,
                 co_await http::read_all(*response.body, ordering::kMaxBackupFileBytes));
  if (response.status >= 300) co_return fail(error_of_answer(response.status, answer));
  co_return answer;
}

Task<Result<std::vector<std::string>>> BucketPlace::list() {
  std::vector<std::string> names;
  std::string token;
  for (std::size_t page = 0; page < kMostPages; ++page) {
    std::string target = listing_target(bucket_.path, false, token);
    STRATOS_CO_TRY(const Bytes answer, co_await ask("GET", std::move(target), Bytes()));
    STRATOS_CO_TRY(S3Listing listing, parse_listing(answer));
    for (const S3Object& object : listing.objects) {
      if (!object.key.starts_with(bucket_.path.key)) continue;
      names.push_back(object.key.substr(bucket_.path.key.size()));
    }
    token = std::move(listing.next);
    if (token.empty()) co_return names;
  }
  co_return fail(Errc::too_large, bucket_.url + " holds too many objects");
}

Task<Result<void>> BucketPlace::read(std::string name, Accept accept) {
  const Result<Bytes> file = co_await ask("GET", target_of(name), Bytes());
  if (file) co_return accept(*file);
  if (file.error().code() == Errc::not_found) {
    co_return fail(Errc::file_not_found, name, file.error());
  }
  co_return fail(file.error());
}

Task<Result<void>> BucketPlace::write(std::string name, Bytes file) {
  STRATOS_CO_CHECK(co_await ask("PUT", target_of(name), std::move(file)));
  co_return Result<void>{};
}

Task<Result<void>> BucketPlace::remove(std::string name) {
  const Result<Bytes> done = co_await ask("DELETE", target_of(name), Bytes());
  if (!done && done.error().code() != Errc::not_found) co_return fail(done.error());
  co_return Result<void>{};
}

Task<Result<void>> BucketPlace::tidy() { co_return Result<void>{}; }

}  // namespace stratos::cli
