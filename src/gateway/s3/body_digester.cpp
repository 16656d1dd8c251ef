#include "gateway/s3/body_digester.hpp"

#include <algorithm>
#include <deque>

#include "runtime/spawn.hpp"

namespace stratos::gateway::s3 {
namespace {

// Of each body; then those that have come meanwhile join in, sooner when one is hashed alone.
constexpr std::size_t kTurnBytes = 256 * 1024;
constexpr std::size_t kLoneTurnBytes = 64 * 1024;
constexpr Duration kTimeout = 60s;

}  // namespace

// On the executor of `hashing`.
class BodyDigester::Lanes : public std::enable_shared_from_this<Lanes> {
 public:
  explicit Lanes(Runtime& hashing) : hashing_(hashing), changed_(hashing) {}

  // Owns what it uses: its caller may leave early.
  static Task<Result<void>> digest(std::shared_ptr<Lanes> lanes,
                                   std::shared_ptr<BodyDigests> digests, std::vector<Buffer> parts);

 private:
  struct Job {
    BodyDigests& digests;
    std::vector<Buffer> parts;
    std::size_t next = 0;  // part
    std::size_t done = 0;  // bytes of it

    bool is_done() const { return next == parts.size(); }
    ByteView rest() const { return parts[next].view().subspan(done); }
    void advance(std::size_t bytes) {
      done += bytes;
      while (!is_done() && done == parts[next].size()) {
        ++next;
        done = 0;
      }
    }
  };
  void take_turns();
  static void hash(std::span<Job* const> jobs);

  Runtime& hashing_;
  std::deque<Job*> jobs_;  // in the frames of digest()
  bool is_turning_ = false;
  WaitQueue changed_;
};

// Together as far as the shortest part goes, again and again.
void BodyDigester::Lanes::hash(std::span<Job* const> jobs) {
  const std::size_t turn_bytes = jobs.size() == 1 ? kLoneTurnBytes : kTurnBytes;
  std::vector<Job*> busy(jobs.begin(), jobs.end());
  for (std::size_t turn = 0; turn < turn_bytes && !busy.empty();) {
    std::size_t length = turn_bytes - turn;
    for (const Job* job : busy) length = std::min(length, job->rest().size());
    std::vector<crypto::Md5Update> updates;
    for (Job* job : busy) updates.push_back({job->digests.md5(), job->rest().first(length)});
    crypto::update_together(updates);
    for (Job* job : busy) {
      job->digests.update_checksums(job->rest().first(length));
      job->advance(length);
    }
    std::erase_if(busy, [](const Job* job) { return job->is_done(); });
    turn += length;
  }
}

void BodyDigester::Lanes::take_turns() {
  const std::size_t count = std::min(jobs_.size(), crypto::kMd5Lanes);
  const std::vector<Job*> turn(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(count));
  jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(count));
  hash(turn);
  std::ranges::copy_if(turn, std::back_inserter(jobs_), [](Job* job) { return !job->is_done(); });
  changed_.wake_all();
  is_turning_ = !jobs_.empty();
  if (!is_turning_) return;
  post_to(hashing_.executor(), [self = shared_from_this()] { self->take_turns(); });
}

Task<Result<void>> BodyDigester::Lanes::digest(std::shared_ptr<Lanes> lanes,
                                               std::shared_ptr<BodyDigests> digests,
                                               std::vector<Buffer> parts) {
  Job job{*digests, std::move(parts)};
  job.advance(0);
  if (job.is_done()) co_return Result<void>{};
  lanes->jobs_.push_back(&job);
  if (!std::exchange(lanes->is_turning_, true)) {
    // Behind the calls that already wait in the executor's queue, so that they take part.
    post_to(lanes->hashing_.executor(), [lanes] { lanes->take_turns(); });
  }
  while (!job.is_done()) co_await lanes->changed_.wait_ignoring_cancellation();
  co_return Result<void>{};
}

BodyDigester::BodyDigester(Runtime& runtime, Runtime& hashing)
    : runtime_(runtime), hashing_(hashing), lanes_(std::make_shared<Lanes>(hashing)) {}

BodyDigester::~BodyDigester() = default;

Task<Result<void>> BodyDigester::update(std::shared_ptr<BodyDigests> digests,
                                        std::vector<Buffer> parts) {
  auto task = Lanes::digest(lanes_, std::move(digests), std::move(parts));
  co_return co_await run_on(runtime_, hashing_, std::move(task), kTimeout);
}

}  // namespace stratos::gateway::s3
