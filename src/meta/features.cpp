#include "meta/features.hpp"

#include <algorithm>

#include "meta/records.hpp"

namespace stratos::meta {
namespace {

const Feature* find_feature(std::string_view name) {
  const auto* const found = std::ranges::find(kFeatures, name, &Feature::name);
  return found == kFeatures.end() ? nullptr : &*found;
}

}  // namespace

const Feature* feature_of(Verb verb) {
  if (verb == Verb::rotate_meta_key) return find_feature("meta-key-rotation");
  if (verb == Verb::attach_holders) return find_feature("attach-holders");
  if (verb >= Verb::credit_account && verb <= Verb::set_renewal) {
    return find_feature("paid-storage");
  }
  return nullptr;
}

bool has_feature(const Params& params, std::string_view name) {
  return std::ranges::find(params.features, name) != params.features.end();
}

std::vector<std::string> all_features() {
  std::vector<std::string> names;
  for (const Feature& feature : kFeatures) names.emplace_back(feature.name);
  return names;
}

std::vector<Feature> missing_features(const Params& params) {
  std::vector<Feature> missing;
  for (const Feature& feature : kFeatures) {
    if (!has_feature(params, feature.name)) missing.push_back(feature);
  }
  return missing;
}

}  // namespace stratos::meta
