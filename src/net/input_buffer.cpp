#include "net/input_buffer.hpp"

namespace stratos::net {

void InputBuffer::consume(std::size_t count) {
  STRATOS_ASSERT(count <= end_ - begin_, "consumed more than is pending");
  begin_ += count;
  if (begin_ == end_) begin_ = end_ = 0;
}

void InputBuffer::make_room(std::size_t limit) {
  if (end_ < capacity_) return;
  const std::size_t size = end_ - begin_;
  if (begin_ > 0 && size * 2 <= capacity_) {
    std::memmove(memory_.get(), memory_.get() + begin_, size);
  } else {
    const std::size_t wanted = std::max(initial_bytes_, std::min(limit, capacity_ * 4));
    const std::size_t capacity = std::max(wanted, size + 1);
    auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (size != 0) std::memcpy(memory.get(), memory_.get() + begin_, size);
    memory_ = std::move(memory);
    capacity_ = capacity;
  }
  begin_ = 0;
  end_ = size;
}

Task<Result<std::size_t>> InputBuffer::fill(std::size_t limit, Duration timeout) {
  const std::size_t size = end_ - begin_;
  if (size >= limit) co_return fail(Errc::too_large, "input over its limit");
  make_room(limit);
  const std::size_t room = std::min(capacity_ - end_, limit - size);
  const MutableByteView space(memory_.get() + end_, room);
  STRATOS_CO_TRY(const std::size_t got, co_await stream_.read_some(space, timeout));
  end_ += got;
  count(got);
  co_return got;
}

Task<Result<void>> InputBuffer::fill_to(std::size_t count, Duration timeout) {
  while (end_ - begin_ < count) {
    // Whatever else is there comes along: the next frames are read in the same call.
    const std::size_t limit = std::max(count, initial_bytes_);
    STRATOS_CO_TRY(const std::size_t added, co_await fill(limit, timeout));
    if (added == 0) co_return fail(Errc::connection_lost, "stream ended");
  }
  co_return Result<void>{};
}

std::size_t InputBuffer::take(MutableByteView out) {
  const std::size_t count = std::min(out.size(), end_ - begin_);
  if (count != 0) std::memcpy(out.data(), memory_.get() + begin_, count);
  consume(count);
  return count;
}

Task<Result<std::size_t>> InputBuffer::read_some(MutableByteView out, Duration timeout) {
  if (begin_ != end_) co_return take(out);
  STRATOS_CO_TRY(const std::size_t got, co_await stream_.read_some(out, timeout));
  count(got);
  co_return got;
}

Task<Result<void>> InputBuffer::read_exactly(MutableByteView out, Duration timeout) {
  out = out.subspan(take(out));
  while (!out.empty()) {
    STRATOS_CO_TRY(const std::size_t got, co_await stream_.read_some(out, timeout));
    if (got == 0) co_return fail(Errc::connection_lost, "stream ended");
    count(got);
    out = out.subspan(got);
  }
  co_return Result<void>{};
}

void InputBuffer::shrink() {
  if (begin_ != end_ || capacity_ <= initial_bytes_) return;
  memory_.reset();
  capacity_ = 0;
}

}  // namespace stratos::net
