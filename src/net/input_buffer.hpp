// InputBuffer: bytes of a stream that arrived before somebody wanted them.
#pragma once
#include <memory>

#include "base/metrics.hpp"
#include "runtime/runtime.hpp"

namespace stratos::net {

// Refers to a stream, and to a counter of the bytes that come out of it, which outlive it. Holds
// `initial_bytes` while idle and grows on demand.
class InputBuffer {
 public:
  InputBuffer(Stream& stream, std::size_t initial_bytes, metrics::Counter* received = nullptr)
      : stream_(stream), initial_bytes_(initial_bytes), received_(received) {}

  // Valid until the next call of anything but pending() and consume().
  ByteView pending() const { return {memory_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t count);

  // Reads more behind what is pending; 0 at the end of the stream. Errc::too_large when `limit`
  // bytes are pending already.
  Task<Result<std::size_t>> fill(std::size_t limit, Duration timeout);
  // Fills until `count` bytes are pending; Errc::connection_lost when the stream ends before.
  Task<Result<void>> fill_to(std::size_t count, Duration timeout);
  // Pending bytes first, then straight from the stream into `out`; 0 at the end.
  Task<Result<std::size_t>> read_some(MutableByteView out, Duration timeout);
  // All of `out`; Errc::connection_lost when the stream ends before. `timeout` is between bytes.
  Task<Result<void>> read_exactly(MutableByteView out, Duration timeout);
  // Gives grown memory back if nothing is pending.
  void shrink();

 private:
  void make_room(std::size_t limit);
  std::size_t take(MutableByteView out);
  void count(std::size_t bytes) {
    if (received_ != nullptr) received_->add(bytes);
  }

  Stream& stream_;
  std::size_t initial_bytes_;
  metrics::Counter* received_;
  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace stratos::net
