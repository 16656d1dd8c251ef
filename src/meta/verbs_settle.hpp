// The verbs of settlement, and what falls due in it. Rules: docs/formats/settlement.md.
#pragma once
#include "meta/settlement.hpp"
#include "meta/verbs.hpp"

namespace stratos::meta {

Result<Bytes> run(Context& context, const SettleOrders& command);
Result<Bytes> run(Context& context, const HandInSplit& command);
Result<Bytes> run(Context& context, const SignReport& command);

// A grant was reserved: its use is accounted when its epoch closes.
void note_grant(Context& context, const GrantRecord& grant);
// Returns what a grant did not use, unless that was done before, and forgets its use.
void close_grant(Context& context, const GrantRecord& grant);
// Due work of settlement: the rows it freed, nullopt when `item` is of another kind.
std::optional<std::size_t> sweep_settlement(Context& context, const keys::DueItem& item);

// Signatures inside the commands of settlement. `state` is the committed one.
Result<void> admit_settlement(const State& state, const Item& item);
// Commands that only meta nodes order themselves.
bool is_of_meta_nodes(Verb verb);

// The leaves of an epoch's report, as far as it is settled.
std::vector<value::PayerLeaf> payer_leaves(const State& state, Epoch epoch);
std::vector<value::NodeLeaf> node_leaves(const State& state, Epoch epoch);

}  // namespace stratos::meta
