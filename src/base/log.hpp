// Structured logs: one JSON object a line on stderr, with a stable event name and, inside a trace,
// its id.
#pragma once
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace stratos::log {

enum class Level : std::uint8_t { debug, info, warn, error };

// One key and value of a log line. Never pass a secret.
class Field {
 public:
  Field(std::string_view key, std::string_view value);
  Field(std::string_view key, const char* value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, const std::string& value) : Field(key, std::string_view(value)) {}
  Field(std::string_view key, bool value);
  template <class Int>
    requires std::is_integral_v<Int>
  Field(std::string_view key, Int value) : Field(key, std::to_string(value), true) {}
  Field(std::string_view key, double value);

  const std::string& json() const { return json_; }

 private:
  Field(std::string_view key, const std::string& number, bool);
  std::string json_;
};

using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view event, Fields fields);
inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warn(std::string_view event, Fields fields = {}) { write(Level::warn, event, fields); }
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::error, event, fields);
}

// Lines below this level are dropped; info by default.
void set_level(Level level);
// Replaces the writer (tests, simulator); an empty function brings stderr back. Not thread safe:
// call it before other threads log.
void set_sink(std::function<void(std::string_view line)> sink);

}  // namespace stratos::log
