// Admission: which requests may run now, which wait a moment, which are told to slow down. Bounds
// what runs at once (see LoadLimit) and the memory that all of them may take.
#pragma once
#include <cstdint>
#include <list>
#include <memory>

#include "base/metrics.hpp"
#include "gateway/load_limit.hpp"
#include "runtime/sync.hpp"

namespace stratos::gateway {

struct AdmissionOptions {
  LoadLimitOptions limit;
  std::size_t max_open = 4096;    // admitted, also those that wait for their clients
  std::size_t max_waiting = 256;  // for their turn
  std::uint64_t memory_bytes = 1ULL << 30;
  Duration longest_wait = 100ms;
  // While somebody always waits, the queue only adds to what everyone takes (CoDel: Nichols,
  // Jacobson, ACM Queue 10 (5), 2012).
  Duration crowded_wait = 5ms;
  // A request that waits for its client this long leaves its place to others meanwhile.
  Duration client_patience = 20ms;
};

// Belongs to one runtime. Outlives its tickets.
class Admission {
 public:
  class Ticket;

  Admission(Runtime& runtime, metrics::Registry& metrics, AdmissionOptions options,
            std::size_t kinds);

  // The leave to run, held until its ticket ends. `memory_bytes` is what the request may take.
  // Errc::slow_down at once or after a short wait.
  Task<Result<std::unique_ptr<Ticket>>> enter(std::uint64_t memory_bytes);

  std::size_t running() const { return running_; }
  std::uint64_t memory_bytes() const { return memory_; }
  const LoadLimit& limit() const { return limit_; }

 private:
  Task<Result<void>> wait_for_turn();
  bool has_turn();
  void reclaim();
  void leave_turn();
  Error refusal();
  bool is_crowded() const;

  Runtime& runtime_;
  AdmissionOptions options_;
  LoadLimit limit_;
  std::size_t running_ = 0;
  std::size_t open_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t memory_ = 0;
  MonotonicTime queue_empty_at_;   // the last time that nobody waited
  std::list<Ticket*> at_clients_;  // by how long they wait for their clients
  WaitQueue turns_;
  metrics::Counter& refused_;
  metrics::Gauge& limit_gauge_;
};

// Leave to run.
class Admission::Ticket {
 public:
  Ticket(Admission& admission, std::uint64_t memory_bytes);
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  // Around waits for the client; may nest.
  void begin_client_wait();
  void end_client_wait();
  // What the request took of the gateway and what stands behind it.
  Duration worked() const;
  // Counts it among its kind.
  void learn(std::size_t kind);

 private:
  friend class Admission;
  void give_place();

  Admission& admission_;
  std::uint64_t memory_bytes_;
  MonotonicTime begun_;
  Duration at_client_{0};
  MonotonicTime wait_begun_;
  std::uint32_t waits_ = 0;
  bool has_place_ = true;
  std::optional<std::list<Ticket*>::iterator> listed_;
};

}  // namespace stratos::gateway
