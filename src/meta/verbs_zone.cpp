#include "meta/verbs.hpp"

namespace stratos::meta {
namespace {
// Counters: restores that there were, and how many of them an operator has confirmed.
constexpr std::string_view kRestores = "restore";
constexpr std::string_view kConfirmed = "restore_confirmed";
}  // namespace

ZoneState zone_state(const State& state) {
  const std::uint64_t restores = state.counter(kRestores);
  ZoneState zone;
  zone.generation = Generation(1 + restores);
  zone.drops_pause = state.counter(kConfirmed) < restores;
  return zone;
}

Result<Bytes> run(Context& context, const BeginGeneration&) {
  context.state.next(kRestores);
  context.state.advance("grant", kGrantsSkipped);
  BeginGeneration::Reply reply;
  reply.generation = zone_state(context.state).generation;
  return codec::encode(reply);
}

Result<Bytes> run(Context& context, const ResumeDrops&) {
  const std::uint64_t open = context.state.counter(kRestores) - context.state.counter(kConfirmed);
  if (open != 0) context.state.advance(kConfirmed, open);
  return codec::encode(Nothing{});
}

}  // namespace stratos::meta
