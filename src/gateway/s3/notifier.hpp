// Delivers notices of changes to the operator's webhooks, at least once each, and takes off what
// was delivered. Every gateway runs one: a gateway delivers the notices of its own requests at once
// and those of others when they have waited for a while, so that who fails is stood in for.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "client/object_client.hpp"
#include "gateway/s3/webhook.hpp"
#include "runtime/task_group.hpp"

namespace stratos::gateway::s3 {

struct NotifierOptions {
  std::vector<Webhook> webhooks;  // by different names
  std::string region = "us-east-1";
  Duration poll = 1s;            // for what others left
  Duration patience = 5s;        // until others' notices are delivered here
  Duration timeout = 10s;        // of one delivery
  Duration first_retry = 500ms;  // doubles with every round that failed
  Duration last_retry = 60s;
};

// Belongs to one runtime. What it is given outlives it; end the group before it.
class Notifier {
 public:
  Notifier(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
           NotifierOptions options);
  ~Notifier();

  // Delivers from now on, one task for each webhook.
  void start(TaskGroup& group);
  bool knows(std::string_view webhook) const;
  // Marks the notices of this gateway's requests; drawn anew by each process.
  std::uint64_t origin() const { return origin_; }
  // There may be notices of one of them.
  void wake();

 private:
  class Lane;
  class Line;
  struct Page;
  // What a webhook made of a message.
  enum class Outcome : std::uint8_t {
    delivered,
    refused,  // this message; another one may pass
    failed,   // none would pass now
  };
  static Outcome outcome_of(int status);
  // What one walk over all notices for a webhook came to.
  struct Round {
    bool failed = false;
    std::size_t delivered = 0;
  };

  Task<void> run(Lane& lane);
  Task<Round> walk(Lane& lane);
  // One of the lane's workers.
  Task<void> serve(Lane& lane, std::size_t number);
  Task<Result<void>> deliver(Lane& lane, std::vector<client::Notice> notices, Round& round);
  Task<Result<void>> take_off(Lane& lane, Page& page);
  bool is_mine(const Lane& lane, const client::Notice& notice);
  void note_totals(const meta::NoticeTotals& totals);

  Runtime& runtime_;
  client::ObjectClient& objects_;
  metrics::Registry& metrics_;
  const NotifierOptions options_;
  const std::uint64_t origin_;
  metrics::Gauge& pending_;
  metrics::Gauge& let_go_;
  std::optional<std::uint64_t> let_go_before_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace stratos::gateway::s3
