#include "net/http_parser.hpp"

#include <charconv>

namespace stratos::http {
namespace {

constexpr std::size_t kMaxMethodBytes = 32;
constexpr std::size_t kMaxHostBytes = 300;

std::unexpected<ParseFailure> refuse(int status, std::string_view why) {
  return std::unexpected(ParseFailure{status, why});
}

constexpr std::array<bool, 256> make_set(std::string_view characters) {
  std::array<bool, 256> set{};
  for (const char c : characters) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr std::array<bool, 256> kTokenSet =
    make_set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
constexpr std::array<bool, 256> kHostSet =
    make_set("!$%&'()*+,-.:;=[]_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

bool all_in(const std::array<bool, 256>& set, std::string_view text) {
  for (const char c : text) {
    if (!set[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes a line with its CRLF off the front; nullopt when the next line feed has no carriage return.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t feed = text.find('\n');
  if (feed == std::string_view::npos || feed == 0 || text[feed - 1] != '\r') return std::nullopt;
  const std::string_view line = text.substr(0, feed - 1);
  text.remove_prefix(feed + 1);
  return line;
}

Parsed<Headers::Item> parse_field(std::string_view line) {
  if (is_blank(line.front())) return refuse(400, "folded field");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "field without a colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (!is_token(name)) return refuse(400, "bad field name");
  if (!is_field_text(value)) return refuse(400, "bad character in a field");
  return Headers::Item(name, value);
}

// Digits only, and small enough that sums of lengths cannot overflow.
Parsed<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || !is_digit(text[0])) return refuse(400, "bad Content-Length");
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || value > std::uint64_t{1} << 60) {
    return refuse(400, "bad Content-Length");
  }
  return value;
}

// What the fields say about the body and the connection, gathered in one pass.
struct FieldSummary {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool expects_continue = false;
  int hosts = 0;
};

Parsed<void> note_transfer_encoding(FieldSummary& summary, std::string_view value) {
  if (summary.chunked) return refuse(400, "two transfer encodings");
  if (!equal_ignoring_case(value, "chunked")) return refuse(501, "unknown transfer encoding");
  summary.chunked = true;
  return {};
}

Parsed<void> note_field(FieldSummary& summary, const Headers::Item& field) {
  const auto& [name, value] = field;
  switch (name.size()) {
    case 4:
      if (equal_ignoring_case(name, "host")) ++summary.hosts;
      break;
    case 6:
      if (equal_ignoring_case(name, "expect")) {
        if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "unknown expectation");
        summary.expects_continue = true;
      }
      break;
    case 10:
      if (equal_ignoring_case(name, "connection")) {
        summary.close |= list_has(value, "close");
        summary.keep_alive |= list_has(value, "keep-alive");
      }
      break;
    case 14:
      if (equal_ignoring_case(name, "content-length")) {
        const auto length = parse_length(value);
        if (!length) return std::unexpected(length.error());
        if (summary.length && *summary.length != *length) {
          return refuse(400, "two different lengths");
        }
        summary.length = *length;
      }
      break;
    case 17:
      if (equal_ignoring_case(name, "transfer-encoding")) {
        return note_transfer_encoding(summary, value);
      }
      break;
    default:
      break;
  }
  return {};
}

Parsed<FieldSummary> summarise(const Headers& headers, int minor_version) {
  FieldSummary summary;
  for (const Headers::Item& field : headers.items()) {
    if (auto noted = note_field(summary, field); !noted) return std::unexpected(noted.error());
  }
  if (summary.chunked && summary.length) {
    return refuse(400, "both Content-Length and Transfer-Encoding");
  }
  if (summary.chunked && minor_version == 0) return refuse(400, "chunks in HTTP/1.0");
  return summary;
}

bool stays_alive(const FieldSummary& summary, int minor_version) {
  return !summary.close && (minor_version == 1 || summary.keep_alive);
}

// The minor version, or the status to refuse with.
Parsed<int> parse_version(std::string_view text) {
  if (text == "HTTP/1.1") return 1;
  if (text == "HTTP/1.0") return 0;
  if (text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' &&
      is_digit(text[7])) {
    return refuse(505, "unsupported version");
  }
  return refuse(400, "bad version");
}

bool is_host(std::string_view text) {
  return text.size() <= kMaxHostBytes && all_in(kHostSet, text);
}

// Leaves the origin form in `target` and returns the authority of an absolute form.
Parsed<std::string_view> split_target(std::string_view& target, std::string_view method) {
  for (const char c : target) {
    if (c <= ' ' || c == 0x7f || c == '#') return refuse(400, "bad character in the target");
  }
  if (target.starts_with('/') || (target == "*" && method == "OPTIONS")) return std::string_view{};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    const std::string_view authority = target.substr(0, end);
    target.remove_prefix(end);
    if (authority.empty() || !is_host(authority)) return refuse(400, "bad authority");
    return authority;
  }
  return refuse(400, "bad target");
}

Parsed<RequestHead> parse_request_line(std::string_view line, std::string_view& authority) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return refuse(400, "bad request line");
  const std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  if (!is_token(method) || method.size() > kMaxMethodBytes) return refuse(400, "bad method");
  const auto version = parse_version(line.substr(last + 1));
  if (!version) return std::unexpected(version.error());
  const auto found = split_target(target, method);
  if (!found) return std::unexpected(found.error());
  authority = *found;

  RequestHead head;
  head.method = method;
  head.target = target.starts_with('/') || target == "*" ? "" : "/";
  head.target += target;
  head.minor_version = *version;
  return head;
}

Parsed<void> settle_host(RequestHead& head, int hosts, std::string_view authority) {
  if (hosts > 1) return refuse(400, "two hosts");
  if (hosts == 0 && head.minor_version == 1) return refuse(400, "no host");
  if (hosts == 1 && !is_host(*head.headers.get("host"))) return refuse(400, "bad host");
  if (!authority.empty()) head.headers.set("Host", std::string(authority));
  return {};
}

Parsed<int> parse_status_line(std::string_view line, int& minor_version) {
  if (line.size() < 12 || line[8] != ' ') return refuse(502, "bad status line");
  const auto version = parse_version(line.substr(0, 8));
  if (!version) return refuse(502, "bad status line");
  minor_version = *version;
  int status = 0;
  for (const char c : line.substr(9, 3)) {
    if (!is_digit(c)) return refuse(502, "bad status line");
    status = status * 10 + (c - '0');
  }
  if (status < 100 || (line.size() > 12 && line[12] != ' ') || !is_field_text(line.substr(12))) {
    return refuse(502, "bad status line");
  }
  return status;
}

}  // namespace

bool is_token(std::string_view text) { return !text.empty() && all_in(kTokenSet, text); }

bool is_field_text(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

bool list_has(std::string_view list, std::string_view element) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (equal_ignoring_case(trim(list.substr(0, comma)), element)) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

bool may_begin_request(char c) { return c == '\r' || kTokenSet[static_cast<unsigned char>(c)]; }

std::size_t find_head_end(std::string_view text, std::size_t from) {
  // A bare line feed ends a line here, so that such a head is refused now and not waited for.
  std::size_t feed = text.find('\n', from > 2 ? from - 2 : 0);
  while (feed != std::string_view::npos) {
    const std::string_view next = text.substr(feed + 1);
    if (next.starts_with('\n')) return feed + 2;
    if (next.starts_with("\r\n")) return feed + 3;
    feed = text.find('\n', feed + 1);
  }
  return 0;
}

Parsed<Headers> parse_fields(std::string_view lines, std::size_t reserve) {
  Headers headers;
  headers.reserve(reserve);
  while (true) {
    const auto line = take_line(lines);
    if (!line) return refuse(400, "bad line end");
    if (line->empty()) break;
    if (headers.items().size() == kMaxFields) return refuse(431, "too many fields");
    auto field = parse_field(*line);
    if (!field) return std::unexpected(field.error());
    headers.add(std::move(field->first), std::move(field->second));
  }
  if (!lines.empty()) return refuse(400, "bytes after the head");
  return headers;
}

Parsed<Headers> parse_trailers(std::string_view lines) {
  auto trailers = parse_fields(lines, 4);
  if (!trailers) return trailers;
  for (const std::string_view name : {"content-length", "transfer-encoding", "host", "trailer"}) {
    if (trailers->has(name)) return refuse(400, "forbidden trailer");
  }
  return trailers;
}

Parsed<RequestHead> parse_request_head(std::string_view head) {
  const auto line = take_line(head);
  if (!line) return refuse(400, "bad line end");
  std::string_view authority;
  auto request = parse_request_line(*line, authority);
  if (!request) return request;
  auto headers = parse_fields(head, 16);
  if (!headers) return std::unexpected(headers.error());
  request->headers = std::move(*headers);
  const auto summary = summarise(request->headers, request->minor_version);
  if (!summary) return std::unexpected(summary.error());
  if (auto settled = settle_host(*request, summary->hosts, authority); !settled) {
    return std::unexpected(settled.error());
  }
  request->keep_alive = stays_alive(*summary, request->minor_version);
  request->expects_continue = summary->expects_continue && request->minor_version == 1;
  if (summary->chunked) request->body = {Framing::chunked, 0};
  if (summary->length.value_or(0) > 0) request->body = {Framing::sized, *summary->length};
  return request;
}

Parsed<ResponseHead> parse_response_head(std::string_view head, bool answers_head_request) {
  const auto line = take_line(head);
  if (!line) return refuse(502, "bad line end");
  int minor_version = 1;
  const auto status = parse_status_line(*line, minor_version);
  if (!status) return std::unexpected(status.error());
  auto headers = parse_fields(head, 16);
  if (!headers) return refuse(502, headers.error().why);
  const auto summary = summarise(*headers, minor_version);
  if (!summary) return refuse(502, summary.error().why);

  ResponseHead response;
  response.status = *status;
  response.headers = std::move(*headers);
  response.keep_alive = stays_alive(*summary, minor_version);
  const bool bare = answers_head_request || *status < 200 || *status == 204 || *status == 304;
  if (bare) {
    response.body = {Framing::none, summary->length.value_or(0)};
  } else if (summary->chunked) {
    response.body = {Framing::chunked, 0};
  } else if (summary->length) {
    response.body = {Framing::sized, *summary->length};
  } else {
    response.body = {Framing::until_close, 0};
    response.keep_alive = false;
  }
  return response;
}

Parsed<std::uint64_t> parse_chunk_size(std::string_view line) {
  constexpr std::size_t kMaxDigits = 15;
  std::uint64_t size = 0;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  const auto digits = static_cast<std::size_t>(stop - line.data());
  if (error != std::errc{} || digits > kMaxDigits || line.starts_with('-')) {
    return refuse(400, "bad chunk size");
  }
  const std::string_view rest = line.substr(digits);
  if (!rest.empty() && (rest[0] != ';' || !is_field_text(rest))) {
    return refuse(400, "bad chunk size");
  }
  return size;
}

std::string_view reason_of(int status) {
  struct Row {
    int status;
    std::string_view reason;
  };
  static constexpr std::array kRows = {Row{100, "Continue"},
                                       Row{200, "OK"},
                                       Row{201, "Created"},
                                       Row{202, "Accepted"},
                                       Row{204, "No Content"},
                                       Row{206, "Partial Content"},
                                       Row{301, "Moved Permanently"},
                                       Row{302, "Found"},
                                       Row{303, "See Other"},
                                       Row{304, "Not Modified"},
                                       Row{307, "Temporary Redirect"},
                                       Row{308, "Permanent Redirect"},
                                       Row{400, "Bad Request"},
                                       Row{401, "Unauthorized"},
                                       Row{402, "Payment Required"},
                                       Row{403, "Forbidden"},
                                       Row{404, "Not Found"},
                                       Row{405, "Method Not Allowed"},
                                       Row{406, "Not Acceptable"},
                                       Row{408, "Request Timeout"},
                                       Row{409, "Conflict"},
                                       Row{410, "Gone"},
                                       Row{411, "Length Required"},
                                       Row{412, "Precondition Failed"},
                                       Row{413, "Content Too Large"},
                                       Row{414, "URI Too Long"},
                                       Row{415, "Unsupported Media Type"},
                                       Row{416, "Range Not Satisfiable"},
                                       Row{417, "Expectation Failed"},
                                       Row{422, "Unprocessable Content"},
                                       Row{429, "Too Many Requests"},
                                       Row{431, "Request Header Fields Too Large"},
                                       Row{500, "Internal Server Error"},
                                       Row{501, "Not Implemented"},
                                       Row{502, "Bad Gateway"},
                                       Row{503, "Service Unavailable"},
                                       Row{504, "Gateway Timeout"},
                                       Row{505, "HTTP Version Not Supported"},
                                       Row{507, "Insufficient Storage"}};
  for (const Row& row : kRows) {
    if (row.status == status) return row.reason;
  }
  return "Unknown";
}

}  // namespace stratos::http
