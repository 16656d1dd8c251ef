#include "client/object_writer.hpp"

#include <algorithm>

namespace stratos::client {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
// Commits of finished segments travel together up to this many.
constexpr std::size_t kCommitGroup = 4;

// Gathers a body into batches of a fixed size.
class BatchReader {
 public:
  explicit BatchReader(BodySource& body) : body_(body) {}

  // Exactly `size` bytes, or fewer at the end of the body.
  Task<Result<Buffer>> read(std::size_t size) {
    if (ended_ && rest_.empty()) co_return Buffer();
    Buffer batch;
    std::size_t filled = 0;
    while (filled < size) {
      if (rest_.empty()) {
        if (ended_) break;
        STRATOS_CO_TRY(rest_, co_await body_.next(std::min(kReadBytes, size - filled)));
        ended_ = rest_.empty();
        continue;
      }
      // A body that arrives whole needs no copy.
      if (filled == 0 && rest_.size() >= size) {
        batch = rest_.slice(0, size);
        rest_ = rest_.slice(size);
        co_return batch;
      }
      if (batch.empty()) batch = Buffer::allocate(allocation_for(size));
      const std::size_t take = std::min(size - filled, rest_.size());
      std::memcpy(batch.mutable_view().data() + filled, rest_.data(), take);
      rest_ = rest_.slice(take);
      filled += take;
    }
    co_return filled == 0 ? Buffer() : batch.slice(0, filled);
  }

 private:
  std::size_t allocation_for(std::size_t size) const {
    const auto known = body_.size();
    return known && *known < size ? std::max<std::size_t>(*known, 1) : size;
  }

  BodySource& body_;
  Buffer rest_;
  bool ended_ = false;
};

meta::Slice slice_of(const meta::SegmentCommit& segment) {
  meta::Slice slice;
  slice.segment = segment.id;
  slice.length = segment.length;
  return slice;
}

// The state of one store_body call.
class BodyStore {
 public:
  BodyStore(Mesh& mesh, BodySource& body, crypto::SecretKey data_key, StoreOptions options)
      : mesh_(mesh), batches_(body), data_key_(std::move(data_key)), options_(options) {}

  Task<Result<StoredBody>> run(meta::WrappedKey wrapped);

 private:
  Task<Result<void>> store_copies(Buffer whole);
  Task<Result<void>> store_coded(Buffer first);
  Task<Result<void>> finish_segment(Buffer last);
  Task<Result<void>> commit_finished();

  Mesh& mesh_;
  BatchReader batches_;
  crypto::SecretKey data_key_;
  StoreOptions options_;
  StoredBody stored_;
  std::unique_ptr<SegmentWriter> writer_;
  std::uint64_t in_segment_ = 0;
};

Task<Result<StoredBody>> BodyStore::run(meta::WrappedKey wrapped) {
  const std::size_t batch_bytes =
      stripes_per_batch(options_.coded.k) * options_.coded.k * kUnitPlainBytes;
  STRATOS_CO_TRY(Buffer first, co_await batches_.read(batch_bytes));
  const bool whole = first.size() < batch_bytes;
  stored_.size = first.size();
  if (whole && first.size() <= kMaxInlineBytes && (options_.allow_inline || first.empty())) {
    stored_.small = to_bytes(first.view());
    co_return std::move(stored_);
  }
  stored_.slices.keys.push_back(std::move(wrapped));
  if (whole && first.size() <= mesh_.options.replicated_max_bytes) {
    STRATOS_CO_CHECK(co_await store_copies(std::move(first)));
  } else {
    STRATOS_CO_CHECK(co_await store_coded(std::move(first)));
  }
  co_return std::move(stored_);
}

Task<Result<void>> BodyStore::store_copies(Buffer whole) {
  erasure::Shape shape;
  shape.k = 1;
  shape.m = static_cast<std::uint8_t>(options_.copies - 1);
  STRATOS_CO_TRY(writer_, co_await SegmentWriter::start(mesh_, options_.bucket, shape, data_key_));
  co_return co_await finish_segment(std::move(whole));
}

Task<Result<void>> BodyStore::store_coded(Buffer batch) {
  const std::size_t batch_bytes =
      stripes_per_batch(options_.coded.k) * options_.coded.k * kUnitPlainBytes;
  const std::uint64_t segment_bytes =
      std::min(SegmentLayout::max_length(options_.coded.k), mesh_.options.segment_max_bytes);
  while (true) {
    if (!writer_) {
      STRATOS_CO_TRY(writer_, co_await SegmentWriter::start(mesh_, options_.bucket, options_.coded,
                                                            data_key_));
      in_segment_ = 0;
    }
    // The next batch is read first: only then is it known whether this one is the last.
    STRATOS_CO_TRY(Buffer next, co_await batches_.read(batch_bytes));
    in_segment_ += batch.size();
    stored_.size += next.size();
    const bool ends = next.empty() || in_segment_ + next.size() > segment_bytes;
    if (ends) {
      STRATOS_CO_CHECK(co_await finish_segment(std::move(batch)));
    } else {
      STRATOS_CO_CHECK(co_await writer_->write(std::move(batch)));
    }
    if (next.empty()) co_return Result<void>{};
    batch = std::move(next);
  }
}

Task<Result<void>> BodyStore::finish_segment(Buffer last) {
  if (stored_.segments.size() == kCommitGroup) STRATOS_CO_CHECK(co_await commit_finished());
  STRATOS_CO_TRY(meta::SegmentCommit commit, co_await writer_->finish(std::move(last)));
  writer_.reset();
  stored_.slices.slices.push_back(slice_of(commit));
  stored_.segments.push_back(std::move(commit));
  co_return Result<void>{};
}

Task<Result<void>> BodyStore::commit_finished() {
  meta::CommitSegments command;
  command.segments = std::move(stored_.segments);
  stored_.segments.clear();
  STRATOS_CO_TRY([[maybe_unused]] const meta::Nothing done, co_await mesh_.meta.execute(command));
  co_return Result<void>{};
}

}  // namespace

Task<Result<StoredBody>> store_body(Mesh& mesh, BodySource& body, crypto::SecretKey data_key,
                                    meta::WrappedKey wrapped, StoreOptions options) {
  BodyStore store(mesh, body, std::move(data_key), options);
  STRATOS_CO_TRY(StoredBody stored, co_await store.run(std::move(wrapped)));
  STRATOS_CO_TRY(stored.attributes, body.finish());
  co_return stored;
}

}  // namespace stratos::client
