#include "runtime/task_group.hpp"

#include "base/assert.hpp"
#include "runtime/parking.hpp"
#include "runtime/spawn.hpp"
#include "runtime/sync.hpp"

namespace stratos {

struct TaskGroup::State {
  State(Runtime& owner, std::string group_name)
      : runtime(owner), name(std::move(group_name)), empty(owner) {}

  Runtime& runtime;
  std::string name;
  Hook members;
  std::size_t size = 0;
  bool cancelled = false;
  WaitQueue empty;
};

namespace {

template <class State>
class Member final : public Spawned, public Hook {
 public:
  explicit Member(std::shared_ptr<State> state) : state_(std::move(state)) {
    link(state_->members);
    ++state_->size;
  }
  ~Member() override { leave(); }

  void ended() override { leave(); }
  std::string_view name() const override { return state_->name; }

 private:
  void leave() {
    if (!linked()) return;
    unlink();
    if (--state_->size == 0) state_->empty.wake_all();
  }
  std::shared_ptr<State> state_;
};

Task<void> begin_later(Runtime& runtime, Task<void> task) {
  {
    Parked self(runtime.parking());
    co_await self.yield();
  }
  const auto state = co_await boost::asio::this_coro::cancellation_state;
  if (state.cancelled() != boost::asio::cancellation_type::none) co_return;
  co_await std::move(task);
}

}  // namespace

TaskGroup::TaskGroup(Runtime& runtime, std::string name)
    : state_(std::make_shared<State>(runtime, std::move(name))) {}

TaskGroup::~TaskGroup() {
  STRATOS_ASSERT(state_->size == 0 || state_->runtime.parking().dead(),
                 "a task group is joined before it is destroyed");
}

void TaskGroup::spawn(Task<void> task) {
  if (state_->cancelled) return;
  start(state_->runtime.executor(), std::make_shared<Member<State>>(state_),
        begin_later(state_->runtime, std::move(task)));
}

std::size_t TaskGroup::size() const { return state_->size; }

void TaskGroup::cancel() {
  state_->cancelled = true;
  // Members only leave from the executor's queue, never while they are asked to stop.
  for (Hook* hook = state_->members.next(); hook != &state_->members; hook = hook->next()) {
    static_cast<Member<State>*>(hook)->cancel();
  }
}

Task<void> TaskGroup::join() {
  const auto state = state_;
  while (state->size > 0) co_await state->empty.wait_ignoring_cancellation();
}

}  // namespace stratos
