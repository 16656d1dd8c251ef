#include "meta/records.hpp"

#include <algorithm>
#include <array>

namespace stratos::meta {
namespace {

constexpr std::size_t kMaxFragments = 255;
constexpr std::uint64_t kMaxTermMs = 10ULL * 366 * 86'400'000;

// The place of `key` in the page, added when new.
std::uint32_t key_index(SlicePage& page, const WrappedKey& key) {
  const auto found = std::ranges::find(page.keys, key);
  if (found != page.keys.end()) return static_cast<std::uint32_t>(found - page.keys.begin());
  page.keys.push_back(key);
  return static_cast<std::uint32_t>(page.keys.size() - 1);
}

}  // namespace

bool is_locked(const ObjectLock& lock, WallTime now, bool bypass_governance) {
  if (lock.hold) return true;
  if (lock.mode == LockMode::none || lock.retain_until <= now) return false;
  return lock.mode == LockMode::compliance || !bypass_governance;
}

std::uint64_t length_of(const SlicePage& page) {
  std::uint64_t length = 0;
  for (const Slice& slice : page.slices) length += slice.length;
  return length;
}

std::vector<SlicePage> paginate(const std::vector<SlicePage>& parts) {
  std::vector<SlicePage> pages;
  for (const SlicePage& part : parts) {
    for (const Slice& slice : part.slices) {
      if (pages.empty() || pages.back().slices.size() == kSlicesPerPage) pages.emplace_back();
      Slice moved = slice;
      moved.key = key_index(pages.back(), part.keys.at(slice.key));
      pages.back().slices.push_back(moved);
    }
  }
  return pages;
}

Result<void> check_params(const Params& params) {
  STRATOS_CHECK(check_spread(params.spread));
  for (const Profile& profile : params.profiles) {
    const bool sound =
        profile.k > 0 && profile.copies > 0 && std::size_t{profile.k} + profile.m <= kMaxFragments;
    if (!sound) return fail(Errc::bad_config, "shape of profile " + profile.name);
    if (std::ranges::count(params.profiles, profile.name, &Profile::name) > 1) {
      return fail(Errc::bad_config, "two profiles " + profile.name);
    }
  }
  if (params.epoch_ms == 0) return fail(Errc::bad_config, "epoch_ms");
  for (const std::uint64_t ms :
       {params.epoch_ms, params.lease_margin_ms, params.orphan_ms, params.idempotency_ms,
        params.node_table_ms, params.settlement.open_ms, params.settlement.close_ms,
        params.settlement.keep_ms, params.storage.term_ms, params.storage.grace_ms,
        params.storage.warning_ms}) {
    if (ms > kMaxTermMs) return fail(Errc::bad_config, "a time of more than ten years");
  }
  if (params.storage.noz_per_gib_day > kMaxNozPerGibDay) {
    return fail(Errc::bad_config, "price of storage");
  }
  const Calendar calendar = Calendar::of(params.epoch_ms, params.settlement);
  if (calendar.close_ms <= calendar.open_ms) {
    return fail(Errc::bad_config, "settlement closes before it opens");
  }
  return {};
}

std::string_view name_of(NodeState state) {
  constexpr std::array<std::string_view, 6> kNames = {"unknown",  "up",        "down",
                                                      "draining", "suspended", "left"};
  const auto index = static_cast<std::size_t>(state);
  return kNames[index < kNames.size() ? index : 0];
}

}  // namespace stratos::meta
