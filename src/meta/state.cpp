#include "meta/state.hpp"

#include <algorithm>
#include <ranges>

#include "base/assert.hpp"
#include "meta/keys.hpp"

namespace stratos::meta {

std::optional<Bytes> State::get(ByteView key) const {
  const auto changed = changes_.find(key);
  if (changed != changes_.end()) return changed->second;
  const std::optional<Bytes>* found = committed(key);
  return found == nullptr ? std::nullopt : *found;
}

const std::optional<Bytes>* State::committed(ByteView key) const {
  constexpr std::size_t kReadsKept = 65'536;
  if (const auto known = reads_.find(key); known != reads_.end()) return &known->second;
  Result<std::optional<Bytes>> found = base_.get(key);
  if (!found) {
    note_error(std::move(found).error());
    return nullptr;
  }
  if (reads_.size() >= kReadsKept) reads_.clear();
  return &reads_.emplace(to_bytes(key), std::move(*found)).first->second;
}

void State::put_new(Bytes key, Bytes value) {
#ifndef NDEBUG
  const std::optional<Bytes>* before = committed(key);
  STRATOS_ASSERT(before == nullptr || !*before, "the key is new");
#else
  reads_.try_emplace(key, std::nullopt);
#endif
  change(std::move(key), std::move(value));
}

void State::put(Bytes key, Bytes value) { change(std::move(key), std::move(value)); }
void State::erase(const Bytes& key) { change(key, std::nullopt); }

void State::change(Bytes key, std::optional<Bytes> value) {
  decoded_.erase(key);
  const auto found = changes_.find(key);
  if (found == changes_.end()) {
    undo_.emplace_back(key, std::nullopt);
    changes_.emplace(std::move(key), std::move(value));
  } else {
    undo_.emplace_back(std::move(key), std::move(found->second));
    found->second = std::move(value);
  }
}

void State::rollback() {
  for (auto& [key, before] : std::views::reverse(undo_)) {
    decoded_.erase(key);
    if (before) {
      changes_[key] = std::move(*before);
    } else {
      changes_.erase(key);
    }
  }
  undo_.clear();
}

void State::scan(ByteView lower, ByteView upper, const Visitor& visit) const {
  const bool empty = !upper.empty() && !std::ranges::lexicographical_compare(lower, upper);
  if (empty) return;
  const std::unique_ptr<kv::Iterator> below = base_.iterate(lower, upper);
  auto above = changes_.lower_bound(lower);
  const auto above_end = upper.empty() ? changes_.end() : changes_.lower_bound(upper);
  below->seek(lower);
  bool more = true;
  while (more && (below->valid() || above != above_end)) {
    const bool take_above =
        above != above_end &&
        (!below->valid() || !std::ranges::lexicographical_compare(below->key(), above->first));
    if (take_above) {
      if (below->valid() && std::ranges::equal(below->key(), above->first)) below->next();
      if (above->second) more = visit(above->first, *above->second);
      ++above;
    } else {
      more = visit(below->key(), below->value());
      below->next();
    }
  }
  if (const Result<void> status = below->status(); !status) note_error(status.error());
}

std::uint64_t State::counter(std::string_view name) const {
  const std::optional<Bytes> value = get(keys::named(keys::Family::counter, name));
  return value && value->size() == 8 ? get_be<std::uint64_t>(*value) : 0;
}

std::uint64_t State::advance(std::string_view name, std::uint64_t by) {
  const std::uint64_t number = counter(name) + by;
  Bytes value;
  put_be(value, number);
  put(keys::named(keys::Family::counter, name), std::move(value));
  return number;
}

void State::update_hash(crypto::LtHash& hash) const {
  for (const auto& [key, value] : changes_) {
    if (key[0] == static_cast<std::uint8_t>(keys::Family::machine)) continue;
    const std::optional<Bytes>* before = committed(key);
    if (before == nullptr) return;
    if (*before == value) continue;
    if (*before) hash.remove(key, **before);
    if (value) hash.add(key, *value);
  }
}

Result<void> State::status() const {
  if (error_) return fail(*error_);
  return {};
}

void State::keep_decoded(ByteView key, std::shared_ptr<const void> record) const {
  constexpr std::size_t kDecodedKept = 1024;
  if (decoded_.size() >= kDecodedKept) decoded_.clear();
  decoded_.emplace(to_bytes(key), std::move(record));
}

void State::note_corrupt(ByteView key, std::string_view what) const {
  note_error(Error(Errc::store_corrupt, std::string(what) + ", row " + to_hex(key)));
}

void State::note_error(Error error) const {
  if (!error_) error_ = std::move(error);
}

}  // namespace stratos::meta
