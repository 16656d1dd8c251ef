#include "base/trace_context.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace stratos {
namespace {

// version "-" trace "-" span "-" flags
constexpr std::size_t kTextBytes = 55;
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kSpanAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::uint8_t kSampled = 1;
constexpr std::uint8_t kNoVersion = 0xff;

thread_local constinit TraceContext t_current;

std::unexpected<Error> bad() { return fail(Errc::bad_encoding, "not a traceparent"); }

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// Hexadecimal digits of lower case with dashes between the four fields.
bool has_form(std::string_view text) {
  for (std::size_t i = 0; i < kTextBytes; ++i) {
    const bool dash = i + 1 == kTraceAt || i + 1 == kSpanAt || i + 1 == kFlagsAt;
    if (dash ? text[i] != '-' : !is_lower_hex(text[i])) return false;
  }
  return true;
}

template <class Id>
Result<Id> id_at(std::string_view text, std::size_t at) {
  STRATOS_TRY(const Id id, Id::from_hex_text(text.substr(at, Id::kSize * 2)));
  if (id.is_zero()) return bad();
  return id;
}

template <class Id>
Id draw_nonzero(Random& random) {
  Id id = random.draw_id<Id>();
  while (id.is_zero()) id = random.draw_id<Id>();
  return id;
}

}  // namespace

Result<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kTextBytes || !has_form(text)) return bad();
  STRATOS_TRY(const Bytes version, from_hex(text.substr(0, 2)));
  STRATOS_TRY(const Bytes flags, from_hex(text.substr(kFlagsAt, 2)));
  if (version[0] == kNoVersion) return bad();
  // Later versions may append fields.
  const bool longer = text.size() > kTextBytes;
  if (longer && (version[0] == 0 || text[kTextBytes] != '-')) return bad();
  TraceContext context;
  STRATOS_TRY(context.trace, id_at<TraceId>(text, kTraceAt));
  STRATOS_TRY(context.span, id_at<SpanId>(text, kSpanAt));
  context.sampled = (flags[0] & kSampled) != 0;
  return context;
}

std::string to_traceparent(const TraceContext& context) {
  STRATOS_ASSERT(context.exists() && !context.span.is_zero(), "ids of zero are not valid");
  return "00-" + context.trace.hex() + "-" + context.span.hex() + (context.sampled ? "-01" : "-00");
}

TraceContext next_span(const std::optional<TraceContext>& parent, Random& random) {
  TraceContext context;
  context.trace = parent ? parent->trace : draw_nonzero<TraceId>(random);
  context.span = draw_nonzero<SpanId>(random);
  context.sampled = parent && parent->sampled;
  return context;
}

const TraceContext& current_trace() { return t_current; }

TraceScope::TraceScope(const TraceContext& context) : before_(t_current) { t_current = context; }
TraceScope::~TraceScope() { t_current = before_; }

}  // namespace stratos
