#include "sim/sim_world.hpp"

#include <bit>

#include "base/assert.hpp"

namespace stratos::sim {
namespace {

// More switches than this without time passing is a loop that never waits.
constexpr std::uint64_t kLivelock = 20'000'000;

enum class Event : std::uint64_t { start = 1, crash, run };

std::uint64_t seed_of(std::uint64_t seed, const std::string& name, std::uint64_t incarnation) {
  std::uint64_t hash = seed ^ 0xcbf29ce484222325;
  for (const char letter : name) {
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3;
  }
  return std::rotl(hash, 31) ^ (incarnation * 0x9e3779b97f4a7c15);
}

}  // namespace

class SimWorld::Scheduled final : public Timer {
 public:
  Scheduled(SimWorld& world, std::uint64_t id, std::move_only_function<void()> fn)
      : world_(world), id_(id), fn_(std::move(fn)) {}
  ~Scheduled() { world_.timers_.remove(*this); }
  void expired() override {
    auto fn = std::move(fn_);
    world_.scheduled_.erase(id_);
    fn();
  }

 private:
  SimWorld& world_;
  std::uint64_t id_;
  std::move_only_function<void()> fn_;
};

SimWorld::SimWorld(std::uint64_t seed)
    : seed_(seed), random_(seed), trace_(seed), network_(*this, seed) {}

SimWorld::~SimWorld() {
  for (auto& [name, node] : nodes_) {
    if (node.runtime) crash(name, Crash::power);
  }
  network_.clear();
  scheduled_.clear();
  empty_grave();
}

SimRuntime& SimWorld::start(const std::string& name, ClockSkew skew) {
  Node& node = nodes_[name];
  STRATOS_ASSERT(!node.runtime, "the node is up already");
  if (node.incarnations == 0) node.number = static_cast<std::uint32_t>(nodes_.size());
  ++node.incarnations;
  contexts_.push_back(std::make_unique<SimContext>(*this, node.number));
  node.runtime = std::make_unique<SimRuntime>(*this, network_, *contexts_.back(), name,
                                              seed_of(seed_, name, node.incarnations), skew);
  note(static_cast<std::uint64_t>(Event::start) << 32 | node.number);
  network_.node_up(name);
  return *node.runtime;
}

bool SimWorld::is_up(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found != nodes_.end() && found->second.runtime != nullptr;
}

SimRuntime& SimWorld::runtime(const std::string& name) {
  STRATOS_ASSERT(is_up(name), "the node is down");
  return *nodes_.find(name)->second.runtime;
}

void SimWorld::crash(const std::string& name, Crash kind) {
  STRATOS_ASSERT(is_up(name), "the node is down");
  const std::unique_ptr<SimRuntime> runtime = std::move(nodes_.find(name)->second.runtime);
  SimContext& context = runtime->context();
  STRATOS_ASSERT(!context.running(), "a node crashes between two of its entries: crash_soon");
  note(static_cast<std::uint64_t>(Event::crash) << 32 | context.node());
  // First, so that nothing below wakes it again.
  context.die();
  std::erase(ready_, &context);
  network_.node_down(name, kind == Crash::power);
  // Frames before owners. Dropping a handler posts its frame's unwinding, which is buried too.
  runtime->parking().drop_all();
  empty_grave();
  context.shutdown();
  empty_grave();
  runtime->drop_services();
  empty_grave();
}

void SimWorld::crash_soon(const std::string& name, Crash kind) {
  crashes_.emplace_back(name, kind);
}

void SimWorld::crash_pending() {
  while (!crashes_.empty()) {
    const auto [name, kind] = std::move(crashes_.back());
    crashes_.pop_back();
    if (is_up(name)) crash(name, kind);
  }
}

void SimWorld::empty_grave() {
  while (!grave_.empty()) {
    const std::move_only_function<void()> dropped = std::move(grave_.front());
    grave_.pop_front();
  }
}

void SimWorld::run_entry() {
  const std::size_t place = random_.below(ready_.size());
  SimContext& context = *ready_[place];
  note(static_cast<std::uint64_t>(Event::run) << 32 | context.node());
  ++switches_;
  STRATOS_ASSERT(++switches_at_now_ < kLivelock, "a task loops without ever waiting");
  context.run_one();
  if (context.idle()) {
    context.listed = false;
    ready_[place] = ready_.back();
    ready_.pop_back();
  }
  if (!grave_.empty()) empty_grave();
  if (!crashes_.empty()) crash_pending();
}

void SimWorld::advance_to(MonotonicTime time) {
  now_ = time;
  switches_at_now_ = 0;
  note(static_cast<std::uint64_t>(now_.since_start.count()));
  while (!timers_.empty() && timers_.top().due() <= now_) {
    Timer& timer = timers_.top();
    timers_.remove(timer);
    timer.expired();
  }
  if (!grave_.empty()) empty_grave();
  if (!crashes_.empty()) crash_pending();
}

bool SimWorld::step_until(MonotonicTime end) {
  if (!ready_.empty()) {
    run_entry();
    return true;
  }
  if (timers_.empty() || timers_.top().due() > end) return false;
  advance_to(std::max(now_, timers_.top().due()));
  return true;
}

bool SimWorld::step() { return step_until({Duration::max()}); }

void SimWorld::run_for(Duration duration) {
  const MonotonicTime end = now_ + duration;
  while (step_until(end)) {
  }
  if (end > now_) advance_to(end);
}

bool SimWorld::run_until(const std::function<bool()>& condition, Duration limit) {
  const MonotonicTime end = now_ + limit;
  while (!condition()) {
    if (!step_until(end)) return false;
  }
  return true;
}

void SimWorld::after(Duration delay, std::move_only_function<void()> fn) {
  const std::uint64_t id = next_scheduled_++;
  auto scheduled = std::make_unique<Scheduled>(*this, id, std::move(fn));
  timers_.insert(*scheduled, now_ + delay);
  scheduled_.emplace(id, std::move(scheduled));
}

void SimWorld::note(std::uint64_t value) {
  trace_ = (std::rotl(trace_, 5) ^ value) * 0x9e3779b97f4a7c15;
}

void SimWorld::note(ByteView bytes) {
  note(bytes.size());
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) note(load_le<std::uint64_t>(bytes.data()));
  std::uint64_t rest = 0;
  if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
  note(rest);
}

}  // namespace stratos::sim
