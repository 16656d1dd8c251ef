// Named features: commands that a network obeys only once they are switched on, so that meta nodes
// of two releases never disagree about a block. Rules: docs/formats/index.md.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "meta/verb.hpp"

namespace stratos::meta {

struct Params;

struct Feature {
  std::string_view name;
  std::string_view about;
};
// In the order in which they came; never removed or renamed. What has no feature stands in the
// first release.
inline constexpr std::array kFeatures = {
    Feature{"meta-key-rotation", "meta nodes take another key"},
    Feature{"attach-holders", "what nodes hold is compared with a restored index"},
    Feature{"paid-storage", "accounts are credited, objects are paid for terms"},
};

// The feature that a command belongs to; nullptr: none.
const Feature* feature_of(Verb verb);
bool has_feature(const Params& params, std::string_view name);
// What a new network begins with.
std::vector<std::string> all_features();
// Known to this release and not switched on, in order.
std::vector<Feature> missing_features(const Params& params);

}  // namespace stratos::meta
