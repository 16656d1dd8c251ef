// Buffer: a run of bytes with shared ownership, passed between roles without copying.
#pragma once
#include <cstddef>
#include <memory>

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace stratos {

// Copying a Buffer shares the memory; slices keep the whole allocation alive. Whoever allocates may
// write through mutable_view() until the first copy is handed out, never after.
// The memory starts at a multiple of kAlignment, so that it can be written with O_DIRECT.
class Buffer {
 public:
  static constexpr std::size_t kAlignment = 4096;

  Buffer() = default;
  // Uninitialised bytes.
  static Buffer allocate(std::size_t size_bytes);
  static Buffer zeroed(std::size_t size_bytes);
  static Buffer copy_of(ByteView bytes);
  // Takes a vector over without copying.
  static Buffer from(Bytes bytes);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::uint8_t* data() const { return data_; }
  ByteView view() const { return {data_, size_}; }
  MutableByteView mutable_view() { return {const_cast<std::uint8_t*>(data_), size_}; }

  // The bytes [offset, offset + length); both ends must lie inside.
  Buffer slice(std::size_t offset, std::size_t length) const {
    STRATOS_ASSERT(offset <= size_ && length <= size_ - offset, "slice outside of its buffer");
    Buffer part = *this;
    part.data_ += offset;
    part.size_ = length;
    return part;
  }
  Buffer slice(std::size_t offset) const { return slice(offset, size_ - offset); }

 private:
  std::shared_ptr<const void> owner_;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace stratos
