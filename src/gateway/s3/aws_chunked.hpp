// Decodes aws-chunked bodies: sizes, per-chunk signatures and trailers around the payload.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.hpp"
#include "crypto/hash.hpp"
#include "gateway/s3/sigv4.hpp"
#include "net/http.hpp"

namespace stratos::gateway::s3 {

struct AwsChunkedOptions {
  PayloadKind kind = PayloadKind::streaming_unsigned_trailer;  // one of the streaming kinds
  std::uint64_t decoded_length = 0;                            // x-amz-decoded-content-length
  std::vector<std::string> announced_trailers;                 // x-amz-trailer, lower case
  std::optional<ChunkSigner> signer;                           // of the signed kinds
};

// From the headers of a request whose claim has been verified. Errc::missing_length without
// x-amz-decoded-content-length, Errc::invalid_argument when it is no number,
// Errc::malformed_trailer for trailers that the kind does not have.
Result<AwsChunkedOptions> aws_chunked_options(const http::Headers& headers, PayloadKind kind,
                                              std::optional<ChunkSigner> signer);

// Feed the raw body in pieces of any size; payload comes out as slices of them, without copying.
// A chunk's signature is known only at its end: nothing may become visible before finish()
// succeeds. After an error the decoder is of no more use.
class AwsChunkedDecoder {
 public:
  static constexpr std::size_t kMaxLineBytes = 1024;
  static constexpr std::size_t kMaxTrailers = 16;

  explicit AwsChunkedDecoder(AwsChunkedOptions options);

  // Appends the payload of `input` to `out`. Errc::malformed_chunk, signature_mismatch,
  // malformed_trailer, or incomplete_body when there is more payload than announced.
  Result<void> feed(const Buffer& input, std::vector<Buffer>& out);
  // The raw body has ended. Errc::incomplete_body, malformed_trailer.
  Result<void> finish();
  // Complete after finish(); without the trailer's signature.
  const http::Headers& trailers() const { return trailers_; }
  std::uint64_t decoded_length() const { return options_.decoded_length; }
  bool is_signed() const { return options_.signer.has_value(); }

 private:
  enum class State : std::uint8_t { chunk_head, data, data_end, trailer, done };

  bool has_all_trailers() const;
  // Collects a line that may be spread over inputs; true when it is complete in line_.
  Result<bool> take_line(ByteView& rest);
  Result<void> step(const Buffer& input, ByteView& rest, std::vector<Buffer>& out);
  Result<void> on_line();
  Result<void> on_chunk_head(std::string_view line);
  Result<void> on_trailer(std::string_view line);
  Result<void> check_trailer_signature(std::string_view signature);
  void take_data(const Buffer& input, ByteView& rest, std::vector<Buffer>& out);
  Result<void> check_chunk();

  AwsChunkedOptions options_;
  State state_ = State::chunk_head;
  std::string line_;
  std::uint64_t left_in_chunk_ = 0;
  std::uint64_t received_ = 0;
  std::string chunk_signature_;
  std::unique_ptr<crypto::Digest> chunk_digest_;
  http::Headers trailers_;
  std::string canonical_trailers_;
  bool trailer_signature_seen_ = false;
};

// The decoder as a body: reads `raw` and hands the payload out. The signatures of large pieces are
// checked in the blocking pool.
class AwsChunkedBody final : public http::BodyReader {
 public:
  // `runtime` and `raw` outlive this.
  AwsChunkedBody(Runtime& runtime, http::BodyReader& raw, AwsChunkedOptions options)
      : runtime_(runtime), raw_(raw), decoder_(std::move(options)) {}
  // Errors of the decoder and of `raw`. The end is returned only after everything was verified.
  Task<Result<Buffer>> read(std::size_t max_bytes) override;
  std::optional<std::uint64_t> length() const override { return decoder_.decoded_length(); }
  // Complete when read() has returned the end.
  const http::Headers& trailers() const override { return decoder_.trailers(); }

 private:
  Task<Result<void>> decode(Buffer raw);
  Buffer pop(std::size_t max_bytes);

  Runtime& runtime_;
  http::BodyReader& raw_;
  AwsChunkedDecoder decoder_;
  std::vector<Buffer> ready_;
  std::size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace stratos::gateway::s3
