#include "base/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/time.hpp"
#include "base/trace_context.hpp"

namespace stratos::log {
namespace {

std::atomic<Level> g_level{Level::info};
std::function<void(std::string_view)> g_sink;
constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};

std::string quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write_stderr(std::string_view line) {
  // One write per line, so that lines of several threads and processes do not mix.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
}

WallTime log_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

}  // namespace

Field::Field(std::string_view key, std::string_view value)
    : json_(quoted(key) + ":" + quoted(value)) {}
Field::Field(std::string_view key, bool value)
    : json_(quoted(key) + (value ? ":true" : ":false")) {}
Field::Field(std::string_view key, double value)
    : json_(quoted(key) + ":" + nlohmann::json(value).dump()) {}
Field::Field(std::string_view key, const std::string& number, bool)
    : json_(quoted(key) + ":" + number) {}

void write(Level level, std::string_view event, Fields fields) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  std::string line = "{\"time\":\"" + to_iso8601(log_time()) + "\",\"level\":\"";
  line += kLevelNames[static_cast<std::size_t>(level)];
  line += "\",\"event\":" + quoted(event);
  if (current_trace().exists()) line += ",\"trace_id\":\"" + current_trace().trace.hex() + "\"";
  for (const Field& field : fields) line += "," + field.json();
  line += "}\n";
  if (g_sink) {
    g_sink(line);
  } else {
    write_stderr(line);
  }
}

void set_level(Level level) { g_level = level; }
void set_sink(std::function<void(std::string_view)> sink) { g_sink = std::move(sink); }

}  // namespace stratos::log
