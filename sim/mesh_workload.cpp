#include "sim/mesh_workload.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/log.hpp"

namespace stratos::sim {
namespace {

constexpr std::size_t kMaxFailures = 20;
constexpr Duration kLongestOperation = 5min;
constexpr std::uint64_t kPartBytes = 5 << 20;  // the smallest that may be followed by another
constexpr std::string_view kWriteName = "write";
constexpr int kReadRaces = 5;

// A body that arrives in pieces of odd sizes.
class DrawnBody final : public client::BodySource {
 public:
  DrawnBody(Bytes data, client::Attributes attributes, std::uint64_t seed, bool tells_size)
      : data_(Buffer::from(std::move(data))),
        size_(data_.size()),
        attributes_(std::move(attributes)),
        random_(seed),
        tells_size_(tells_size) {}
  Task<Result<Buffer>> next(std::size_t max_bytes) override {
    std::size_t take = std::min(max_bytes, data_.size());
    if (take > 1 && random_.below(4) == 0) take = 1 + random_.below(take);
    Buffer part = data_.slice(0, take);
    data_ = data_.slice(take);
    co_return part;
  }
  std::optional<std::uint64_t> size() const override {
    return tells_size_ ? std::optional(size_) : std::nullopt;
  }
  Result<client::Attributes> finish() override { return attributes_; }

 private:
  Buffer data_;
  std::uint64_t size_;
  client::Attributes attributes_;
  SeededRandom random_;
  bool tells_size_;
};

client::ETag etag_of(std::uint64_t id) {
  client::ETag etag;
  SeededRandom(id).fill(etag.md5);
  return etag;
}

client::Attributes attributes_of(std::uint64_t id) {
  client::Attributes attributes;
  attributes.etag = etag_of(id);
  attributes.headers["content-type"] = "application/x-simulated";
  attributes.metadata[std::string(kWriteName)] = std::to_string(id);
  return attributes;
}

std::optional<std::uint64_t> write_of(const client::ObjectInfo& info) {
  const auto found = info.attributes.metadata.find(std::string(kWriteName));
  if (found == info.attributes.metadata.end()) return std::nullopt;
  return std::strtoull(found->second.c_str(), nullptr, 10);
}

// No effect can come of it any more.
bool is_refusal(const Error& error) {
  switch (error.code()) {
    case Errc::below_quorum:
    case Errc::too_few_domains:
    case Errc::object_unreadable:
      return true;
    default:
      return error.kind() == ErrorKind::conflict || error.kind() == ErrorKind::not_found ||
             error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::integrity;
  }
}

// Whether an operation may end with this where machines fail.
bool is_expected(const Error& error) {
  switch (error.code()) {
    case Errc::no_such_object:
    case Errc::no_such_upload:
    case Errc::no_such_part:
    case Errc::precondition_failed:
    case Errc::lease_expired:
    case Errc::object_changed:
    case Errc::limit_refused:
      return true;
    default:
      return error.kind() == ErrorKind::unavailable || error.kind() == ErrorKind::exhausted;
  }
}

// One operation of one worker. A crash of the client ends it too.
class Scope {
 public:
  Scope(Run& run, std::string name) : run_(run), id_(run.next_operation++) {
    run.count("operations");
    run.operations[id_] = {std::move(name), run.now()};
  }
  ~Scope() {
    run_.model.forget_answers(writes_);
    const Run::Operation& operation = run_.operations[id_];
    const Duration took = run_.now() - operation.begun;
    if (took > kLongestOperation) run_.fail(operation.name + " took too long");
    run_.operations.erase(id_);
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  MonotonicTime begun() { return run_.operations[id_].begun; }
  void wrong(const std::string& what) { run_.fail(run_.operations[id_].name + ": " + what); }
  // An operation ended with an error.
  void failed(const Error& error) {
    run_.count("failed");
    run_.count("failed." + std::string(name_of(error.code())));
    if (!is_expected(error) || run_.scenario.strict) wrong(error.to_string());
  }
  void begin_put(std::uint64_t id, const std::string& key, Body body, client::ETag etag) {
    writes_.push_back(id);
    run_.model.begin_put(id, key, std::move(body), etag, run_.now());
  }
  void begin_remove(std::uint64_t id, const std::string& key) {
    writes_.push_back(id);
    run_.model.begin_remove(id, key, run_.now());
  }
  void end(std::uint64_t id, const Error* error, VersionId version) {
    Answer answer = Answer::acknowledged;
    if (error != nullptr) answer = is_refusal(*error) ? Answer::refused : Answer::unknown;
    run_.model.end(id, answer, version, run_.now());
    run_.count(error == nullptr ? "acknowledged" : "unacknowledged");
    if (error != nullptr) failed(*error);
  }

 private:
  Run& run_;
  std::uint64_t id_;
  std::vector<std::uint64_t> writes_;
};

class Worker {
 public:
  Worker(Run& run, ClientProcess& client) : run_(run), client_(client) {
    who_.account = run.mesh.account();
  }
  Task<void> work();
  Task<void> check_all();

 private:
  Random& random() { return client_.runtime.random(); }
  client::ObjectClient& objects() { return *client_.objects; }
  std::string draw_key();
  Body draw_body();
  std::unique_ptr<DrawnBody> source(const Body& body, std::uint64_t id);

  Task<void> operate(std::string what);
  Task<void> put();
  Task<void> get(std::string key, bool range);
  Task<void> remove();
  Task<void> copy();
  Task<void> list();
  Task<void> multipart(bool completes);

  Task<bool> read_once(Scope& scope, std::string key, bool range, bool last);
  Task<bool> raced(std::string key, VersionId version);
  Task<Result<void>> put_parts(Scope& scope, std::string key, UploadId upload, Body& whole,
                               std::vector<client::CompletedPart>& parts);
  Task<Result<bool>> copy_part(std::string key, UploadId upload, std::uint32_t number, Body& whole,
                               std::vector<client::CompletedPart>& parts);

  Run& run_;
  ClientProcess& client_;
  client::Principal who_;
};

std::string Worker::draw_key() {
  const std::uint64_t number = random().below(run_.scenario.workload.keys);
  return (number % 3 == 0 ? "a/" : "b/") + std::to_string(number);
}

Body Worker::draw_body() {
  const std::string& kind = draw(random(), run_.scenario.workload.sizes);
  const auto between = [this](std::uint64_t low, std::uint64_t high) {
    return low + random().below(high - low + 1);
  };
  std::uint64_t size = 0;
  if (kind == "inline") size = between(1, 4096);
  if (kind == "replicated") size = between(4097, 128 << 10);
  if (kind == "coded") size = between((128 << 10) + 1, 900 << 10);
  if (kind == "large") size = between(1 << 20, 3 << 20);
  // Edges of units, stripes and classes.
  if (size > 65520 && random().below(8) == 0) size = size / 65520 * 65520 + random().below(3) - 1;
  return Body::drawn(random(), size);
}

std::unique_ptr<DrawnBody> Worker::source(const Body& body, std::uint64_t id) {
  return std::make_unique<DrawnBody>(body.bytes(), attributes_of(id), random().next_u64(),
                                     random().below(2) == 0);
}

Task<void> Worker::work() {
  const WorkloadPlan& plan = run_.scenario.workload;
  while (!run_.stopping) {
    const Result<void> slept = co_await client_.runtime.sleep(draw_time(random(), plan.pause));
    if (!slept || run_.stopping) co_return;
    co_await operate(draw(random(), plan.operations));
  }
}

Task<void> Worker::operate(std::string what) {
  run_.count("op." + what);
  if (what == "put") co_await put();
  if (what == "get") co_await get(draw_key(), false);
  if (what == "range") co_await get(draw_key(), true);
  if (what == "remove") co_await remove();
  if (what == "copy") co_await copy();
  if (what == "list") co_await list();
  if (what == "multipart") co_await multipart(true);
  if (what == "abandon") co_await multipart(false);
}

Task<void> Worker::put() {
  const std::string key = draw_key();
  const Body body = draw_body();
  const std::uint64_t id = run_.model.draw_id();
  Scope scope(run_, "put " + key + " of " + std::to_string(body.size()) + " bytes");
  const auto bytes = source(body, id);
  scope.begin_put(id, key, body, etag_of(id));
  const client::Condition condition;
  const auto done = co_await objects().put(who_, kBucket, key, *bytes, condition);
  scope.end(id, done ? nullptr : &done.error(), done ? done->version : VersionId());
}

Task<void> Worker::get(std::string key, bool range) {
  Scope scope(run_, (range ? "range of " : "get ") + key);
  bool done = false;
  for (int attempt = 1; !done; ++attempt) {
    done = co_await read_once(scope, key, range, attempt == kReadRaces);
  }
}

// Whether the object was replaced since it was looked up: then its fragments may be gone.
Task<bool> Worker::raced(std::string key, VersionId version) {
  const auto now = co_await objects().head(kBucket, key);
  co_return now ? now->version != version : now.error().code() == Errc::no_such_object;
}

// False when it lost a race and should be tried again.
Task<bool> Worker::read_once(Scope& scope, std::string key, bool range, bool last) {
  Seen seen;
  seen.begun = run_.now();
  auto reader = co_await objects().get(kBucket, key);
  if (!reader && reader.error().code() == Errc::no_such_object) {
    const std::string wrong = run_.model.check_read(key, seen, run_.now());
    if (!wrong.empty()) scope.wrong(wrong);
    run_.count("absent");
    co_return true;
  }
  if (!reader) {
    scope.failed(reader.error());
    co_return true;
  }
  const client::ObjectInfo info = (*reader)->info();
  seen.write = write_of(info).value_or(0);
  seen.version = info.version;
  seen.size = info.size;
  seen.etag = info.attributes.etag;
  const std::string wrong = run_.model.check_read(key, seen, run_.now());
  if (!wrong.empty()) {
    scope.wrong(wrong + ": write " + std::to_string(*seen.write));
    co_return true;
  }
  std::uint64_t offset = 0;
  std::uint64_t length = info.size;
  if (range && info.size > 0) {
    client::ByteRange wanted;
    wanted.first = random().below(info.size);
    wanted.last = *wanted.first + random().below(info.size);
    const Result<void> selected = (*reader)->select(wanted);
    if (!selected) scope.wrong(selected.error().to_string());
    offset = (*reader)->offset();
    length = (*reader)->length();
  }
  Bytes got;
  while (true) {
    const Result<Buffer> part = co_await (*reader)->next();
    if (!part) {
      const Errc code = part.error().code();
      const bool may_race = code == Errc::object_unreadable || code == Errc::object_changed;
      if (may_race && !last && co_await raced(key, info.version)) {
        run_.count("raced_reads");
        co_return false;
      }
      scope.failed(part.error());
      co_return true;
    }
    if (part->empty()) break;
    append(got, part->view());
  }
  if (run_.scenario.sabotage == Sabotage::wrong_reads && !got.empty() && random().below(20) == 0) {
    got[random().below(got.size())] ^= 1;
  }
  run_.count("reads");
  run_.count("read_bytes", got.size());
  const Bytes expected = run_.model.find(*seen.write)->body.part(offset, length).bytes();
  if (got.size() != length) scope.wrong("another length than announced");
  if (got != expected) scope.wrong("other bytes than write " + std::to_string(*seen.write));
  co_return true;
}

Task<void> Worker::remove() {
  const std::string key = draw_key();
  const std::uint64_t id = run_.model.draw_id();
  Scope scope(run_, "remove " + key);
  scope.begin_remove(id, key);
  const client::Removal removal;
  const auto done = co_await objects().remove(kBucket, key, removal);
  scope.end(id, done ? nullptr : &done.error(), {});
}

Task<void> Worker::copy() {
  const std::string from = draw_key();
  const std::string to = draw_key();
  Scope scope(run_, "copy " + from + " to " + to);
  const auto info = co_await objects().head(kBucket, from);
  if (!info) {
    if (info.error().code() != Errc::no_such_object) scope.failed(info.error());
    co_return;
  }
  const Write* const copied = run_.model.find(write_of(*info).value_or(0));
  if (copied == nullptr) {
    scope.wrong("an object nobody wrote");
    co_return;
  }
  const std::uint64_t id = run_.model.draw_id();
  const Body body = copied->body;
  scope.begin_put(id, to, body, info->attributes.etag);
  client::CopyOptions options;
  options.source_version = info->version;
  options.attributes = attributes_of(id);
  const auto done = co_await objects().copy(who_, kBucket, from, kBucket, to, std::move(options));
  // The source may have changed meanwhile.
  const bool changed = !done && (done.error().code() == Errc::precondition_failed ||
                                 done.error().code() == Errc::no_such_version ||
                                 done.error().code() == Errc::no_such_object);
  if (changed) {
    run_.model.end(id, Answer::refused, {}, run_.now());
    run_.count("raced_copies");
  } else {
    scope.end(id, done ? nullptr : &done.error(), done ? done->version : VersionId());
  }
}

Task<void> Worker::list() {
  Scope scope(run_, "list");
  const MonotonicTime begun = run_.now();
  client::ListRequest request;
  const auto page = co_await objects().list(kBucket, request);
  if (!page) {
    scope.failed(page.error());
    co_return;
  }
  std::map<std::string, const client::ListPage::Entry*> rows;
  for (const auto& entry : page->entries) rows[entry.key] = &entry;
  for (const std::string& key : run_.model.keys()) rows.try_emplace(key, nullptr);
  for (const auto& [key, row] : rows) {
    const std::string wrong = run_.model.check_row(key, begun, row, run_.now());
    if (!wrong.empty()) scope.wrong(key + ": " + wrong);
  }
}

// --- multipart

Task<void> Worker::multipart(bool completes) {
  const std::string key = draw_key();
  const std::uint64_t id = run_.model.draw_id();
  Scope scope(run_, "multipart " + key);
  client::CreateUploadRequest request;
  request.attributes = attributes_of(id);
  const auto upload = co_await objects().create_upload(who_, kBucket, key, request);
  if (!upload) {
    scope.failed(upload.error());
    co_return;
  }
  Body whole;
  std::vector<client::CompletedPart> parts;
  const Result<void> sent = co_await put_parts(scope, key, *upload, whole, parts);
  if (!sent || !completes) {
    // Now and then a client goes away without a word.
    if (random().below(4) == 0) co_return;
    const auto aborted = co_await objects().abort_upload(kBucket, key, *upload);
    if (!aborted) scope.failed(aborted.error());
    co_return;
  }
  client::ETag etag = etag_of(id);
  etag.parts = static_cast<std::uint32_t>(parts.size());
  scope.begin_put(id, key, whole, etag);
  const client::Condition condition;
  const std::vector<client::Checksum> sums;
  const auto done =
      co_await objects().complete_upload(who_, kBucket, key, *upload, parts, etag, sums, condition);
  scope.end(id, done ? nullptr : &done.error(), done ? done->version : VersionId());
  if (!done || random().below(2) == 0) co_return;
  // Completing again gives the same object.
  const auto again =
      co_await objects().complete_upload(who_, kBucket, key, *upload, parts, etag, sums, condition);
  run_.count(again ? "completed_again" : "not_completed_again");
  if (again && again->version != done->version) scope.wrong("completed twice to two versions");
}

Task<Result<void>> Worker::put_parts(Scope& scope, std::string key, UploadId upload, Body& whole,
                                     std::vector<client::CompletedPart>& parts) {
  const std::uint32_t count = 1 + static_cast<std::uint32_t>(random().below(2));
  const bool copies = random().below(3) == 0;
  std::uint32_t number = 0;
  for (std::uint32_t i = 1; i <= count; ++i) {
    number += 1 + static_cast<std::uint32_t>(random().below(3));
    const bool is_last = i == count && !copies;
    const Body body = is_last ? draw_body() : Body::drawn(random(), kPartBytes);
    // A part may be sent twice; the last one counts.
    const std::uint64_t tries = random().below(6) == 0 ? 2 : 1;
    client::CompletedPart part;
    for (std::uint64_t turn = 0; turn < tries; ++turn) {
      const auto bytes = source(body, random().next_u64());
      const auto sent = co_await objects().put_part(who_, kBucket, key, upload, number, *bytes);
      if (!sent) {
        scope.failed(sent.error());
        co_return fail(sent.error());
      }
      part.number = number;
      part.etag = sent->etag;
    }
    whole.append(body);
    parts.push_back(part);
  }
  if (!copies) co_return Result<void>{};
  const Result<bool> copied = co_await copy_part(key, upload, number + 1, whole, parts);
  if (!copied) scope.failed(copied.error());
  co_return Result<void>{};
}

// Adds a run of another object's bytes. False when there is none.
Task<Result<bool>> Worker::copy_part(std::string key, UploadId upload, std::uint32_t number,
                                     Body& whole, std::vector<client::CompletedPart>& parts) {
  const std::string from = draw_key();
  const auto info = co_await objects().head(kBucket, from);
  if (!info || info->size == 0) co_return false;
  const Write* const copied = run_.model.find(write_of(*info).value_or(0));
  if (copied == nullptr) co_return false;
  client::ByteRange range;
  range.first = random().below(info->size);
  range.last = *range.first + random().below(info->size - *range.first);
  Body body = copied->body.part(*range.first, *range.last - *range.first + 1);
  const auto done = co_await objects().copy_part(who_, kBucket, from, std::nullopt, range, kBucket,
                                                 key, upload, number);
  // The source may be another, and shorter, by now, or be replaced while it is read.
  const bool changed = !done && (done.error().code() == Errc::range_not_satisfiable ||
                                 done.error().code() == Errc::object_changed);
  if (changed) co_return false;
  if (!done) co_return fail(done.error());
  // The source may be another by now: then this part is left out.
  const auto after = co_await objects().head(kBucket, from);
  if (!after || after->version != info->version) co_return false;
  client::CompletedPart part;
  part.number = number;
  part.etag = done->etag;
  parts.push_back(part);
  whole.append(body);
  run_.count("copied_parts");
  co_return true;
}

// --- at rest

Task<void> Worker::check_all() {
  for (const std::string& key : run_.model.keys()) {
    const std::uint64_t failed = run_.report.counters["failed"];
    co_await get(key, false);
    if (run_.report.counters["failed"] != failed) {
      run_.fail("at rest " + key + " cannot be read");
    }
  }
  co_await list();
}

Task<void> run_worker(Run& run, ClientProcess& client) {
  Worker worker(run, client);
  co_await worker.work();
}

}  // namespace

void Run::fail(std::string what) {
  if (report.failures.size() >= kMaxFailures) return;
  const double seconds = std::chrono::duration<double>(now().since_start).count();
  std::string line = "at " + std::to_string(seconds) + " s: " + std::move(what);
  log::error("sim.failure", {{"what", line}});
  mesh.world().note(as_bytes(line));
  report.failures.push_back(std::move(line));
}

void start_workers(Run& run, ClientProcess& client) {
  if (run.stopping) return;
  for (std::uint32_t i = 0; i < run.scenario.workload.workers; ++i) {
    client.tasks.spawn(run_worker(run, client));
  }
}

Task<void> check_all_keys(Run& run, ClientProcess& client) {
  Worker worker(run, client);
  co_await worker.check_all();
}

const std::string& draw(Random& random, const Weights& weights) {
  std::uint64_t total = 0;
  for (const auto& [name, weight] : weights) total += weight;
  STRATOS_ASSERT(total > 0, "something to draw from");
  std::uint64_t place = random.below(total);
  auto chosen = weights.begin();
  while (place >= chosen->second) {
    place -= chosen->second;
    ++chosen;
  }
  return chosen->first;
}

// From a tenth of the mean to three times as much.
Duration draw_time(Random& random, Duration mean) {
  const auto whole = static_cast<std::uint64_t>(std::max<std::int64_t>(mean.count(), 10));
  const std::uint64_t span = random.below(4) == 0 ? 3 * whole : whole;
  return Duration(static_cast<std::int64_t>(whole / 10 + random.below(span)));
}

}  // namespace stratos::sim
