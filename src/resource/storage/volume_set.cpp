#include "resource/storage/volume_set.hpp"

#include <algorithm>
#include <optional>

#include "base/assert.hpp"
#include "base/buffer.hpp"
#include "base/log.hpp"

namespace stratos::resource {
namespace {

constexpr std::size_t kMaxOpenVolumes = 512;
// Shorter records share what a sync costs.
constexpr std::uint32_t kDirectFrom = 64 * 1024;
static_assert(kBlockBytes % io::File::kDirectBytes == 0);

std::uint64_t derive_salt(std::uint64_t seed, std::uint32_t number) {
  Bytes message = to_bytes(as_bytes("stratos.storage.salt.v1"));
  put_be(message, seed);
  put_be(message, number);
  return load_le<std::uint64_t>(crypto::blake3(message).value.data());
}

Result<Bytes> read_first_block(const io::File& file) {
  Bytes block(kBlockBytes);
  STRATOS_TRY(const std::size_t got, file.read(0, block));
  block.resize(got);
  return block;
}

// Writes anew what has rotted of the block; an old volume gets its second copy.
Result<VolumeHeader> read_header(io::File& file) {
  STRATOS_TRY(const Bytes block, read_first_block(file));
  STRATOS_TRY(const VolumeHeader header, decode_volume_header(block));
  const Bytes whole = encode_volume_header(header);
  if (block != whole) {
    log::warn("storage.volume_header_renewed", {{"volume", header.number}});
    (void)file.write(0, whole);  // else with the next start
  }
  return header;
}

std::optional<std::uint32_t> number_of_name(const std::string& name) {
  const auto bytes = from_hex(name);
  if (!bytes || bytes->size() != 4) return std::nullopt;
  return get_be<std::uint32_t>(*bytes);
}

}  // namespace

// --- VolumeSet
// -------------------------------------------------------------------------------------

Result<std::unique_ptr<VolumeSet>> VolumeSet::open(io::FileSystem& fs, std::string folder,
                                                   std::uint64_t salt_seed) {
  std::unique_ptr<VolumeSet> set(new VolumeSet(fs, std::move(folder), salt_seed));
  STRATOS_CHECK(set->load());
  return set;
}

Result<void> VolumeSet::load() {
  STRATOS_CHECK(fs_.make_dirs(folder_));
  STRATOS_TRY(const auto names, fs_.list(folder_));
  for (const std::string& name : names) {
    if (const auto number = number_of_name(name)) numbers_.insert(*number);
  }
  if (numbers_.empty()) return {};
  // A header is durable before the first record: a last volume without one holds nothing.
  const std::uint32_t last = *numbers_.rbegin();
  if (const auto volume = get(last); volume || volume.error().code() != Errc::corrupt_file) {
    return {};
  }
  STRATOS_TRY(const auto file, fs_.open(path_of(last), io::OpenMode::read));
  STRATOS_TRY(const std::uint64_t size, file->size());
  if (size > kBlockBytes) return {};  // refused when it is read
  log::warn("storage.headless_volume_removed", {{"path", path_of(last)}});
  return remove(last);
}

Result<std::set<std::uint8_t>> VolumeSet::stored_formats(io::FileSystem& fs,
                                                         const std::string& folder) {
  std::set<std::uint8_t> formats;
  if (!fs.exists(folder)) return formats;
  STRATOS_TRY(const auto names, fs.list(folder));
  for (const std::string& name : names) {
    if (!number_of_name(name)) continue;
    STRATOS_TRY(const auto file, fs.open(folder + "/" + name, io::OpenMode::read));
    STRATOS_TRY(const Bytes block, read_first_block(*file));
    // Begun as the power failed.
    if (std::ranges::all_of(block, [](std::uint8_t byte) { return byte == 0; })) continue;
    STRATOS_TRY(const VolumeHeader header, decode_volume_header(block));
    formats.insert(header.format);
  }
  return formats;
}

std::string VolumeSet::path_of(std::uint32_t number) const {
  Bytes name;
  put_be(name, number);
  return folder_ + "/" + to_hex(name);
}

std::vector<std::uint32_t> VolumeSet::numbers() const {
  const std::lock_guard lock(mutex_);
  return {numbers_.begin(), numbers_.end()};
}

void VolumeSet::remember(std::shared_ptr<Volume> volume) {
  const std::lock_guard lock(mutex_);
  for (auto it = open_.begin(); open_.size() >= kMaxOpenVolumes && it != open_.end();) {
    it = it->second.use_count() == 1 ? open_.erase(it) : std::next(it);
  }
  open_[volume->number] = std::move(volume);
}

Result<std::shared_ptr<Volume>> VolumeSet::get(std::uint32_t number) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = open_.find(number); found != open_.end()) return found->second;
  }
  auto volume = std::make_shared<Volume>();
  STRATOS_TRY(volume->file, fs_.open(path_of(number), io::OpenMode::read_write));
  STRATOS_TRY(const VolumeHeader header, read_header(*volume->file));
  if (header.number != number) return fail(Errc::corrupt_file, "volume under a wrong name");
  volume->number = number;
  volume->salt = header.salt;
  remember(volume);
  return volume;
}

Result<std::shared_ptr<Volume>> VolumeSet::create(std::uint32_t number) {
  auto volume = std::make_shared<Volume>();
  volume->number = number;
  volume->salt = derive_salt(salt_seed_, number);
  STRATOS_TRY(volume->file, fs_.open(path_of(number), io::OpenMode::create_truncated));
  STRATOS_CHECK(volume->file->write(0, encode_volume_header({number, volume->salt})));
  STRATOS_CHECK(volume->file->sync());
  STRATOS_CHECK(fs_.sync_dir(folder_));
  remember(volume);
  const std::lock_guard lock(mutex_);
  numbers_.insert(number);
  return volume;
}

Result<void> VolumeSet::remove(std::uint32_t number) {
  {
    const std::lock_guard lock(mutex_);
    open_.erase(number);
    numbers_.erase(number);
  }
  STRATOS_CHECK(fs_.remove(path_of(number)));
  return fs_.sync_dir(folder_);
}

// --- VolumeLog
// -------------------------------------------------------------------------------------

Result<VolumeLog::Slot> VolumeLog::reserve(std::uint32_t record_bytes, bool pin) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (active_ && end_.position + record_bytes <= volume_bytes_) {
        Slot slot{active_, end_.position, record_bytes};
        end_.position += record_bytes;
        writing_.insert(slot.place());
        if (pin) pinned_.insert(slot.place());
        return slot;
      }
    }
    STRATOS_CHECK(roll(record_bytes));
  }
}

Result<void> VolumeLog::roll(std::uint32_t record_bytes) {
  STRATOS_ASSERT(kBlockBytes + record_bytes <= volume_bytes_, "a volume holds a record");
  const std::lock_guard roll_lock(roll_mutex_);
  Place end;
  bool started = false;
  {
    const std::lock_guard lock(mutex_);
    end = end_;
    started = active_ != nullptr;
    if (started && end.position + record_bytes <= volume_bytes_) return {};
  }
  const bool reuse = !started && end.volume != 0 && end.position + record_bytes <= volume_bytes_;
  STRATOS_TRY(std::shared_ptr<Volume> next,
              reuse ? volumes_.get(end.volume) : volumes_.create(end.volume + 1));
  const std::lock_guard lock(mutex_);
  if (!reuse) end_ = {next->number, kBlockBytes};
  active_ = std::move(next);
  return {};
}

void VolumeLog::unpin(const Place& place) {
  const std::lock_guard lock(mutex_);
  const auto found = pinned_.find(place);
  STRATOS_ASSERT(found != pinned_.end(), "unpin without pin");
  pinned_.erase(found);
}

Result<void> VolumeLog::write(const Slot& slot, RecordHeader header, const Seal* seal,
                              ByteView data) {
  header.position = slot.position;
  header.durable = durable();
  header.data_bytes = static_cast<std::uint32_t>(data.size());
  header.seal_bytes = seal == nullptr ? 0 : seal_size(seal->length);
  header.layout = plan_record(header.data_bytes, header.seal_bytes);
  STRATOS_ASSERT(header.layout.record_bytes == slot.record_bytes, "record of the reserved size");
  const Result<void> written = write_record(slot, header, seal, data);
  // No durable place may vouch for a record that stands there in part.
  const bool settled = written || slot.volume->file->write(slot.position, Bytes(kBlockBytes, 0));
  const std::lock_guard lock(mutex_);
  if (settled) writing_.erase(slot.place());
  dirty_[slot.volume->number] = slot.volume;
  return written;
}

Result<void> VolumeLog::write_record(const Slot& slot, const RecordHeader& header, const Seal* seal,
                                     ByteView data) {
  const std::uint64_t salt = slot.volume->salt;
  const RecordLayout& layout = header.layout;
  Buffer record = Buffer::allocate(layout.record_bytes);
  const MutableByteView bytes = record.mutable_view();
  std::ranges::fill(bytes.first(layout.data_at), std::uint8_t{0});
  std::ranges::copy(data, bytes.begin() + layout.data_at);
  std::ranges::fill(bytes.subspan(layout.data_at + data.size()), std::uint8_t{0});
  encode_record_header(header, salt, bytes);
  if (seal != nullptr) encode_seal(*seal, salt, bytes.subspan(layout.seal_at, header.seal_bytes));
  io::File& file = *slot.volume->file;
  return slot.record_bytes >= kDirectFrom ? file.write_direct(slot.position, bytes)
                                          : file.write(slot.position, bytes);
}

Result<void> VolumeLog::sync() {
  const std::lock_guard sync_lock(sync_mutex_);
  std::map<std::uint32_t, std::shared_ptr<Volume>> dirty;
  Place target;
  {
    const std::lock_guard lock(mutex_);
    dirty.swap(dirty_);
    target = writing_.empty() ? end_ : *writing_.begin();
  }
  for (const auto& [number, volume] : dirty) STRATOS_CHECK(volume->file->sync());
  const std::lock_guard lock(mutex_);
  durable_ = std::max(durable_, target);
  return {};
}

Place VolumeLog::durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}
Place VolumeLog::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}
Place VolumeLog::mark() const {
  const std::lock_guard lock(mutex_);
  return pinned_.empty() ? end_ : std::min(end_, *pinned_.begin());
}

}  // namespace stratos::resource
