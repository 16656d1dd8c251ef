// What commands print: data on stdout (text or JSON), messages on stderr.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace stratos::cli {

struct OutputOptions {
  bool json = false;
  bool quiet = false;
};

void print_line(const std::string& line);                                   // stdout
void print_json(const nlohmann::json& value);                               // one line on stdout
void print_message(const OutputOptions& options, const std::string& line);  // stderr
// Prints the error in the asked form on stderr and returns its exit code.
int report_error(const OutputOptions& options, const Error& error);
// 1.2 MiB
std::string human_bytes(std::uint64_t bytes);

// A line on stderr with rate and time left, for anything over a second; only on a terminal.
class Progress {
 public:
  Progress(const OutputOptions& options, std::string name, std::uint64_t total_bytes);
  ~Progress();
  void advance(std::uint64_t bytes, MonotonicTime now);

 private:
  void draw(MonotonicTime now);
  bool enabled_;
  std::string name_;
  std::uint64_t total_;
  std::uint64_t done_ = 0;
  bool drawn_ = false;
  MonotonicTime started_;
  MonotonicTime drawn_at_;
};

}  // namespace stratos::cli
