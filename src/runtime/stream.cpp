#include "runtime/runtime.hpp"

namespace stratos {

Task<Result<void>> Stream::write(ByteView head, ByteView body, Duration timeout) {
  STRATOS_CO_CHECK(co_await write(head, timeout));
  co_return co_await write(body, timeout);
}

}  // namespace stratos
