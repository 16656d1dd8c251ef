// BodyDigester: what all large bodies of a gateway are digested by. Those that arrive at the same
// time have their MD5 computed together (crypto/md5_lanes.hpp).
#pragma once
#include <memory>
#include <vector>

#include "base/buffer.hpp"
#include "gateway/s3/body_digests.hpp"
#include "runtime/sync.hpp"

namespace stratos::gateway::s3 {

// Called on `runtime`; works on the executor of `hashing`, which it keeps busy: on one of its own
// nothing waits for it. Both outlive it.
class BodyDigester {
 public:
  BodyDigester(Runtime& runtime, Runtime& hashing);
  ~BodyDigester();
  Runtime& runtime() const { return runtime_; }

  // Back when `digests` has all of `parts`. One call at a time for each. After an error they may
  // still be in use. Errc::cancelled; Errc::deadline_exceeded when so many bodies arrive that
  // hashing falls behind by a minute.
  Task<Result<void>> update(std::shared_ptr<BodyDigests> digests, std::vector<Buffer> parts);

 private:
  class Lanes;
  Runtime& runtime_;
  Runtime& hashing_;
  std::shared_ptr<Lanes> lanes_;
};

}  // namespace stratos::gateway::s3
