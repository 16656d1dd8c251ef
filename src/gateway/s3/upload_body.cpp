#include "gateway/s3/upload_body.hpp"

#include <algorithm>

#include "client/customer_key.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::size_t kMinChunkBytes = 256 * 1024;
constexpr std::size_t kMaxChunkBytes = 1024 * 1024;

Result<Buffer> with_timeout_named(Result<Buffer> part) {
  if (!part && part.error().code() == Errc::deadline_exceeded) {
    return fail(Errc::request_timeout, {}, std::move(part).error());
  }
  return part;
}

}  // namespace

// Between the task that reads, the task that digests and the consumer. All on one executor.
class UploadBody::Pipeline {
 public:
  Pipeline(BodyDigester& digester, http::BodyReader& reader, std::shared_ptr<BodyDigests> digests,
           std::size_t chunk_bytes)
      : digester_(digester),
        reader_(reader),
        digests_(std::move(digests)),
        chunk_bytes_(chunk_bytes),
        changed_(digester.runtime()),
        tasks_(digester.runtime(), "s3_upload") {
    tasks_.spawn(read_all());
    tasks_.spawn(digest_all());
  }

  Task<Result<Buffer>> next(std::size_t max_bytes);
  Task<void> stop();

 private:
  Task<void> read_all();
  Task<void> digest_all();
  void take(Buffer part);

  BodyDigester& digester_;
  http::BodyReader& reader_;
  std::shared_ptr<BodyDigests> digests_;
  std::size_t chunk_bytes_;
  WaitQueue changed_;
  std::deque<Buffer> ready_;
  std::size_t ready_bytes_ = 0;
  std::vector<Buffer> undigested_;
  std::size_t undigested_bytes_ = 0;
  std::size_t digesting_bytes_ = 0;
  bool ended_ = false;
  bool digested_ = false;
  std::optional<Error> error_;
  TaskGroup tasks_;
};

void UploadBody::Pipeline::take(Buffer part) {
  ready_bytes_ += part.size();
  undigested_bytes_ += part.size();
  undigested_.push_back(part);
  ready_.push_back(std::move(part));
}

Task<void> UploadBody::Pipeline::read_all() {
  while (!ended_ && !error_) {
    const bool full =
        ready_bytes_ >= chunk_bytes_ || undigested_bytes_ + digesting_bytes_ >= 2 * chunk_bytes_;
    if (full) {
      if (!co_await changed_.wait(std::nullopt)) co_return;
      continue;
    }
    Result<Buffer> part = with_timeout_named(co_await reader_.read(chunk_bytes_));
    if (!part) {
      error_ = std::move(part).error();
    } else if (part->empty()) {
      ended_ = true;
    } else {
      take(std::move(*part));
    }
    changed_.wake_all();
  }
}

Task<void> UploadBody::Pipeline::digest_all() {
  while (!error_) {
    const bool enough = undigested_bytes_ >= kMinChunkBytes || (ended_ && undigested_bytes_ != 0);
    if (!enough && ended_) break;
    if (!enough) {
      if (!co_await changed_.wait(std::nullopt)) co_return;
      continue;
    }
    digesting_bytes_ = std::exchange(undigested_bytes_, 0);
    std::vector<Buffer> parts = std::exchange(undigested_, {});
    if (Result<void> done = co_await digester_.update(digests_, std::move(parts)); !done) {
      error_ = std::move(done).error();
    }
    digesting_bytes_ = 0;
    changed_.wake_all();
  }
  digested_ = true;
  changed_.wake_all();
}

Task<Result<Buffer>> UploadBody::Pipeline::next(std::size_t max_bytes) {
  while (ready_.empty() && !error_ && !digested_) {
    STRATOS_CO_CHECK(co_await changed_.wait(std::nullopt));
  }
  if (error_) co_return fail(*error_);
  if (ready_.empty()) co_return Buffer();
  Buffer& front = ready_.front();
  Buffer part = front.slice(0, std::min(max_bytes, front.size()));
  front = front.slice(part.size());
  if (front.empty()) ready_.pop_front();
  ready_bytes_ -= part.size();
  changed_.wake_all();
  co_return part;
}

Task<void> UploadBody::Pipeline::stop() {
  changed_.close();
  tasks_.cancel();
  co_await tasks_.join();
}

UploadBody::UploadBody(BodyDigester& digester, http::BodyReader& reader,
                       std::optional<std::uint64_t> size_bytes, BodyDigests digests,
                       client::Attributes attributes)
    : digester_(digester),
      reader_(reader),
      size_bytes_(size_bytes),
      digests_(std::make_shared<BodyDigests>(std::move(digests))),
      attributes_(std::move(attributes)) {}

UploadBody::~UploadBody() = default;

Task<Result<Buffer>> UploadBody::next(std::size_t max_bytes) {
  if (size_bytes_ && *size_bytes_ <= kInlineBodyBytes) co_return co_await next_inline(max_bytes);
  if (!pipeline_) {
    const std::size_t chunk_bytes = std::clamp(max_bytes, kMinChunkBytes, kMaxChunkBytes);
    pipeline_ = std::make_unique<Pipeline>(digester_, reader_, digests_, chunk_bytes);
  }
  Result<Buffer> part = co_await pipeline_->next(max_bytes);
  if (part) received_ += part->size();
  co_return part;
}

Task<Result<Buffer>> UploadBody::next_inline(std::size_t max_bytes) {
  Result<Buffer> part = with_timeout_named(co_await reader_.read(max_bytes));
  if (part) {
    received_ += part->size();
    digests_->update(part->view());
  }
  co_return part;
}

Result<client::Attributes> UploadBody::finish() {
  if (size_bytes_ && received_ != *size_bytes_) return fail(Errc::incomplete_body);
  STRATOS_TRY(const BodyDigests::Outcome outcome, digests_->finish(reader_.trailers()));
  attributes_.etag.md5 = outcome.md5;
  attributes_.etag.parts = 0;
  attributes_.checksums.clear();
  if (outcome.checksum) {
    client::Checksum checksum;
    checksum.algorithm = info_of(outcome.checksum->algorithm).name;
    checksum.value = outcome.checksum->value;
    attributes_.checksums.push_back(std::move(checksum));
  }
  return std::move(attributes_);
}

void UploadBody::seal_with(const CustomerKey& key) {
  key_ = key.key;
  attributes_.key_check = client::make_key_check(key.key, digester_.runtime().random());
}

Task<void> UploadBody::stop() {
  if (pipeline_) co_await pipeline_->stop();
}

Task<Result<Buffer>> ObjectBody::read(std::size_t max_bytes) {
  if (rest_.empty()) {
    STRATOS_CO_TRY(rest_, co_await reader_.next());
  }
  Buffer part = rest_.slice(0, std::min(max_bytes, rest_.size()));
  rest_ = rest_.slice(part.size());
  co_return part;
}

}  // namespace stratos::gateway::s3
