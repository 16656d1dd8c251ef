#include "gateway/s3/aws_chunked.hpp"

#include <algorithm>
#include <charconv>

namespace stratos::gateway::s3 {
namespace {

constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";
constexpr std::string_view kChunkSignature = "chunk-signature=";
constexpr std::size_t kReadBytes = 256 * 1024;
// Above this, hashing is worth the way to the pool and back.
constexpr std::size_t kOffloadBytes = 64 * 1024;
// What SHA-256 costs; for the simulator.
constexpr std::int64_t kPicosecondsPerByte = 700;

auto bad_chunk(std::string why) { return fail(Errc::malformed_chunk, std::move(why)); }
auto bad_trailer(std::string why) { return fail(Errc::malformed_trailer, std::move(why)); }

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

Result<std::vector<std::string>> parse_announced(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view name = trim(list.substr(0, end));
    if (names.size() == AwsChunkedDecoder::kMaxTrailers) return bad_trailer("too many trailers");
    if (!name.empty()) names.push_back(lower(name));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return names;
}

bool may_have_trailers(PayloadKind kind) {
  return kind == PayloadKind::streaming_signed_trailer ||
         kind == PayloadKind::streaming_unsigned_trailer;
}

}  // namespace

Result<AwsChunkedOptions> aws_chunked_options(const http::Headers& headers, PayloadKind kind,
                                              std::optional<ChunkSigner> signer) {
  AwsChunkedOptions options;
  options.kind = kind;
  if (kind != PayloadKind::streaming_unsigned_trailer) options.signer = std::move(signer);
  const auto length = headers.get("x-amz-decoded-content-length");
  if (!length) {
    return fail(Errc::missing_length, "x-amz-decoded-content-length is missing");
  }
  const auto [stop, error] =
      std::from_chars(length->data(), length->data() + length->size(), options.decoded_length);
  if (error != std::errc() || stop != length->data() + length->size()) {
    return fail(Errc::invalid_argument, "x-amz-decoded-content-length is not a number");
  }
  STRATOS_TRY(options.announced_trailers,
              parse_announced(headers.get("x-amz-trailer").value_or("")));
  if (!options.announced_trailers.empty() && !may_have_trailers(kind)) {
    return bad_trailer("x-amz-trailer needs a payload kind with a trailer");
  }
  return options;
}

AwsChunkedDecoder::AwsChunkedDecoder(AwsChunkedOptions options) : options_(std::move(options)) {
  STRATOS_ASSERT(is_aws_chunked(options_.kind), "not a streaming payload");
  STRATOS_ASSERT(is_signed() == (options_.kind != PayloadKind::streaming_unsigned_trailer),
                 "signed streams need a signer, unsigned ones have none");
}

Result<void> AwsChunkedDecoder::feed(const Buffer& input, std::vector<Buffer>& out) {
  ByteView rest = input.view();
  while (!rest.empty()) STRATOS_CHECK(step(input, rest, out));
  return {};
}

Result<void> AwsChunkedDecoder::step(const Buffer& input, ByteView& rest,
                                     std::vector<Buffer>& out) {
  if (state_ == State::data) {
    take_data(input, rest, out);
    return {};
  }
  STRATOS_TRY(const bool complete, take_line(rest));
  if (!complete) return {};
  STRATOS_CHECK(on_line());
  line_.clear();
  return {};
}

Result<bool> AwsChunkedDecoder::take_line(ByteView& rest) {
  const std::string_view text = as_text(rest);
  const std::size_t end = text.find('\n');
  const std::size_t count = end == text.npos ? text.size() : end + 1;
  if (line_.size() + count > kMaxLineBytes) return bad_chunk("a line is too long");
  line_.append(text.substr(0, count));
  rest = rest.subspan(count);
  if (end == text.npos) return false;
  line_.pop_back();
  if (line_.ends_with('\r')) line_.pop_back();
  return true;
}

Result<void> AwsChunkedDecoder::on_line() {
  switch (state_) {
    case State::chunk_head:
      return on_chunk_head(line_);
    case State::data_end:
      if (!line_.empty()) return bad_chunk("a chunk is longer than its size");
      state_ = State::chunk_head;
      return check_chunk();
    case State::trailer:
      return on_trailer(line_);
    case State::done:
      if (line_.empty()) return {};
      return bad_chunk("bytes after the end of the body");
    case State::data:
      break;
  }
  STRATOS_ASSERT(false, "data has no lines");
}

Result<void> AwsChunkedDecoder::on_chunk_head(std::string_view line) {
  std::uint64_t size = 0;
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data(), end, size, 16);
  if (error != std::errc() || stop - line.data() > 16) return bad_chunk("a chunk has no size");
  if (size > options_.decoded_length - received_) {
    return fail(Errc::incomplete_body, "more bytes than x-amz-decoded-content-length");
  }
  std::string_view extension(stop, end);
  if (!extension.empty() && !extension.starts_with(';')) return bad_chunk("a chunk has no size");
  if (!extension.empty()) extension.remove_prefix(1);
  if (is_signed()) {
    if (!extension.starts_with(kChunkSignature)) return bad_chunk("a chunk is not signed");
    chunk_signature_ = trim(extension.substr(kChunkSignature.size()));
    chunk_digest_ = crypto::make_digest(crypto::DigestKind::sha256);
  }
  left_in_chunk_ = size;
  received_ += size;
  state_ = size == 0 ? State::trailer : State::data;
  return size == 0 ? check_chunk() : Result<void>{};
}

void AwsChunkedDecoder::take_data(const Buffer& input, ByteView& rest, std::vector<Buffer>& out) {
  const std::size_t count =
      static_cast<std::size_t>(std::min<std::uint64_t>(left_in_chunk_, rest.size()));
  if (chunk_digest_) chunk_digest_->update(rest.first(count));
  out.push_back(input.slice(input.size() - rest.size(), count));
  rest = rest.subspan(count);
  left_in_chunk_ -= count;
  if (left_in_chunk_ == 0) state_ = State::data_end;
}

Result<void> AwsChunkedDecoder::check_chunk() {
  if (!is_signed()) return {};
  crypto::Sha256Digest digest;
  const Bytes bytes = chunk_digest_->finish();
  std::ranges::copy(bytes, digest.begin());
  const std::string& expected = options_.signer->next_chunk(digest);
  if (!crypto::constant_time_equal(as_bytes(expected), as_bytes(chunk_signature_))) {
    return fail(Errc::signature_mismatch);
  }
  return {};
}

bool AwsChunkedDecoder::has_all_trailers() const {
  const bool signature_missing =
      options_.kind == PayloadKind::streaming_signed_trailer && !trailer_signature_seen_;
  return !signature_missing && trailers_.items().size() == options_.announced_trailers.size();
}

// Clients put empty lines before, between and after the fields: only one after the last field ends.
Result<void> AwsChunkedDecoder::on_trailer(std::string_view line) {
  if (line.empty()) {
    if (has_all_trailers()) state_ = State::done;
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == line.npos || trailer_signature_seen_) return bad_trailer("a trailer is malformed");
  const std::string name = lower(trim(line.substr(0, colon)));
  const std::string_view value = trim(line.substr(colon + 1));
  if (name == kTrailerSignature && options_.kind == PayloadKind::streaming_signed_trailer) {
    return check_trailer_signature(value);
  }
  if (std::ranges::count(options_.announced_trailers, name) == 0 || trailers_.has(name)) {
    return bad_trailer("a trailer was not announced in x-amz-trailer: " + name);
  }
  canonical_trailers_.append(name).append(":").append(value).append("\n");
  trailers_.add(name, std::string(value));
  return {};
}

Result<void> AwsChunkedDecoder::check_trailer_signature(std::string_view signature) {
  trailer_signature_seen_ = true;
  const std::string& expected = options_.signer->trailer(canonical_trailers_);
  if (crypto::constant_time_equal(as_bytes(expected), as_bytes(signature))) return {};
  return fail(Errc::signature_mismatch);
}

Result<void> AwsChunkedDecoder::finish() {
  const bool at_end = state_ == State::trailer || state_ == State::done;
  if (!at_end || received_ != options_.decoded_length) return fail(Errc::incomplete_body);
  // The last line may lack its line feed.
  if (state_ == State::trailer && !line_.empty()) {
    if (line_.ends_with('\r')) line_.pop_back();
    STRATOS_CHECK(on_trailer(line_));
  }
  if (!has_all_trailers()) return bad_trailer("an announced trailer is missing");
  return {};
}

Task<Result<Buffer>> AwsChunkedBody::read(std::size_t max_bytes) {
  while (next_ == ready_.size() && !ended_) {
    ready_.clear();
    next_ = 0;
    STRATOS_CO_TRY(const Buffer raw, co_await raw_.read(kReadBytes));
    if (raw.empty()) {
      STRATOS_CO_CHECK(decoder_.finish());
      ended_ = true;
    } else {
      STRATOS_CO_CHECK(co_await decode(raw));
    }
  }
  co_return next_ == ready_.size() ? Buffer() : pop(max_bytes);
}

Task<Result<void>> AwsChunkedBody::decode(Buffer raw) {
  if (!decoder_.is_signed() || raw.size() <= kOffloadBytes) co_return decoder_.feed(raw, ready_);
  const auto cost = static_cast<std::int64_t>(raw.size()) * kPicosecondsPerByte / 1000;
  auto work = [this, raw = std::move(raw)] { return decoder_.feed(raw, ready_); };
  co_return co_await runtime_.offload(std::move(work), Duration(cost));
}

Buffer AwsChunkedBody::pop(std::size_t max_bytes) {
  Buffer& front = ready_[next_];
  if (front.size() > max_bytes) {
    const Buffer part = front.slice(0, max_bytes);
    front = front.slice(max_bytes);
    return part;
  }
  const Buffer whole = std::move(front);
  ++next_;
  return whole;
}

}  // namespace stratos::gateway::s3
