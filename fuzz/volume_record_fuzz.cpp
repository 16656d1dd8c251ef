#include <algorithm>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "io/faulty_file_system.hpp"
#include "kv/store.hpp"
#include "resource/storage/recovery.hpp"

using namespace stratos;
using namespace stratos::resource;

namespace {

constexpr std::uint64_t kSalt = 77;
constexpr std::size_t kScriptBytes = 16;
constexpr std::size_t kMaxSteps = 64;

void decode_raw(ByteView bytes) {
  (void)decode_volume_header(bytes);
  if (const auto header = decode_record_header(bytes, kSalt, 0)) {
    Bytes again(kRecordHeaderBytes);
    encode_record_header(*header, kSalt, again);
    STRATOS_ASSERT(decode_record_header(again, kSalt, 0).has_value(),
                   "what is read can be written");
  }
  if (const auto seal = decode_seal(bytes, kSalt)) {
    Bytes again(seal_size(seal->length));
    encode_seal(*seal, kSalt, again);
    STRATOS_ASSERT(std::ranges::equal(again, bytes), "a seal has one encoding");
  }
}

// A record as the step says, with a right checksum, however little it fits what stands around it.
Bytes record_of(ByteView step, std::uint64_t position) {
  RecordHeader header;
  header.fragment.index = step[1] % 4;
  header.offset = step[2] % 4 * 1000U;
  header.data_bytes = step[3] % 4 * 1000U;
  const std::uint64_t sealed = header.offset + step[4] % 3 * 1000U;
  header.seal_bytes = step[5] % 2 == 0 ? 0 : seal_size(sealed);
  header.layout = plan_record(header.data_bytes, header.seal_bytes);
  header.position = step[6] == 0xff ? position + kBlockBytes : position;
  header.durable = {step[7] % 3U, step[8] * std::uint64_t{kBlockBytes}};
  Bytes record(header.layout.record_bytes, 0);
  encode_record_header(header, kSalt, record);
  if (header.seal_bytes != 0) {
    Seal seal;
    seal.length = sealed;
    seal.root = crypto::blake3(Bytes(sealed, 0));
    seal.root.value[0] ^= step[9] % 2;
    encode_seal(seal, kSalt,
                MutableByteView(record).subspan(header.layout.seal_at, header.seal_bytes));
  }
  record[step[10] * 8U % record.size()] ^= step[11] % 4;
  return record;
}

// Recovery of whatever stands in a volume ends, and what it lets into the index is in order.
void recover_from(ByteView script) {
  io::FaultyFileSystem fs;
  STRATOS_ASSERT(fs.make_dirs("/v").has_value(), "folder");
  Bytes volume = encode_volume_header({1, kSalt});
  for (std::size_t i = 0; i < kMaxSteps && script.size() >= kScriptBytes; ++i) {
    const ByteView step = script.first(kScriptBytes);
    script = script.subspan(kScriptBytes);
    append(volume, step[0] % 4 == 0 ? to_bytes(step) : record_of(step, volume.size()));
    volume.resize(round_up(volume.size(), kBlockBytes));
  }
  {
    const auto file = fs.open("/v/00000001", io::OpenMode::create_or_open);
    STRATOS_ASSERT(file && (*file)->write(0, volume), "volume");
  }
  auto volumes = VolumeSet::open(fs, "/v", 1);
  auto index = FragmentIndex::open(kv::make_memory_store());
  STRATOS_ASSERT(volumes && index, "open");
  const auto recovered = recover(**volumes, **index);
  STRATOS_ASSERT(recovered.has_value(), "any content is recovered from");
  const auto items = (*index)->list(std::nullopt, kMaxSteps);
  STRATOS_ASSERT(items.has_value(), "list");
  for (const auto& item : *items) {
    std::uint64_t next = 0;
    for (const StoredRecord& record : item.fragment.records) {
      STRATOS_ASSERT(record.offset == next, "extents without gaps");
      next += record.data_bytes;
    }
    STRATOS_ASSERT(next == item.fragment.length, "extents of the sealed length");
  }
}

}  // namespace

// The first byte chooses: bytes as a disk returns them, or a script of records for a recovery.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    decode_raw(rest);
  } else {
    recover_from(rest);
  }
  return 0;
}
