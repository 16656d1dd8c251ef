// S3Session: the CLI's own S3 client, over HTTP as any other client's.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/mesh_folder.hpp"
#include "cli/s3_wire.hpp"
#include "gateway/s3/sigv4.hpp"
#include "net/http.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {

// Blocking calls from the main thread; errors carry the code of the S3 answer's kind.
class S3Session {
 public:
  // Errc::not_found when no mesh runs in the folder.
  static Result<std::unique_ptr<S3Session>> open(const MeshFolder& folder,
                                                 const std::string& account);
  ~S3Session();

  Result<void> create_bucket(const std::string& name);
  Result<void> delete_bucket(const std::string& name);
  Result<std::vector<std::string>> list_buckets();
  Result<S3Listing> list(const S3Path& path, bool recursive, const std::string& token);
  Result<void> remove(const S3Path& path);
  Result<http::Headers> head(const S3Path& path);
  using Sink = std::function<Result<void>(ByteView)>;
  Result<void> get(const S3Path& path, const Sink& sink,
                   const std::function<void(std::uint64_t)>& total);
  // Up to `max_bytes` from where it stands; empty at the end.
  using Source = std::function<Result<Buffer>(std::size_t max_bytes)>;
  Result<void> put(const S3Path& path, Source source, std::uint64_t size);
  Result<void> copy(const S3Path& from, const S3Path& to);
  // A request on one of an object's or a bucket's documents, "uploads" or "retention&versionId=..";
  // the answer's body.
  Result<std::string> document(const std::string& method, const S3Path& path,
                               const std::string& subresource, const std::string& body = {});
  Runtime& runtime() { return runtime_; }
  const std::string& address() const { return address_; }
  const gateway::s3::Credentials& credentials() const { return credentials_; }

 private:
  S3Session(std::string address, gateway::s3::Credentials credentials);
  struct Request;
  struct Answer {
    int status = 0;
    http::Headers headers;
    Bytes body;
  };
  Result<Answer> exchange(Request request);
  Task<Result<Answer>> exchange_task(std::shared_ptr<Request> request);

  BlockingPool pool_;
  RealRuntime runtime_;
  std::string address_;
  gateway::s3::Credentials credentials_;
  std::unique_ptr<http::Client> client_;
};

}  // namespace stratos::cli
