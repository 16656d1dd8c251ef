// Carries out the lifecycle rules of all buckets: expires objects and versions, removes delete
// markers that hide nothing, aborts uploads that were left alone. Every gateway may run one: what
// another has removed already stays removed, and what was written meanwhile is left alone.
#pragma once
#include "base/metrics.hpp"
#include "gateway/s3/lifecycle.hpp"

namespace stratos::gateway::s3 {

struct LifecycleOptions {
  Duration day = 24h;   // what the rules call a day; shorter to try them out
  Duration pause = 1h;  // between two sweeps
};

// Belongs to one runtime. What it is given outlives it.
class LifecycleSweeper {
 public:
  LifecycleSweeper(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
                   LifecycleOptions options);

  // Sweeps until the task is cancelled.
  Task<void> run();
  // Once over all buckets. Buckets that cannot be swept are logged and left for the next time.
  Task<Result<void>> sweep();

 private:
  Task<Result<void>> sweep_bucket(std::string bucket);
  Task<Result<void>> sweep_versions(const client::BucketInfo& bucket, const LifecycleRules& rules);
  Task<Result<void>> sweep_uploads(const std::string& bucket, const LifecycleRules& rules);
  Task<Result<bool>> is_due(const std::string& bucket, const LifecycleRules& rules,
                            const LifecycleItem& item, VersionId version);
  Task<Result<void>> remove(const std::string& bucket, std::vector<client::RemovalItem> items);

  Runtime& runtime_;
  client::ObjectClient& objects_;
  LifecycleOptions options_;
  metrics::Counter& expired_;
  metrics::Counter& aborted_;
  metrics::Counter& failed_;
};

}  // namespace stratos::gateway::s3
