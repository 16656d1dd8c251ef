#include "base/buffer.hpp"

#include <cstdlib>
#include <new>

namespace stratos {

Buffer Buffer::allocate(std::size_t size_bytes) {
  Buffer buffer;
  if (size_bytes == 0) return buffer;
  const std::size_t rounded = (size_bytes + kAlignment - 1) / kAlignment * kAlignment;
  // Small buffers never go to a disk by themselves, so they need no page of their own.
  void* memory =
      size_bytes < kAlignment ? std::malloc(size_bytes) : std::aligned_alloc(kAlignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  buffer.owner_ = std::shared_ptr<void>(memory, &std::free);
  buffer.data_ = static_cast<const std::uint8_t*>(memory);
  buffer.size_ = size_bytes;
  return buffer;
}

Buffer Buffer::zeroed(std::size_t size_bytes) {
  Buffer buffer = allocate(size_bytes);
  if (size_bytes != 0) std::memset(buffer.mutable_view().data(), 0, size_bytes);
  return buffer;
}

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.mutable_view().data(), bytes.data(), bytes.size());
  return buffer;
}

Buffer Buffer::from(Bytes bytes) {
  auto owner = std::make_shared<Bytes>(std::move(bytes));
  Buffer buffer;
  buffer.data_ = owner->data();
  buffer.size_ = owner->size();
  buffer.owner_ = std::move(owner);
  return buffer;
}

}  // namespace stratos
