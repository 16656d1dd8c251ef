// The body of an upload on its way into the mesh: read ahead, digested beside, verified at its end.
#pragma once
#include <deque>
#include <memory>

#include "client/object_client.hpp"
#include "gateway/s3/aws_chunked.hpp"
#include "gateway/s3/body_digester.hpp"
#include "gateway/s3/sse.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::gateway::s3 {

// Bodies up to this size are read and digested where they are asked for.
constexpr std::uint64_t kInlineBodyBytes = 64 * 1024;

// Belongs to one request. Larger bodies run two tasks besides the reader's: one reads the next
// chunk, one has digested what came. Memory: about four chunks of at most 1 MiB.
class UploadBody final : public client::BodySource {
 public:
  // `digester` and `reader` outlive this. finish() adds entity tag and checksum to `attributes`.
  // Without a size the reader alone says where the body ends.
  UploadBody(BodyDigester& digester, http::BodyReader& reader,
             std::optional<std::uint64_t> size_bytes, BodyDigests digests,
             client::Attributes attributes);
  ~UploadBody() override;

  // Errors of the reader; a peer that is too slow is Errc::request_timeout.
  Task<Result<Buffer>> next(std::size_t max_bytes) override;
  std::optional<std::uint64_t> size() const override { return size_bytes_; }
  // Stores under the client's key, whose check goes into the attributes. Before the first next().
  void seal_with(const CustomerKey& key);
  const crypto::SecretKey* customer_key() const override { return key_ ? &*key_ : nullptr; }
  // Errc::bad_digest, content_sha256_mismatch, malformed_trailer.
  Result<client::Attributes> finish() override;

  // Ends what still runs. Call it before the destructor, whatever next() said.
  Task<void> stop();
  std::uint64_t received() const { return received_; }

 private:
  class Pipeline;
  Task<Result<Buffer>> next_inline(std::size_t max_bytes);

  BodyDigester& digester_;
  http::BodyReader& reader_;
  std::optional<std::uint64_t> size_bytes_;
  std::shared_ptr<BodyDigests> digests_;
  client::Attributes attributes_;
  std::optional<crypto::SecretKey> key_;
  std::uint64_t received_ = 0;
  std::unique_ptr<Pipeline> pipeline_;
};

// An object's bytes as a body: for copies that must be read.
class ObjectBody final : public http::BodyReader {
 public:
  explicit ObjectBody(client::ObjectReader& reader) : reader_(reader) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override;
  std::optional<std::uint64_t> length() const override { return reader_.length(); }

 private:
  client::ObjectReader& reader_;
  Buffer rest_;
};

}  // namespace stratos::gateway::s3
