#include <algorithm>

#include "meta/features.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {
// Counters: restores that there were, and how many of them an operator has confirmed.
constexpr std::string_view kRestores = "restore";
constexpr std::string_view kConfirmed = "restore_confirmed";
constexpr std::string_view kScanWanted = "scan_wanted";  // by the restore of this number

void raise_to(State& state, std::string_view counter, std::uint64_t value) {
  const std::uint64_t now = state.counter(counter);
  if (now < value) state.advance(counter, value - now);
}

// As an earlier command of this block may have left them.
Params stored_params(const Context& context) {
  return context.state.load<Params>(keys::of(keys::Family::params)).value_or(context.params);
}
}  // namespace

ZoneState zone_state(const State& state) {
  const std::uint64_t restores = state.counter(kRestores);
  ZoneState zone;
  zone.generation = Generation(1 + restores);
  zone.drops_pause = state.counter(kConfirmed) < restores;
  zone.scan_wanted = state.counter(kConfirmed) < state.counter(kScanWanted);
  return zone;
}

Result<Bytes> run(Context& context, const BeginGeneration& command) {
  const std::uint64_t restores = context.state.next(kRestores);
  const Feature* const feature = feature_of(Verb::attach_holders);
  if (command.scan && has_feature(stored_params(context), feature->name))
    raise_to(context.state, kScanWanted, restores);
  context.state.advance("grant", kGrantsSkipped);
  BeginGeneration::Reply reply;
  reply.generation = zone_state(context.state).generation;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const ResumeDrops&) {
  raise_to(context.state, kConfirmed, context.state.counter(kRestores));
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const EnableFeatures& command) {
  Params params = stored_params(context);
  for (const std::string& name : command.names) {
    if (std::ranges::find(kFeatures, name, &Feature::name) == kFeatures.end()) {
      return fail(Errc::not_implemented, "feature " + name);
    }
    if (!has_feature(params, name)) params.features.push_back(name);
  }
  context.state.store(keys::of(keys::Family::params), params);
  return codec::encode(Nothing{});
}

Result<Bytes> run(Context& context, const RotateMetaKey& command) {
  STRATOS_CHECK(check_chain(command.chain));
  Params params = stored_params(context);
  const std::size_t seat = seat_of(command.chain, params.meta_keys);
  if (seat == params.meta_keys.size()) {
    return fail(Errc::peer_not_trusted, "the rotation begins with no meta node's key");
  }
  const crypto::MachineKey& next = command.chain.links.back().next;
  if (std::ranges::find(params.meta_keys, next) != params.meta_keys.end()) {
    return codec::encode(Nothing{});
  }
  params.past_meta_keys.push_back({params.meta_keys[seat], next, context.time});
  if (params.past_meta_keys.size() > kPastMetaKeysKept) {
    params.past_meta_keys.erase(params.past_meta_keys.begin());
  }
  params.meta_keys[seat] = next;
  context.state.store(keys::of(keys::Family::params), params);
  return codec::encode(Nothing{});
}

std::size_t seat_of(const MetaKeyChain& chain, std::span<const crypto::MachineKey> meta_keys) {
  // The latest link counts: those before it are of rotations that the index has taken.
  for (std::size_t i = chain.links.size(); i-- > 0;) {
    const auto found = std::ranges::find(meta_keys, chain.links[i].previous);
    if (found != meta_keys.end()) return static_cast<std::size_t>(found - meta_keys.begin());
  }
  return meta_keys.size();
}

std::vector<crypto::MachineKey> limit_signers(const Params& params) {
  std::vector<crypto::MachineKey> signers = params.meta_keys;
  for (const PastMetaKey& past : params.past_meta_keys) signers.push_back(past.key);
  return signers;
}

std::vector<crypto::MachineKey> registry_of(const Params& params,
                                            std::span<const crypto::MachineKey> signers) {
  std::vector<crypto::MachineKey> registry = params.meta_keys;
  for (const crypto::MachineKey& signer : signers) {
    crypto::MachineKey heir = signer;
    for (const PastMetaKey& past : params.past_meta_keys) {
      if (past.key == heir) heir = past.next;
    }
    const auto seat = std::ranges::find(registry, heir);
    if (seat != registry.end()) *seat = signer;
  }
  return registry;
}

}  // namespace stratos::meta
