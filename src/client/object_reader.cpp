#include "client/object_reader.hpp"

#include <algorithm>

#include "client/customer_key.hpp"
#include "client/sealing.hpp"
#include "client/segment_reader.hpp"
#include "runtime/sync.hpp"

namespace stratos::client {
namespace {

// A batch that is being fetched ahead. Shared with its task, which may outlive the reader.
struct Ahead {
  explicit Ahead(Runtime& runtime) : done(runtime) {}
  std::optional<Result<Buffer>> outcome;
  std::shared_ptr<SegmentReader> reader;
  WaitQueue done;
};

Task<void> fetch_ahead(std::shared_ptr<Ahead> ahead, std::uint64_t offset, std::uint64_t length) {
  ahead->outcome = co_await ahead->reader->read(offset, length);
  ahead->done.wake_all();
}

class Reader final : public ObjectReader {
 public:
  Reader(Mesh& mesh, ObjectInfo info, meta::GetObject::Reply object)
      : mesh_(mesh), info_(std::move(info)), object_(std::move(object)), length_(info_.size) {}

  const ObjectInfo& info() const override { return info_; }
  std::uint64_t offset() const override { return offset_; }
  std::uint64_t length() const override { return length_; }
  Result<void> select(ByteRange range) override;
  void unlock(const crypto::SecretKey& customer_key) override { customer_key_ = customer_key; }
  Task<Result<Buffer>> next() override;

 private:
  Task<Result<void>> open_page(std::uint32_t page);
  Task<Result<void>> seek_page();
  Task<Result<void>> open_segment(const meta::Slice& slice);
  Task<Result<meta::SegmentRecord>> segment_record(SegmentId id);
  Task<Result<Buffer>> next_inline();
  Task<Result<bool>> start_ahead();
  Result<crypto::SecretKey> data_key(const meta::WrappedKey& wrapped) const;

  Mesh& mesh_;
  ObjectInfo info_;
  meta::GetObject::Reply object_;
  std::optional<crypto::SecretKey> customer_key_;
  std::uint64_t offset_ = 0;
  std::uint64_t length_;

  std::uint64_t asked_ = 0;  // bytes fetched or under way
  std::uint32_t page_number_ = 0;
  meta::SlicePage page_;
  bool page_open_ = false;
  std::uint64_t page_begin_ = 0;  // object offset of the page's first byte
  std::size_t slice_ = 0;
  std::uint64_t slice_begin_ = 0;  // object offset of the slice's first byte
  SegmentId segment_id_;
  std::shared_ptr<SegmentReader> segment_;
  std::shared_ptr<Ahead> ahead_;
};

Result<void> Reader::select(ByteRange range) {
  const std::uint64_t size = info_.size;
  const auto refuse = [size] {
    return fail(Errc::range_not_satisfiable, "object of " + std::to_string(size) + " bytes");
  };
  std::uint64_t first = 0;
  std::uint64_t last = size == 0 ? 0 : size - 1;
  if (range.first) {
    first = *range.first;
    if (range.last) last = std::min(last, *range.last);
  } else {
    const std::uint64_t suffix = range.last.value_or(0);
    if (suffix == 0) return refuse();
    first = suffix >= size ? 0 : size - suffix;
  }
  if (first >= size || last < first) return refuse();
  offset_ = first;
  length_ = last - first + 1;
  return {};
}

Task<Result<Buffer>> Reader::next() {
  if (asked_ == length_ && !ahead_) co_return Buffer();
  if (object_.version.is_inline) co_return co_await next_inline();
  if (!ahead_) STRATOS_CO_CHECK(co_await start_ahead());
  const std::shared_ptr<Ahead> ready = std::move(ahead_);
  ahead_.reset();
  if (!ready->outcome) STRATOS_CO_CHECK(co_await ready->done.wait(60s));
  if (!*ready->outcome) co_return std::move(*ready->outcome);
  Buffer data = std::move(**ready->outcome);
  asked_ += data.size();
  // The next batch is fetched while this one is sent.
  if (asked_ < length_) STRATOS_CO_CHECK(co_await start_ahead());
  co_return data;
}

Result<crypto::SecretKey> Reader::data_key(const meta::WrappedKey& wrapped) const {
  STRATOS_TRY(const crypto::SecretKey key, mesh_.ring.unwrap(wrapped));
  if (info_.attributes.key_check.empty()) return key;
  if (!customer_key_) return fail(Errc::bad_key, "stored under a client's key");
  return customer_data_key(key, *customer_key_);
}

Task<Result<Buffer>> Reader::next_inline() {
  asked_ = length_;
  if (!object_.inline_body) co_return fail(Errc::object_unreadable, "inline body is missing");
  STRATOS_CO_TRY(const crypto::SecretKey key, data_key(object_.version.key));
  STRATOS_CO_TRY(Bytes plain, open_inline_body(key, object_.version.context, *object_.inline_body));
  if (plain.size() != info_.size) co_return fail(Errc::unit_corrupt, "inline body's length");
  const Buffer whole = Buffer::from(std::move(plain));
  co_return whole.slice(offset_, length_);
}

// Finds the slice under the next byte and begins to fetch from it.
Task<Result<bool>> Reader::start_ahead() {
  const std::uint64_t at = offset_ + asked_;
  STRATOS_CO_CHECK(co_await seek_page());
  while (at >= slice_begin_ + page_.slices[slice_].length) {
    slice_begin_ += page_.slices[slice_].length;
    if (++slice_ == page_.slices.size()) STRATOS_CO_CHECK(co_await open_page(page_number_ + 1));
  }
  const meta::Slice& slice = page_.slices[slice_];
  if (!segment_ || segment_id_ != slice.segment) STRATOS_CO_CHECK(co_await open_segment(slice));
  const std::uint64_t in_slice = at - slice_begin_;
  const std::uint64_t length = std::min(slice.length - in_slice, length_ - asked_);
  ahead_ = std::make_shared<Ahead>(mesh_.runtime);
  ahead_->reader = segment_;
  mesh_.background.spawn(fetch_ahead(ahead_, slice.offset + in_slice, length));
  co_return true;
}

Task<Result<void>> Reader::seek_page() {
  if (!page_open_) STRATOS_CO_CHECK(co_await open_page(0));
  co_return Result<void>{};
}

Task<Result<void>> Reader::open_page(std::uint32_t page) {
  const meta::VersionRecord& version = object_.version;
  if (page >= version.pages || page >= version.page_macs.size()) {
    co_return fail(Errc::object_unreadable, "slices end before the object does");
  }
  const std::uint64_t begin = page_open_ ? page_begin_ + length_of(page_) : 0;
  if (version.page) {
    page_ = *version.page;
  } else {
    meta::GetSlicePage query;
    query.bucket = object_.bucket;
    query.version = version.id;
    query.page = page;
    STRATOS_CO_TRY(page_, co_await mesh_.meta.query(query));
  }
  STRATOS_CO_TRY(const crypto::SecretKey key, mesh_.ring.unwrap(version.key));
  PageName name;
  name.context = version.context;
  name.page = page;
  name.pages = version.pages;
  name.size = version.size;
  STRATOS_CO_CHECK(check_page_mac(key, name, page_, version.page_macs[page]));
  if (page_.slices.empty()) co_return fail(Errc::object_unreadable, "empty page of slices");
  page_open_ = true;
  page_number_ = page;
  page_begin_ = begin;
  slice_ = 0;
  slice_begin_ = begin;
  co_return Result<void>{};
}

Task<Result<meta::SegmentRecord>> Reader::segment_record(SegmentId id) {
  for (const meta::SegmentRecord& known : object_.segments) {
    if (known.id == id) co_return known;
  }
  meta::GetSegments query;
  query.ids.push_back(id);
  STRATOS_CO_TRY(meta::GetSegments::Reply reply, co_await mesh_.meta.query(query));
  if (reply.segments.empty()) co_return fail(Errc::object_changed, "segment " + id.hex());
  co_return std::move(reply.segments[0]);
}

Task<Result<void>> Reader::open_segment(const meta::Slice& slice) {
  const SegmentId id = slice.segment;
  if (slice.key >= page_.keys.size()) co_return fail(Errc::object_unreadable, "slice's key");
  const meta::WrappedKey wrapped = page_.keys[slice.key];
  STRATOS_CO_TRY(meta::SegmentRecord record, co_await segment_record(id));
  STRATOS_CO_TRY(const crypto::SecretKey key, data_key(wrapped));
  STRATOS_CO_TRY(segment_, SegmentReader::make(mesh_, object_.bucket, std::move(record), key));
  segment_id_ = id;
  co_return Result<void>{};
}

}  // namespace

Result<std::unique_ptr<ObjectReader>> make_object_reader(Mesh& mesh, ObjectInfo info,
                                                         meta::GetObject::Reply object) {
  return std::make_unique<Reader>(mesh, std::move(info), std::move(object));
}

}  // namespace stratos::client
