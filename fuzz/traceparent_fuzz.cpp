#include "base/assert.hpp"
#include "base/trace_context.hpp"
#include "fuzz_target.hpp"

using namespace stratos;

// What parses is written again as the same ids; of version 00 as the same text but for flags.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  const auto context = parse_traceparent(text);
  if (!context) return 0;
  STRATOS_ASSERT(context->exists() && !context->span.is_zero(), "ids are never zero");
  const std::string again = to_traceparent(*context);
  STRATOS_ASSERT(parse_traceparent(again).value() == *context, "the same context");
  STRATOS_ASSERT(text.substr(2, 51) == again.substr(2, 51), "the same ids");
  STRATOS_ASSERT(!text.starts_with("00") || text.size() == again.size(), "one length");
  return 0;
}
