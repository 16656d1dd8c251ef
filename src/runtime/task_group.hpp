// TaskGroup: owner of everything a service spawns. Nothing runs detached.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "runtime/runtime.hpp"

namespace stratos {

// Lives on its runtime's executor. Destroy it only when it is empty: after join(), or after the
// executor has stopped for good.
class TaskGroup {
 public:
  // `name` appears in the log when a task ends with an exception, which is a bug and aborts.
  TaskGroup(Runtime& runtime, std::string name);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` from the executor's queue, not inside this call. After cancel() it is not
  // started.
  void spawn(Task<void> task);
  std::size_t size() const;
  // Asks every task to stop: their pending and all their later waits end with Errc::cancelled.
  void cancel();
  // Waits until all tasks have ended, also when the caller is cancelled meanwhile.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stratos
