// Batcher: gathers the commands that arrive while an entry is being ordered into the next one, so
// that one signature, one log record and one sync serve many clients.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "meta/commands.hpp"
#include "meta/index_machine.hpp"
#include "ordering/embedded_log.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::meta {

class Batcher {
 public:
  struct Outcome {
    Height height;
    std::vector<ItemResult> results;
  };
  // All references outlive the batcher.
  Batcher(Runtime& runtime, ordering::EmbeddedLog& log, const IndexMachine& machine,
          const crypto::MachineSigner& signer);

  // Returns when the items are durable and visible. Errc::overloaded when too much waits already.
  Task<Result<Outcome>> submit(std::vector<Item> items);
  Task<Result<Bytes>> order_one(Verb verb, Bytes command);
  Task<void> stop();

 private:
  struct Request;
  Task<void> run();
  std::vector<std::shared_ptr<Request>> take_batch();
  Task<void> order_batch(std::vector<std::shared_ptr<Request>> batch);

  Runtime& runtime_;
  ordering::EmbeddedLog& log_;
  const IndexMachine& machine_;
  const crypto::MachineSigner& signer_;
  std::deque<std::shared_ptr<Request>> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool stopping_ = false;
  WaitQueue arrived_;
  TaskGroup tasks_;
};

}  // namespace stratos::meta
