// Trace context (W3C Recommendation "Trace Context"): the ids that tie together what several
// machines do for one request. Ids only; nothing is exported.
#pragma once
#include <optional>

#include "base/ids.hpp"
#include "base/random.hpp"

namespace stratos {

using TraceId = StrongBytes<struct TraceIdTag, 16>;
using SpanId = StrongBytes<struct SpanIdTag, 8>;

// All zero: no trace.
struct TraceContext {
  TraceId trace;
  SpanId span;  // of the step that is under way; the parent of the next one
  bool sampled = false;

  bool exists() const { return !trace.is_zero(); }
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// A `traceparent` of version 00, or what a later version keeps of it. Errc::bad_encoding.
Result<TraceContext> parse_traceparent(std::string_view text);
// Version 00. The trace must exist.
std::string to_traceparent(const TraceContext& context);

// The next step of `parent`, or the first one of a new trace.
TraceContext next_span(const std::optional<TraceContext>& parent, Random& random);

// The trace of the running coroutine. The runtime carries it over suspensions, to what is spawned
// and to offloaded work; log lines name it.
const TraceContext& current_trace();

// Sets the running coroutine's trace until the end of the scope, which may hold suspensions.
class TraceScope {
 public:
  explicit TraceScope(const TraceContext& context);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceContext before_;
};

}  // namespace stratos
