#include "net/http.hpp"

namespace stratos::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

class BufferBody final : public BodyReader {
 public:
  explicit BufferBody(Buffer data) : length_(data.size()), rest_(std::move(data)) {}

  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    Buffer part = rest_.slice(0, std::min(max_bytes, rest_.size()));
    rest_ = rest_.slice(part.size());
    co_return part;
  }
  std::optional<std::uint64_t> length() const override { return length_; }

 private:
  std::uint64_t length_;
  Buffer rest_;
};

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::set(std::string name, std::string value) {
  std::erase_if(items_, [&](const Item& item) { return equal_ignoring_case(item.first, name); });
  add(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const Item& item : items_) {
    if (equal_ignoring_case(item.first, name)) return item.second;
  }
  return std::nullopt;
}

const Headers& BodyReader::trailers() const {
  static const Headers kNone;
  return kNone;
}

std::unique_ptr<BodyReader> make_buffer_body(Buffer data) {
  return std::make_unique<BufferBody>(std::move(data));
}

Task<Result<Bytes>> read_all(BodyReader& body, std::size_t limit_bytes) {
  constexpr std::size_t kStepBytes = 256 * 1024;
  Bytes out;
  if (const auto length = body.length()) {
    if (*length > limit_bytes) co_return fail(Errc::too_large, "body over the limit");
    out.reserve(static_cast<std::size_t>(*length));
  }
  while (true) {
    STRATOS_CO_TRY(const Buffer part, co_await body.read(kStepBytes));
    if (part.empty()) break;
    if (part.size() > limit_bytes - out.size()) {
      co_return fail(Errc::too_large, "body over the limit");
    }
    append(out, part.view());
  }
  co_return out;
}

}  // namespace stratos::http
