// Input: a byte for the payload kind, one for the size of the pieces, one for the decoded length,
// then the body. However a body is cut, the outcome is the same.
#include <algorithm>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/aws_chunked.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

AwsChunkedOptions options_of(std::uint8_t kind, std::uint64_t length) {
  static const Scope scope{"20130524", "us-east-1"};
  static const crypto::SecretKey key = derive_signing_key("secret", scope);
  const ChunkSigner signer(key, "20130524T000000Z", scope, std::string(64, '0'));
  switch (kind % 3) {
    case 0:
      return {PayloadKind::streaming_signed, length, {}, signer};
    case 1:
      return {PayloadKind::streaming_signed_trailer, length, {"x-amz-checksum-crc32"}, signer};
    default:
      return {PayloadKind::streaming_unsigned_trailer, length, {"x-amz-checksum-crc32"}, {}};
  }
}

struct Outcome {
  bool accepted = false;
  Errc code = Errc::internal;
  Bytes payload;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(AwsChunkedOptions options, ByteView body, std::size_t piece) {
  AwsChunkedDecoder decoder(std::move(options));
  std::vector<Buffer> parts;
  Result<void> result;
  while (result && !body.empty()) {
    const std::size_t count = std::min(piece, body.size());
    result = decoder.feed(Buffer::copy_of(body.first(count)), parts);
    body = body.subspan(count);
  }
  if (result) result = decoder.finish();
  Outcome outcome{.accepted = result.has_value()};
  if (!result) {
    outcome.code = result.error().code();
    return outcome;
  }
  for (const Buffer& part : parts) append(outcome.payload, part.view());
  STRATOS_ASSERT(outcome.payload.size() == decoder.decoded_length(), "length not held");
  return outcome;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const ByteView body{data + 3, size - 3};
  const AwsChunkedOptions options = options_of(data[0], data[2]);
  const Outcome whole = decode(options, body, std::max<std::size_t>(body.size(), 1));
  const Outcome pieces = decode(options, body, data[1] % 64U + 1);
  STRATOS_ASSERT(whole == pieces, "the outcome depends on where the body was cut");
  return 0;
}
