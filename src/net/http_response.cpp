#include "net/http_response.hpp"

#include <charconv>

namespace stratos::http {
namespace {

bool is_framing_field(std::string_view name) {
  switch (name.size()) {
    case 10:
      return equal_ignoring_case(name, "connection");
    case 14:
      return equal_ignoring_case(name, "content-length");
    case 17:
      return equal_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

void append_number(std::string& out, std::uint64_t value, int base) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out.append(digits.data(), end);
}

}  // namespace

Result<void> ResponseOutput::append_fields(const Headers& headers) {
  bool dated = false;
  for (const auto& [name, value] : headers.items()) {
    if (!is_token(name) || !is_field_text(value)) {
      return fail(Errc::invalid_argument, "bad character in a response field");
    }
    if (is_framing_field(name)) {
      const bool connection = name.size() == 10;
      if (connection && list_has(value, "close")) context_.keep_alive = false;
      continue;
    }
    dated |= equal_ignoring_case(name, "date");
    pending_.append(name).append(": ").append(value).append("\r\n");
  }
  if (!dated) pending_.append("Date: ").append(context_.date).append("\r\n");
  return {};
}

void ResponseOutput::append_framing(int status, std::optional<std::uint64_t> content_length) {
  const bool lengthless = status < 200 || status == 204;
  if (lengthless) {
    // Neither length nor chunks (RFC 9110 §8.6).
  } else if (content_length) {
    pending_ += "Content-Length: ";
    append_number(pending_, *content_length, 10);
    pending_ += "\r\n";
  } else if (status != 304 && context_.minor_version == 1) {
    pending_ += "Transfer-Encoding: chunked\r\n";
    chunked_ = true;
  } else if (status != 304) {
    context_.keep_alive = false;
  }
  if (!context_.keep_alive) {
    pending_ += "Connection: close\r\n";
  } else if (context_.minor_version == 0) {
    pending_ += "Connection: keep-alive\r\n";
  }
  pending_ += "\r\n";
}

Result<void> ResponseOutput::begin(int status, const Headers& headers,
                                   std::optional<std::uint64_t> content_length) {
  if (state_ != State::fresh) return fail(Errc::invalid_argument, "a second head");
  if (status < 200 || status > 999) return fail(Errc::invalid_argument, "not a final status");
  if (!request_body_.can_be_drained()) context_.keep_alive = false;
  pending_.clear();
  pending_.reserve(512);
  pending_ += context_.minor_version == 0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  append_number(pending_, static_cast<std::uint64_t>(status), 10);
  pending_.append(" ").append(reason_of(status)).append("\r\n");
  STRATOS_CHECK(append_fields(headers));
  append_framing(status, content_length);
  bodiless_ = context_.head_request || status == 204 || status == 304;
  remaining_ = content_length;
  status_ = status;
  state_ = State::open;
  request_body_.withdraw_continue();
  return {};
}

Task<Result<void>> ResponseOutput::flush(ByteView body) {
  Result<void> written;
  if (body.empty()) {
    if (!pending_.empty()) {
      written = co_await stream_.write(as_bytes(pending_), context_.write_timeout);
    }
  } else if (pending_.empty()) {
    written = co_await stream_.write(body, context_.write_timeout);
  } else {
    written = co_await stream_.write(as_bytes(pending_), body, context_.write_timeout);
  }
  if (written && context_.sent != nullptr) context_.sent->add(pending_.size() + body.size());
  pending_.clear();
  if (!written) {
    state_ = State::failed;
    peer_lost_ = true;
  }
  co_return written;
}

Task<Result<void>> ResponseOutput::send_head(int status, Headers headers,
                                             std::optional<std::uint64_t> content_length) {
  co_return begin(status, headers, content_length);
}

Task<Result<void>> ResponseOutput::write(Buffer data) {
  if (state_ != State::open) co_return fail(Errc::invalid_argument, "no body can be written now");
  if (data.empty() || bodiless_) co_return Result<void>{};
  if (remaining_) {
    if (data.size() > *remaining_) {
      state_ = State::failed;
      co_return fail(Errc::invalid_argument, "body longer than promised");
    }
    *remaining_ -= data.size();
  }
  if (chunked_) {
    append_number(pending_, data.size(), 16);
    pending_ += "\r\n";
  }
  STRATOS_CO_CHECK(co_await flush(data.view()));
  if (chunked_) pending_ = "\r\n";
  co_return Result<void>{};
}

Task<Result<void>> ResponseOutput::finish() {
  if (state_ == State::done) co_return Result<void>{};
  if (state_ != State::open) co_return fail(Errc::invalid_argument, "no answer to finish");
  if (!bodiless_ && remaining_.value_or(0) != 0) {
    state_ = State::failed;
    co_return fail(Errc::invalid_argument, "body shorter than promised");
  }
  if (chunked_ && !bodiless_) pending_ += "0\r\n\r\n";
  STRATOS_CO_CHECK(co_await flush(ByteView()));
  state_ = State::done;
  co_return Result<void>{};
}

Task<Result<void>> ResponseOutput::send(int status, Headers headers, Buffer body) {
  // A 304 has no body and must not claim that the resource has none.
  const bool unmeasured = status == 304 && body.empty();
  const std::optional<std::uint64_t> length(body.size());
  STRATOS_CO_CHECK(begin(status, headers, unmeasured ? std::nullopt : length));
  STRATOS_CO_CHECK(co_await flush(bodiless_ ? ByteView() : body.view()));
  state_ = State::done;
  co_return Result<void>{};
}

}  // namespace stratos::http
