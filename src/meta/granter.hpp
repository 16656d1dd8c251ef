// Granter: what a meta node may sign. It reserves ozone and segment ids by ordered grants and hands
// them out; a grant is never used again after a restart, so nothing is signed twice.
#pragma once
#include <functional>
#include <map>
#include <memory>

#include "meta/index_machine.hpp"
#include "meta/placement.hpp"
#include "meta/wire.hpp"
#include "runtime/sync.hpp"

namespace stratos::meta {

class Granter {
 public:
  // Orders one command and returns its reply.
  using Order = std::function<Task<Result<Bytes>>(Verb verb, Bytes command)>;
  struct Size {
    std::uint64_t noz = 0;
    std::uint64_t segments = 0;
  };
  // `machine` outlives the granter.
  Granter(Runtime& runtime, const crypto::MachineSigner& signer, const IndexMachine& machine,
          ZoneId zone, Size size, Order order);

  // Errc::too_few_domains when the nodes that are up cannot hold k+m fragments' quorum.
  Task<Result<AllocateReply>> allocate(AllocateRequest request);
  Task<Result<LimitsReply>> limits(LimitsRequest request);

 private:
  struct Grant {
    explicit Grant(Runtime& runtime) : turn(runtime, 1) {}
    Semaphore turn;  // one reservation at a time
    GrantRecord record;
    std::uint64_t noz_left = 0;
    std::uint64_t next_segment = 0;
    std::uint64_t next_serial = 1;
  };
  // A grant of the current epoch with at least this much left.
  Task<Result<std::shared_ptr<Grant>>> grant_for(AccountId payer, std::uint64_t noz,
                                                 std::uint64_t segments);
  Task<Result<void>> reserve(Grant& grant, AccountId payer);
  bool suffices(const Grant& grant, std::uint64_t noz, std::uint64_t segments) const;
  Result<NodeTable> newest_table() const;
  SignedLimit sign(Grant& grant, const LimitsRequest& request, NodeId node) const;
  std::uint64_t epoch_now() const;

  Runtime& runtime_;
  const crypto::MachineSigner& signer_;
  const IndexMachine& machine_;
  ZoneId zone_;
  Size size_;
  Order order_;
  std::map<AccountId, std::shared_ptr<Grant>> grants_;
};

}  // namespace stratos::meta
