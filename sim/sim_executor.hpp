// The executor of one simulated node incarnation: a queue that the world runs, one entry at a time.
#pragma once
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <deque>
#include <functional>

#include "runtime/parking.hpp"

namespace stratos::sim {

class SimWorld;

// Kept as a tombstone until the world ends, so that executors of a crashed incarnation that others
// still hold stay valid: what is posted to them is buried.
class SimContext : public boost::asio::execution_context {
 public:
  using Function = std::move_only_function<void()>;

  SimContext(SimWorld& world, std::uint32_t node) : world_(world), node_(node) {}
  ~SimContext() { shutdown(); }

  void post(Function fn);
  void post(Parked& parked);
  // Runs the oldest entry.
  void run_one();
  bool idle() const { return queue_.empty(); }
  bool running() const { return running_; }
  // Whether the world knows of its work; kept by the world's loop.
  bool listed = false;
  std::uint32_t node() const { return node_; }
  // From now on everything is buried, what is queued included.
  void die();
  using boost::asio::execution_context::shutdown;

 private:
  struct Entry {
    Parked* parked = nullptr;
    Function fn;
  };
  void push(Entry entry);

  SimWorld& world_;
  std::uint32_t node_;
  bool dead_ = false;
  bool running_ = false;
  std::deque<Entry> queue_;
};

// Small enough for any_io_executor to hold without allocating.
class SimExecutor {
 public:
  explicit SimExecutor(SimContext& context) : context_(&context) {}

  boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
    return *context_;
  }
  SimExecutor require(boost::asio::execution::blocking_t::never_t) const {
    SimExecutor other = *this;
    other.may_run_inline_ = false;
    return other;
  }
  SimExecutor require(boost::asio::execution::blocking_t::possibly_t) const {
    SimExecutor other = *this;
    other.may_run_inline_ = true;
    return other;
  }
  template <class Fn>
  void execute(Fn&& fn) const {
    if (may_run_inline_ && context_->running()) {
      std::decay_t<Fn> now(std::forward<Fn>(fn));
      now();
    } else {
      context_->post(SimContext::Function(std::forward<Fn>(fn)));
    }
  }
  friend bool operator==(const SimExecutor&, const SimExecutor&) noexcept = default;

 private:
  SimContext* context_;
  bool may_run_inline_ = true;
};

}  // namespace stratos::sim
