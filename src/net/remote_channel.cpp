#include "net/rpc_frame.hpp"
#include "runtime/spawn.hpp"

namespace stratos::net {
namespace {

constexpr std::size_t kInputBytes = 16 * 1024;
constexpr Duration kReadPause = 10min;
constexpr Duration kFirstBackOff = 50ms;
constexpr Duration kLongestBackOff = 5s;
// A connection on which nothing came for so long, while somebody waited, is given up.
constexpr Duration kSilence = 15s;

// A call that waits for its answer; lives in the caller's frame.
struct Pending {
  explicit Pending(Runtime& runtime) : answered(runtime) {}
  WaitQueue answered;
  std::optional<Result<Message>> result;
};

// One connection. Kept alive by its reader, its writer and its calls.
class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(Runtime& runtime, std::unique_ptr<Stream> stream)
      : runtime_(runtime),
        stream_(std::move(stream)),
        input_(*stream_, kInputBytes),
        writer_(runtime, *stream_),
        last_received_(runtime.now()) {}

  static Task<void> read_all(std::shared_ptr<Link> self);
  static Task<void> write_all(std::shared_ptr<Link> self);
  static Task<Result<Message>> call(std::shared_ptr<Link> self, std::uint16_t method,
                                    Message request, MonotonicTime deadline);

  bool usable() const { return !end_ && !leaving_; }
  bool ever_answered() const { return ever_answered_; }
  const std::optional<Error>& end_reason() const { return end_; }
  void end(Error reason);

 private:
  void take(Frame frame);
  void take_goodbye(const Frame& frame);
  Task<Result<Message>> wait_for(Pending& pending, MonotonicTime deadline);

  Runtime& runtime_;
  std::unique_ptr<Stream> stream_;
  InputBuffer input_;
  FrameWriter writer_;
  MonotonicTime last_received_;
  std::unordered_map<std::uint64_t, Pending*> pending_;
  std::uint64_t last_id_ = 0;
  bool leaving_ = false;  // the peer takes no more requests
  bool ever_answered_ = false;
  std::optional<Error> end_;
};

void Link::end(Error reason) {
  if (end_) return;
  end_ = std::move(reason);
  for (const auto& [id, pending] : pending_) {
    pending->result = fail(*end_);
    pending->answered.wake_all();
  }
  pending_.clear();
  writer_.close();
  stream_->close();
}

Task<void> Link::write_all(std::shared_ptr<Link> self) {
  co_await self->writer_.run();
  self->end(Error(Errc::connection_lost, "the connection ended"));
}

Task<void> Link::read_all(std::shared_ptr<Link> self) {
  while (!self->end_) {
    Result<Frame> frame = co_await read_frame(self->input_, kReadPause);
    if (frame) {
      self->take(std::move(*frame));
    } else if (frame.error().code() != Errc::deadline_exceeded) {
      self->end(Error(Errc::connection_lost, "the connection ended", std::move(frame).error()));
    }
  }
}

void Link::take(Frame frame) {
  last_received_ = runtime_.now();
  if (frame.header.kind == FrameKind::goodbye) return take_goodbye(frame);
  if (frame.header.kind == FrameKind::request) {
    return end(Error(Errc::connection_lost, "the callee sent a request"));
  }
  ever_answered_ = true;
  const auto found = pending_.find(frame.header.id);
  if (found == pending_.end()) return;  // nobody waits any more
  Pending* pending = found->second;
  pending_.erase(found);
  if (frame.header.kind == FrameKind::error) {
    pending->result = fail(error_of(frame));
  } else {
    pending->result = std::move(frame.message);
  }
  pending->answered.wake_all();
  if (leaving_ && pending_.empty()) end(Error(Errc::connection_lost, "the callee has left"));
}

void Link::take_goodbye(const Frame& frame) {
  leaving_ = true;
  if (frame.header.value != 0) return end(error_of(frame));
  if (pending_.empty()) end(Error(Errc::connection_lost, "the callee has left"));
}

Task<Result<Message>> Link::wait_for(Pending& pending, MonotonicTime deadline) {
  const MonotonicTime started = runtime_.now();
  while (!pending.result) {
    Result<void> woken = co_await pending.answered.wait(deadline - runtime_.now());
    if (woken || pending.result) continue;
    if (woken.error().code() == Errc::deadline_exceeded) {
      const MonotonicTime quiet_since = std::max(started, last_received_);
      if (runtime_.now() - quiet_since >= kSilence) {
        end(Error(Errc::connection_lost, "the callee is silent"));
      }
    }
    co_return fail(std::move(woken).error());
  }
  co_return std::move(*pending.result);
}

Task<Result<Message>> Link::call(std::shared_ptr<Link> self, std::uint16_t method, Message request,
                                 MonotonicTime deadline) {
  struct Registration {
    Link& link;
    std::uint64_t id;
    ~Registration() { link.pending_.erase(id); }
  };
  Pending pending(self->runtime_);
  const std::uint64_t id = ++self->last_id_;
  self->pending_.emplace(id, &pending);
  const Registration registration{*self, id};
  const Duration left = deadline - self->runtime_.now();
  Frame frame = request_frame(method, id, left, std::move(request), current_trace());
  Result<void> pushed = co_await self->writer_.push(std::move(frame), left);
  if (!pushed && !pending.result) co_return fail(std::move(pushed).error());
  co_return co_await self->wait_for(pending, deadline);
}

// A coroutine that ends by itself, soon after its owner asks for it.
class Background final : public Spawned {
 public:
  void ended() override { running_ = false; }
  std::string_view name() const override { return "rpc_channel"; }
  void stop() {
    if (running_) cancel();
  }

 private:
  bool running_ = true;
};

std::shared_ptr<Background> run_in_background(Runtime& runtime, Task<void> task) {
  auto background = std::make_shared<Background>();
  // It serves many calls, so it is part of no trace.
  const TraceScope none{TraceContext()};
  start(runtime.executor(), background, std::move(task));
  return background;
}

// The place of one connection: connected, connecting, or down until a point in time.
struct Slot {
  explicit Slot(Runtime& runtime) : settled(runtime) {}
  std::shared_ptr<Link> link;
  std::shared_ptr<Background> connecting;
  WaitQueue settled;
  Error last_error{Errc::connection_refused};
  int failures = 0;
  MonotonicTime retry_at;
};

// Shared by the channel, its calls and its attempts to connect; the latter two may end after it.
struct ChannelState {
  ChannelState(Runtime& r, StreamSecurity& s, std::string a, crypto::MachineKey e, RemoteOptions o)
      : runtime(r), security(s), address(std::move(a)), expected(e), options(o) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options.connections, 1); ++i) {
      slots.push_back(std::make_unique<Slot>(runtime));
    }
  }

  Runtime& runtime;
  StreamSecurity& security;  // not touched once `closed`
  std::string address;
  crypto::MachineKey expected;
  RemoteOptions options;
  std::vector<std::unique_ptr<Slot>> slots;
  std::size_t next_slot = 0;
  bool closed = false;
};
using StatePtr = std::shared_ptr<ChannelState>;

void note_failure(ChannelState& state, Slot& slot, Error error) {
  const int doublings = std::min(slot.failures++, 10);
  const Duration longest = std::min(kLongestBackOff, kFirstBackOff * (1 << doublings));
  const auto half = static_cast<std::uint64_t>(longest.count() / 2);
  const auto jitter = static_cast<Duration::rep>(state.runtime.random().below(half + 1));
  slot.retry_at = state.runtime.now() + longest / 2 + Duration(jitter);
  slot.last_error = std::move(error);
}

// A peer that is not the expected one is named as such; all else means that nobody is there.
Error refusal(Error cause) {
  if (cause.code() == Errc::peer_not_trusted) return cause;
  return Error(Errc::connection_refused, "cannot connect", std::move(cause));
}

Task<Result<std::shared_ptr<Link>>> open_link(StatePtr state) {
  const Duration timeout = state->options.connect_timeout;
  auto raw = co_await state->runtime.net().connect(state->address, timeout);
  if (!raw) co_return fail(std::move(raw).error());
  if (state->closed) co_return fail(Errc::cancelled);
  auto secured = co_await state->security.connect(std::move(*raw), state->expected, timeout);
  if (!secured) co_return fail(std::move(secured).error());
  if (state->closed) co_return fail(Errc::cancelled);
  co_return std::make_shared<Link>(state->runtime, std::move(secured->stream));
}

Task<void> connect_slot(StatePtr state, Slot& slot) {
  auto link = co_await open_link(state);
  if (link) {
    slot.link = std::move(*link);
    run_in_background(state->runtime, Link::write_all(slot.link));
    run_in_background(state->runtime, Link::read_all(slot.link));
  } else {
    note_failure(*state, slot, refusal(std::move(link).error()));
  }
  slot.connecting.reset();
  slot.settled.wake_all();
}

// Drops a link that has ended; one that never worked counts as a failed attempt to connect.
void clear_ended(ChannelState& state, Slot& slot) {
  if (!slot.link || slot.link->usable()) return;
  if (slot.link->ever_answered()) {
    slot.failures = 0;
  } else if (slot.link->end_reason()) {
    note_failure(state, slot, refusal(*slot.link->end_reason()));
  }
  slot.link.reset();
}

Task<Result<std::shared_ptr<Link>>> acquire_link(StatePtr state, Slot& slot,
                                                 MonotonicTime deadline) {
  clear_ended(*state, slot);
  if (slot.link) co_return slot.link;
  if (!slot.connecting) {
    if (state->runtime.now() < slot.retry_at) co_return fail(slot.last_error);
    auto background = std::make_shared<Background>();
    slot.connecting = background;
    const TraceScope none{TraceContext()};
    start(state->runtime.executor(), background, connect_slot(state, slot));
  }
  while (slot.connecting) {
    STRATOS_CO_CHECK(co_await slot.settled.wait(deadline - state->runtime.now()));
  }
  clear_ended(*state, slot);
  if (!slot.link) co_return fail(slot.last_error);
  co_return slot.link;
}

Task<Result<Message>> remote_call(StatePtr state, std::uint16_t method, Message request,
                                  Duration timeout) {
  STRATOS_CO_CHECK(check_size(request));
  const MonotonicTime deadline = state->runtime.now() + timeout;
  Slot& slot = *state->slots[state->next_slot++ % state->slots.size()];
  STRATOS_CO_TRY(auto link, co_await acquire_link(state, slot, deadline));
  co_return co_await Link::call(std::move(link), method, std::move(request), deadline);
}

class RemoteChannel final : public Channel {
 public:
  explicit RemoteChannel(StatePtr state) : state_(std::move(state)) {}
  // Ends all connections; running calls return Errc::connection_lost.
  ~RemoteChannel() override {
    state_->closed = true;
    for (const auto& slot : state_->slots) {
      if (slot->connecting) slot->connecting->stop();
      if (slot->link) slot->link->end(Error(Errc::connection_lost, "the channel was closed"));
    }
  }

  Task<Result<Message>> call(std::uint16_t method, Message request, Duration timeout) override {
    return remote_call(state_, method, std::move(request), timeout);
  }

 private:
  StatePtr state_;
};

}  // namespace

std::unique_ptr<Channel> make_remote_channel(Runtime& runtime, StreamSecurity& security,
                                             std::string address, crypto::MachineKey expected,
                                             RemoteOptions options) {
  return std::make_unique<RemoteChannel>(
      std::make_shared<ChannelState>(runtime, security, std::move(address), expected, options));
}

}  // namespace stratos::net
