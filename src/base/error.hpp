// Error: what every fallible call of the program returns instead of a value.
// Tests and callers match the code; the message is for people only.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace stratos {

enum class Errc : std::uint16_t {
#define STRATOS_ERROR(number, name, kind) name = number,
#include "base/error_codes.def"
#undef STRATOS_ERROR
};

// What went wrong in the widest terms. HTTP status and process exit code follow from it.
enum class ErrorKind : std::uint8_t {
  internal,
  invalid,
  not_found,
  conflict,
  denied,
  unavailable,
  exhausted,
  unsupported,
  integrity,
};

std::string_view name_of(Errc code);
ErrorKind kind_of(Errc code);
// The code with this number, or Errc::internal when a newer peer sent one we do not know.
Errc errc_from_number(std::uint16_t number);
int http_status_of(ErrorKind kind);
// Exit codes of the CLI: 1 other, 2 usage, 3 not found, 4 auth, 5 network or retryable,
// 6 conflict, 7 quota, 8 integrity.
int exit_code_of(ErrorKind kind);

class [[nodiscard]] Error {
 public:
  explicit Error(Errc code, std::string message = {}) : code_(code), message_(std::move(message)) {}
  Error(Errc code, std::string message, Error cause)
      : code_(code),
        message_(std::move(message)),
        cause_(std::make_shared<const Error>(std::move(cause))) {}

  Errc code() const { return code_; }
  ErrorKind kind() const { return kind_of(code_); }
  const std::string& message() const { return message_; }
  const Error* cause() const { return cause_.get(); }
  // True when the same request may succeed later without being changed.
  bool retryable() const { return kind() == ErrorKind::unavailable; }
  // "code: message; because code: message"
  std::string to_string() const;

 private:
  Errc code_;
  std::string message_;
  std::shared_ptr<const Error> cause_;
};

}  // namespace stratos
