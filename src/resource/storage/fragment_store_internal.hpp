// What the parts of FragmentStore share.
#pragma once
#include "resource/storage/fragment_store.hpp"

namespace stratos::resource {

struct FragmentStore::Open {
  crypto::TreeHasher hasher;
  std::uint64_t next = 0;  // offset of the next extent
  std::vector<StoredRecord> records;
  std::uint32_t seal_at = 0;
  ZoneId zone;
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  WallTime touched;
  bool busy = false;    // an append() works on it
  bool sealed = false;  // waits for commit()
  Hash root;            // when sealed

  std::uint64_t record_bytes() const {
    std::uint64_t bytes = 0;
    for (const StoredRecord& record : records) bytes += record.record_bytes;
    return bytes;
  }
  StoredFragment stored(const Seal& seal) const {
    StoredFragment fragment;
    fragment.lease_until = seal.lease_until;
    fragment.length = seal.length;
    fragment.root = seal.root;
    fragment.zone = zone;
    fragment.k = k;
    fragment.m = m;
    fragment.records = records;
    fragment.seal_at = seal_at;
    return fragment;
  }
};

struct FragmentStore::Sealed {
  FragmentId id;
  StoredFragment stored;
};

}  // namespace stratos::resource
