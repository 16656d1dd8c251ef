#include "cli/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/log.hpp"

extern char** environ;

namespace stratos::cli {

Result<ChildProcess> ChildProcess::start(std::string name,
                                         const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  // The parent handles its signals itself; children start with none blocked.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  // A group of its own: Ctrl-C reaches the parent, which ends its children in order.
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int outcome =
      posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (outcome != 0) return fail(Errc::io_error, command[0] + ": " + std::strerror(outcome));
  ChildProcess child;
  child.name_ = std::move(name);
  child.pid_ = pid;
  child.running_ = true;
  return child;
}

void ChildProcess::reap() {
  int status = 0;
  if (!running_ || ::waitpid(static_cast<pid_t>(pid_), &status, WNOHANG) != pid_) return;
  running_ = false;
  log::warn("child.ended", {{"name", name_},
                            {"pid", pid_},
                            {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0},
                            {"status", WIFEXITED(status) ? WEXITSTATUS(status) : -1}});
}

void ChildProcess::terminate() {
  if (running_) ::kill(static_cast<pid_t>(pid_), SIGTERM);
}

void ChildProcess::join(Duration grace) {
  if (!running_) return;
  const auto pid = static_cast<pid_t>(pid_);
  const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  pollfd end = {handle, POLLIN, 0};
  const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(grace).count();
  const bool ended = handle >= 0 && ::poll(&end, 1, static_cast<int>(wait_ms)) == 1;
  if (handle >= 0) ::close(handle);
  if (!ended) ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  running_ = false;
}

}  // namespace stratos::cli
