#include "gateway/s3/form_body.hpp"

#include <algorithm>

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::size_t kMaxBoundaryBytes = 70;  // RFC 2046 §5.1.1

auto malformed(std::string why) { return fail(Errc::malformed_form, std::move(why)); }

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

// A quoted text, or a token up to the next semicolon, off the front.
std::string take_value(std::string_view& text) {
  std::string value;
  if (!text.starts_with('"')) {
    const std::size_t end = std::min(text.find(';'), text.size());
    value = trim(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '"') {
    // Browsers send a backslash before a quote only.
    if (text.starts_with("\\\"")) text.remove_prefix(1);
    value += text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

// The parameter of a field like `form-data; name="key"`.
std::optional<std::string> parameter(std::string_view field, std::string_view wanted) {
  field.remove_prefix(std::min(field.find(';'), field.size()));
  while (field.starts_with(';')) {
    field.remove_prefix(1);
    const std::size_t equals = field.find('=');
    if (equals == field.npos) return std::nullopt;
    const std::string_view name = trim(field.substr(0, equals));
    field = trim(field.substr(equals + 1));
    std::string value = take_value(field);
    if (http::equal_ignoring_case(name, wanted)) return value;
    field = trim(field);
  }
  return std::nullopt;
}

struct PartHead {
  std::string name;
  std::string file_name;
  std::string type;
};

Result<PartHead> parse_part_head(std::string_view head) {
  PartHead part;
  bool named = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return malformed("a part's head has a line without a colon");
    const std::string_view name = trim(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (http::equal_ignoring_case(name, "content-type")) part.type = value;
    if (!http::equal_ignoring_case(name, "content-disposition")) continue;
    const auto field = parameter(value, "name");
    if (!field) return malformed("a part has no name");
    part.name = *field;
    part.file_name = parameter(value, "filename").value_or("");
    named = true;
  }
  if (!named) return malformed("a part has no Content-Disposition");
  return part;
}

}  // namespace

const std::string* Form::find(std::string_view name) const {
  for (const auto& [field, value] : fields) {
    if (http::equal_ignoring_case(field, name)) return &value;
  }
  return nullptr;
}

std::optional<std::string> form_boundary(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (!http::equal_ignoring_case(type, "multipart/form-data")) return std::nullopt;
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundaryBytes) return std::nullopt;
  return boundary;
}

// The body begins as if a line had ended before it, so that the first delimiter is like the others.
FormBody::FormBody(http::BodyReader& raw, std::string_view boundary)
    : raw_(raw), delimiter_("\r\n--"), pending_("\r\n") {
  delimiter_ += boundary;
}

Task<Result<void>> FormBody::fill() {
  pending_.erase(0, used_);
  used_ = 0;
  STRATOS_CO_TRY(const Buffer part, co_await raw_.read(kReadBytes));
  if (part.empty()) co_return malformed("the form ends early");
  pending_ += as_text(part.view());
  co_return Result<void>{};
}

Task<Result<std::string>> FormBody::take_until(std::string mark) {
  while (true) {
    const std::size_t at = pending_.find(mark, used_);
    const std::size_t size = (at == pending_.npos ? pending_.size() : at) - used_;
    if (size > kMaxFormBytes) co_return malformed("the form's fields are too large");
    if (at != pending_.npos) {
      std::string taken = pending_.substr(used_, size);
      used_ = at + mark.size();
      co_return taken;
    }
    STRATOS_CO_CHECK(co_await fill());
  }
}

// Behind a delimiter: whether another part follows.
Task<Result<bool>> FormBody::next_part() {
  while (pending_.size() - used_ < 2) STRATOS_CO_CHECK(co_await fill());
  const std::string_view next = std::string_view(pending_).substr(used_, 2);
  if (next == "--") co_return false;
  if (next != "\r\n") co_return malformed("a boundary is not at the end of its line");
  // Left in place: the first line of the head begins behind it.
  co_return true;
}

Task<Result<Form>> FormBody::read_form() {
  Form form;
  std::size_t total = 0;
  STRATOS_CO_TRY(const std::string preamble, co_await take_until(delimiter_));
  if (!preamble.empty()) co_return malformed("the form does not begin with its boundary");
  while (true) {
    STRATOS_CO_TRY(const bool more, co_await next_part());
    if (!more) {
      co_return fail(Errc::invalid_argument, "POST requires exactly one file upload per request.");
    }
    const std::string end_of_head = "\r\n\r\n";
    STRATOS_CO_TRY(const std::string head, co_await take_until(end_of_head));
    const std::string_view lines =
        std::string_view(head).substr(std::min<std::size_t>(2, head.size()));
    STRATOS_CO_TRY(PartHead part, parse_part_head(lines));
    if (http::equal_ignoring_case(part.name, "file")) {
      form.file_name = std::move(part.file_name);
      form.file_type = std::move(part.type);
      co_return form;
    }
    STRATOS_CO_TRY(std::string value, co_await take_until(delimiter_));
    total += part.name.size() + value.size();
    if (total > kMaxFormBytes || form.fields.size() == kMaxFormFields) {
      co_return malformed("the form's fields are too large");
    }
    form.fields.emplace_back(std::move(part.name), std::move(value));
  }
}

Task<Result<Buffer>> FormBody::read(std::size_t max_bytes) {
  if (ended_) co_return Buffer();
  while (true) {
    const std::size_t at = pending_.find(delimiter_, used_);
    // The last bytes may be the beginning of the delimiter.
    const std::size_t kept = delimiter_.size() - 1;
    const std::size_t there = pending_.size() - used_;
    std::size_t ready = there > kept ? there - kept : 0;
    if (at != pending_.npos) ready = at - used_;
    if (ready != 0) {
      const std::size_t size = std::min(ready, max_bytes);
      given_ += size;
      if (given_ > max_bytes_) co_return fail(Errc::entity_too_large);
      Buffer part = Buffer::copy_of(as_bytes(std::string_view(pending_).substr(used_, size)));
      used_ += size;
      co_return part;
    }
    if (at != pending_.npos) break;
    STRATOS_CO_CHECK(co_await fill());
  }
  ended_ = true;
  if (given_ < min_bytes_) co_return fail(Errc::entity_too_small);
  co_return Buffer();
}

}  // namespace stratos::gateway::s3
