// Recovery: brings index and volumes together after a crash, or builds the index anew.
// Rules: docs/formats/volume.md, Corruption.
#pragma once
#include "resource/storage/fragment_index.hpp"
#include "resource/storage/volume_set.hpp"

namespace stratos::resource {

constexpr std::string_view kMarkNote = "mark";
constexpr std::string_view kDurableNote = "durable";
constexpr std::string_view kCursorNote = "feed_cursor";

Bytes encode_place(const Place& place);
Result<Place> decode_place(ByteView bytes);

struct Recovered {
  Place end;                    // new records go behind it; volume 0 when there is none
  std::uint64_t records = 0;    // read again
  std::uint64_t fragments = 0;  // found sealed and not in the index
  std::uint64_t torn = 0;       // sealed, but not whole on disk
};
Result<Recovered> recover(VolumeSet& volumes, FragmentIndex& index);

}  // namespace stratos::resource
