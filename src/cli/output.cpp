#include "cli/output.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace stratos::cli {
namespace {
constexpr Duration kQuietTime = 1s;
constexpr Duration kRedraw = 200ms;
}  // namespace

void print_line(const std::string& line) { std::printf("%s\n", line.c_str()); }

void print_json(const nlohmann::json& value) {
  print_line(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  std::fflush(stdout);
}

void print_message(const OutputOptions& options, const std::string& line) {
  if (!options.quiet) std::fprintf(stderr, "%s\n", line.c_str());
}

int report_error(const OutputOptions& options, const Error& error) {
  if (options.json) {
    const nlohmann::json value = {{"error", name_of(error.code())},
                                  {"message", error.to_string()},
                                  {"retryable", error.retryable()}};
    std::fprintf(stderr, "%s\n",
                 value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "stratos: %s\n", error.to_string().c_str());
  }
  return exit_code_of(error.kind());
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  constexpr double kShownAsMore = 1023.95;  // rounds to 1024.0
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= (unit == 0 ? 1024 : kShownAsMore) && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text.data();
}

Progress::Progress(const OutputOptions& options, std::string name, std::uint64_t total_bytes)
    : enabled_(!options.quiet && !options.json && ::isatty(STDERR_FILENO) != 0),
      name_(std::move(name)),
      total_(total_bytes) {}

Progress::~Progress() {
  if (drawn_) std::fprintf(stderr, "\r\033[K");
}

void Progress::advance(std::uint64_t bytes, MonotonicTime now) {
  if (done_ == 0 && started_ == MonotonicTime{}) started_ = now;
  done_ += bytes;
  if (!enabled_ || now - started_ < kQuietTime || now - drawn_at_ < kRedraw) return;
  draw(now);
}

void Progress::draw(MonotonicTime now) {
  drawn_ = true;
  drawn_at_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = static_cast<double>(done_) / seconds;
  // A source may grow while it is read.
  const std::uint64_t rest = total_ > done_ ? total_ - done_ : 0;
  const double left = rate > 0 ? static_cast<double>(rest) / rate : 0;
  std::fprintf(stderr, "\r\033[K%s  %s of %s  %s/s  %.0f s left", name_.c_str(),
               human_bytes(done_).c_str(), human_bytes(total_).c_str(),
               human_bytes(static_cast<std::uint64_t>(rate)).c_str(), left);
}

}  // namespace stratos::cli
