#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace stratos::detail {

void assertion_failed(const char* expression, const char* file, int line, const char* why) {
  std::fprintf(stderr,
               "{\"level\":\"fatal\",\"event\":\"assertion_failed\",\"expression\":\"%s\",\"at\":"
               "\"%s:%d\",\"why\":\"%s\"}\n",
               expression, file, line, why);
  std::abort();
}

}  // namespace stratos::detail
