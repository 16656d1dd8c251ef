#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "net/http.hpp"

using namespace stratos;

// A target that parses says the same after its parts were written out again.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto target = http::parse_target(as_text({data, size}));
  if (!target) return 0;
  std::string again = http::percent_encode(target->path, true) + "?";
  for (const auto& [name, value] : target->query) {
    again += http::percent_encode(name, false) + "=" + http::percent_encode(value, false) + "&";
  }
  const auto second = http::parse_target(again);
  STRATOS_ASSERT(second.has_value(), "what was encoded can be decoded");
  STRATOS_ASSERT(second->path == target->path, "same path");
  STRATOS_ASSERT(second->query == target->query, "same query");
  return 0;
}
