// STRATOS_ASSERT: an always-on check for bugs. Failure prints what and where, then aborts.
#pragma once

namespace stratos::detail {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line,
                                   const char* why);
}

#define STRATOS_ASSERT(expression, why) \
  ((expression) ? void(0)               \
                : ::stratos::detail::assertion_failed(#expression, __FILE__, __LINE__, why))
