// The strict HTTP/1.1 grammar (RFC 9112): what is not exactly right is refused, never repaired, so
// that no other reader of the same bytes can see another message. Pure functions over bytes.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace stratos::http {

// Why a message is refused, with the status that says so.
struct ParseFailure {
  int status = 400;
  std::string_view why;
};
template <class T>
using Parsed = std::expected<T, ParseFailure>;

constexpr std::size_t kMaxFields = 256;
constexpr std::size_t kMaxChunkLineBytes = 1024;
constexpr std::size_t kMaxTrailerBytes = 16 * 1024;

enum class Framing : std::uint8_t { none, sized, chunked, until_close };

struct BodyFraming {
  Framing kind = Framing::none;
  std::uint64_t length = 0;  // of a sized body
};

struct RequestHead {
  std::string method;
  std::string target;  // origin form, or "*"
  Headers headers;     // the authority of an absolute-form target replaces Host
  int minor_version = 1;
  bool keep_alive = true;
  bool expects_continue = false;
  BodyFraming body;
};

struct ResponseHead {
  int status = 0;
  Headers headers;
  bool keep_alive = true;
  BodyFraming body;
};

// The bytes of a head with its empty line, or 0 while that is missing. Bytes before `from` were
// searched already.
std::size_t find_head_end(std::string_view text, std::size_t from);
// Whether a request may begin with this byte.
bool may_begin_request(char c);

// `head` as find_head_end() measured it.
Parsed<RequestHead> parse_request_head(std::string_view head);
Parsed<ResponseHead> parse_response_head(std::string_view head, bool answers_head_request);
// Field lines up to and with an empty line. `reserve` is a guess of their number.
Parsed<Headers> parse_fields(std::string_view lines, std::size_t reserve);
// Fields after a chunked body; those that frame or route a message are refused.
Parsed<Headers> parse_trailers(std::string_view lines);
// The line without its CRLF; extensions are skipped.
Parsed<std::uint64_t> parse_chunk_size(std::string_view line);

bool is_token(std::string_view text);
// No control characters but tab: what may stand in a field's value.
bool is_field_text(std::string_view text);
// Whether a comma-separated list has the element.
bool list_has(std::string_view list, std::string_view element);
std::string_view reason_of(int status);

}  // namespace stratos::http
