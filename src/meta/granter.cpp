#include "meta/granter.hpp"

#include <algorithm>

#include "meta/keys.hpp"
#include "meta/placement.hpp"
#include "meta/queries.hpp"
#include "meta/settlement.hpp"

namespace stratos::meta {
namespace {
constexpr std::uint32_t kMaxAllocations = 256;
constexpr std::size_t kMaxLimits = 256;
}  // namespace

Granter::Granter(Runtime& runtime, const crypto::MachineSigner& signer, const IndexMachine& machine,
                 ZoneId zone, Size size, Order order)
    : runtime_(runtime),
      signer_(signer),
      machine_(machine),
      zone_(zone),
      size_(size),
      order_(std::move(order)) {}

std::uint64_t Granter::epoch_now() const {
  return static_cast<std::uint64_t>(machine_.time().ms) / machine_.params().epoch_ms;
}

bool Granter::suffices(const Grant& grant, std::uint64_t noz, std::uint64_t segments) const {
  return grant.record.id.value != 0 && grant.record.epoch.value == epoch_now() &&
         grant.noz_left >= noz && grant.record.segments - grant.next_segment >= segments;
}

Task<Result<void>> Granter::reserve(Grant& grant, AccountId payer) {
  ReserveGrant command;
  command.payer = payer;
  command.meta_node = signer_.public_key();
  command.noz = size_.noz;
  command.segments = size_.segments;
  Bytes encoded = codec::encode(command);
  STRATOS_CO_TRY(const Bytes reply, co_await order_(Verb::reserve_grant, std::move(encoded)));
  STRATOS_CO_TRY(grant.record, codec::decode<GrantRecord>(reply));
  grant.noz_left = grant.record.noz;
  grant.next_segment = 0;
  grant.next_serial = 1;
  co_return Result<void>{};
}

Task<Result<std::shared_ptr<Granter::Grant>>> Granter::grant_for(AccountId payer, std::uint64_t noz,
                                                                 std::uint64_t segments) {
  if (noz > size_.noz || segments > size_.segments) co_return fail(Errc::grant_exhausted);
  std::shared_ptr<Grant>& slot = grants_[payer];
  if (!slot) slot = std::make_shared<Grant>(runtime_);
  const std::shared_ptr<Grant> grant = slot;
  if (!suffices(*grant, noz, segments)) {
    STRATOS_CO_CHECK(co_await grant->turn.acquire(5s));
    Result<void> reserved;
    if (!suffices(*grant, noz, segments)) reserved = co_await reserve(*grant, payer);
    grant->turn.release();
    if (!reserved) {
      // Names that nobody pays for are not kept.
      const auto kept = grants_.find(payer);
      const bool unused = grant->record.id.value == 0;
      if (unused && kept != grants_.end() && kept->second == grant) grants_.erase(kept);
      co_return fail(reserved.error());
    }
  }
  co_return grant;
}

Result<NodeTable> Granter::newest_table() const {
  STRATOS_TRY(const Bytes reply,
              machine_.query(GetNodeTable::kPath, codec::encode(GetNodeTable{})));
  return codec::decode<NodeTable>(reply);
}

Task<Result<AllocateReply>> Granter::allocate(AllocateRequest request) {
  const std::size_t n = std::size_t{request.k} + request.m;
  if (request.segments == 0 || request.segments > kMaxAllocations) {
    co_return fail(Errc::invalid_argument, "number of segments");
  }
  STRATOS_CO_TRY(const std::shared_ptr<Grant> grant,
                 co_await grant_for(request.payer, 0, request.segments));
  STRATOS_CO_TRY(const NodeTable table, newest_table());
  AllocateReply reply;
  reply.zone = zone_;
  reply.table_version = table.version;
  reply.good_until = machine_.time() + std::chrono::milliseconds(machine_.params().epoch_ms);
  for (std::uint32_t i = 0; i < request.segments; ++i) {
    AllocateReply::Allocation allocation;
    allocation.segment = keys::segment_id(grant->record.id, grant->next_segment++);
    allocation.ranked = rank(segment_unit(allocation.segment, table), table);
    if (allocation.ranked.size() < write_quorum(request.k, request.m)) {
      co_return fail(Errc::too_few_domains,
                     std::to_string(allocation.ranked.size()) + " failure domains are usable, " +
                         std::to_string(write_quorum(request.k, request.m)) + " are needed");
    }
    if (allocation.ranked.size() > usable_ranks(n)) allocation.ranked.resize(usable_ranks(n));
    reply.allocations.push_back(std::move(allocation));
  }
  co_return reply;
}

SignedLimit Granter::sign(Grant& grant, const LimitsRequest& request, NodeId node) const {
  Limit limit;
  limit.serial = grant.next_serial++;
  limit.grant = grant.record.id;
  limit.zone = zone_;
  limit.epoch = grant.record.epoch;
  limit.payer = request.payer;
  limit.session = request.session;
  limit.node = node;
  limit.action = request.action;
  limit.bytes = request.bytes;
  limit.expires = calendar_of(machine_.params()).limits_expire(grant.record.epoch);
  limit.generation = grant.record.generation;
  grant.noz_left -= request.bytes;
  SignedLimit out;
  out.limit = codec::encode(limit);
  out.signer = signer_.public_key();
  out.signature = signer_.sign(Limit::kDomain, out.limit);
  return out;
}

Task<Result<LimitsReply>> Granter::limits(LimitsRequest request) {
  if (request.nodes.size() > kMaxLimits || request.bytes > kMaxLimitBytes) {
    co_return fail(Errc::invalid_argument, "limits too many or too large");
  }
  if (request.action < Action::put || request.action > Action::repair) {
    co_return fail(Errc::invalid_argument, "action");
  }
  const std::uint64_t total = request.bytes * request.nodes.size();
  STRATOS_CO_TRY(const std::shared_ptr<Grant> grant, co_await grant_for(request.payer, total, 0));
  LimitsReply reply;
  for (NodeId node : request.nodes) reply.limits.push_back(sign(*grant, request, node));
  const WallTime turn = calendar_of(machine_.params()).limits_turn(grant->record.epoch);
  reply.good_for_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, turn.ms - machine_.time().ms));
  co_return reply;
}

}  // namespace stratos::meta
