#include "kv/store.hpp"

namespace stratos::kv {

void Batch::put(ByteView key, ByteView value) {
  changes_.push_back({to_bytes(key), to_bytes(value)});
  size_bytes_ += key.size() + value.size();
}

void Batch::remove(ByteView key) {
  changes_.push_back({to_bytes(key), std::nullopt});
  size_bytes_ += key.size();
}

void Batch::clear() {
  changes_.clear();
  size_bytes_ = 0;
}

Bytes prefix_end(ByteView prefix) {
  Bytes end = to_bytes(prefix);
  while (!end.empty() && end.back() == 0xff) end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

}  // namespace stratos::kv
