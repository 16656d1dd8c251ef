// Result<T>: a value or an Error, and the macros that pass an Error on to the caller.
#pragma once
#include <expected>
#include <utility>

#include "base/error.hpp"

namespace stratos {

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string message = {}) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}
inline std::unexpected<Error> fail(Errc code, std::string message, Error cause) {
  return std::unexpected<Error>(Error(code, std::move(message), std::move(cause)));
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace stratos

#define STRATOS_CONCAT_(a, b) a##b
#define STRATOS_CONCAT(a, b) STRATOS_CONCAT_(a, b)

// STRATOS_TRY(auto x, expression): x = *expression, or return its error.
#define STRATOS_TRY(declaration, ...) \
  STRATOS_TRY_(return, STRATOS_CONCAT(result_, __LINE__), declaration, __VA_ARGS__)
// The same inside a coroutine.
#define STRATOS_CO_TRY(declaration, ...) \
  STRATOS_TRY_(co_return, STRATOS_CONCAT(result_, __LINE__), declaration, __VA_ARGS__)
#define STRATOS_TRY_(leave, temporary, declaration, ...)               \
  auto temporary = (__VA_ARGS__);                                      \
  if (!temporary) leave ::stratos::fail(std::move(temporary).error()); \
  declaration = std::move(*temporary)

// STRATOS_CHECK(expression): return the error of a Result<void>.
#define STRATOS_CHECK(...) STRATOS_CHECK_(return, STRATOS_CONCAT(result_, __LINE__), __VA_ARGS__)
#define STRATOS_CO_CHECK(...) \
  STRATOS_CHECK_(co_return, STRATOS_CONCAT(result_, __LINE__), __VA_ARGS__)
#define STRATOS_CHECK_(leave, temporary, ...)     \
  if (auto temporary = (__VA_ARGS__); !temporary) \
  leave ::stratos::fail(std::move(temporary).error())
