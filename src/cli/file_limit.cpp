#include "cli/file_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace stratos::cli {
namespace {

// More brings nothing and makes some systems keep large tables.
constexpr rlim_t kEnough = 1 << 20;
constexpr std::size_t kFallback = 1024;

}  // namespace

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFallback;
  rlimit raised = limit;
  raised.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kEnough));
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  return static_cast<std::size_t>(std::min(limit.rlim_cur, kEnough));
}

std::size_t connections_within(std::size_t file_limit, std::size_t wanted) {
  return std::clamp<std::size_t>(file_limit / 2, 16, std::max<std::size_t>(wanted, 16));
}

}  // namespace stratos::cli
