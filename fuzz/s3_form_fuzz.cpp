// Input: a byte for the size of the pieces, then a form with the boundary "b". However it is cut,
// the outcome is the same.
#include <algorithm>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "gateway/s3/form_body.hpp"
#include "runtime/real_runtime.hpp"

namespace {

using namespace stratos;
using namespace stratos::gateway::s3;

class Raw final : public http::BodyReader {
 public:
  Raw(ByteView data, std::size_t piece) : data_(data), piece_(piece) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    const std::size_t size = std::min({max_bytes, piece_, data_.size()});
    Buffer part = Buffer::copy_of(data_.first(size));
    data_ = data_.subspan(size);
    co_return part;
  }
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  ByteView data_;
  std::size_t piece_;
};

struct Outcome {
  Errc code{};
  std::vector<std::pair<std::string, std::string>> fields;
  std::string content;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Task<Outcome> read_all(http::BodyReader& raw) {
  FormBody body(raw, "b");
  Outcome outcome;
  Result<Form> form = co_await body.read_form();
  if (!form) {
    outcome.code = form.error().code();
    co_return outcome;
  }
  outcome.fields = std::move(form->fields);
  while (true) {
    const Result<Buffer> part = co_await body.read(1000);
    if (!part) outcome.code = part.error().code();
    if (!part || part->empty()) co_return outcome;
    outcome.content += as_text(part->view());
  }
}

Outcome read_in_pieces(ByteView data, std::size_t piece) {
  static BlockingPool pool{1};
  static RealRuntime runtime{pool, "form_fuzz"};
  Raw raw(data, piece);
  return block_on(runtime, read_all(raw));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView body{data + 1, size - 1};
  const Outcome pieces = read_in_pieces(body, 1 + data[0]);
  // Of a form that fails, how much of the file came before depends on the cut.
  const Outcome whole = read_in_pieces(body, body.size() + 1);
  STRATOS_ASSERT(pieces.code == whole.code, "the cut decides");
  if (whole.code == Errc{}) STRATOS_ASSERT(pieces == whole, "the cut changes what is read");
  return 0;
}
