// A child process that this one started and will end.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace stratos::cli {

class ChildProcess {
 public:
  // Standard input is empty; output and errors go to this process' standard error.
  static Result<ChildProcess> start(std::string name, const std::vector<std::string>& command);

  const std::string& name() const { return name_; }
  std::int64_t pid() const { return pid_; }
  bool running() const { return running_; }
  // Takes notice of its end; never blocks.
  void reap();
  // Asks it to stop.
  void terminate();
  // Waits for its end and kills it after `grace`.
  void join(Duration grace);

 private:
  std::string name_;
  std::int64_t pid_ = 0;
  bool running_ = false;
};

}  // namespace stratos::cli
