#include "sim/mesh_model.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace stratos::sim {

Body Body::drawn(Random& random, std::uint64_t size) {
  Body body;
  if (size > 0) body.pieces.push_back({random.next_u64(), 0, size});
  return body;
}

std::uint64_t Body::size() const {
  std::uint64_t size = 0;
  for (const Piece& piece : pieces) size += piece.length;
  return size;
}

Bytes Body::bytes() const {
  Bytes all;
  all.reserve(size());
  for (const Piece& piece : pieces) {
    Bytes stream(piece.offset + piece.length);
    SeededRandom(piece.seed).fill(stream);
    all.insert(all.end(), stream.begin() + static_cast<std::ptrdiff_t>(piece.offset), stream.end());
  }
  return all;
}

Body Body::part(std::uint64_t offset, std::uint64_t length) const {
  Body part;
  std::uint64_t at = 0;
  for (const Piece& piece : pieces) {
    const std::uint64_t begin = std::max(at, offset);
    const std::uint64_t end = std::min(at + piece.length, offset + length);
    if (begin < end) part.pieces.push_back({piece.seed, piece.offset + begin - at, end - begin});
    at += piece.length;
  }
  return part;
}

void Body::append(const Body& more) {
  pieces.insert(pieces.end(), more.pieces.begin(), more.pieces.end());
}

Write& Model::at(std::uint64_t id) {
  const auto found = by_id_.find(id);
  STRATOS_ASSERT(found != by_id_.end(), "the write has begun");
  return keys_[found->second.first].writes[found->second.second];
}

const Write* Model::find(std::uint64_t id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return nullptr;
  return &keys_.find(found->second.first)->second.writes[found->second.second];
}

void Model::begin_put(std::uint64_t id, const std::string& key, Body body, client::ETag etag,
                      MonotonicTime now) {
  std::vector<Write>& writes = keys_[key].writes;
  by_id_.emplace(id, std::pair(key, writes.size()));
  Write& write = writes.emplace_back();
  write.id = id;
  write.body = std::move(body);
  write.etag = etag;
  write.begun = now;
}

void Model::begin_remove(std::uint64_t id, const std::string& key, MonotonicTime now) {
  begin_put(id, key, {}, {}, now);
  at(id).removes = true;
}

void Model::end(std::uint64_t id, Answer answer, VersionId version, MonotonicTime now) {
  Write& write = at(id);
  const bool is_lost = answer == Answer::acknowledged && write.begun < lost_;
  write.answer = is_lost ? Answer::unknown : answer;
  if (is_lost) return;
  write.version = version;
  if (answer != Answer::acknowledged) return;
  write.over = std::min(write.over.value_or(now), now);
  if (!write.removes) raise_floor(keys_[by_id_.find(id)->second.first], version, now);
}

void Model::forget_answers(const std::vector<std::uint64_t>& ids) {
  for (const std::uint64_t id : ids) {
    if (!by_id_.contains(id)) continue;
    Write& write = at(id);
    if (write.answer == Answer::running) write.answer = Answer::unknown;
  }
}

void Model::forget_since(MonotonicTime since, MonotonicTime now) {
  lost_ = now;
  for (auto& [name, key] : keys_) {
    for (Write& write : key.writes) {
      if (!write.over || *write.over < since) continue;
      write.over.reset();
      write.version = {};
      if (write.answer == Answer::acknowledged) write.answer = Answer::unknown;
    }
    std::erase_if(key.floors, [&](const Key::Floor& floor) { return floor.since >= since; });
  }
}

void Model::raise_floor(Key& key, VersionId version, MonotonicTime now) {
  if (key.floors.empty() || version > key.floors.back().version) {
    key.floors.push_back({now, version});
  }
}

// Whether the state that `write` left (nullptr: the empty one) may be what a read during
// [begun, now] sees.
bool Model::may_stand(const Key& key, const Write* write, MonotonicTime begun,
                      MonotonicTime now) const {
  if (write != nullptr) {
    if (write->answer == Answer::refused || write->begun > now) return false;
    if (!write->over) return true;
  }
  return std::ranges::none_of(key.writes, [&](const Write& other) {
    const bool behind = write == nullptr || other.begun > *write->over;
    return &other != write && behind && other.over && *other.over < begun;
  });
}

std::string Model::check_read(const std::string& name, const Seen& seen, MonotonicTime now) {
  Key& key = keys_[name];
  key.reads.push_back({seen.begun, now, false, seen.write.value_or(0)});
  if (!seen.write) {
    if (may_stand(key, nullptr, seen.begun, now)) return {};
    const bool removed = std::ranges::any_of(key.writes, [&](const Write& write) {
      return write.removes && may_stand(key, &write, seen.begun, now);
    });
    return removed ? "" : "an acknowledged object is gone";
  }
  const auto place = by_id_.find(*seen.write);
  if (place == by_id_.end() || place->second.first != name) return "an object nobody wrote here";
  Write& write = at(*seen.write);
  if (write.removes) return "an object that is a removal";
  if (seen.size != write.body.size()) return "another size than was written";
  if (seen.etag != write.etag) return "another etag than was written";
  if (!may_stand(key, &write, seen.begun, now)) return "a value from before";
  for (const Key::Floor& floor : key.floors) {
    if (floor.since < seen.begun && seen.version < floor.version)
      return "an older version came back";
  }
  if (seen.begun < lost_) return {};
  if (!write.version.is_zero() && write.version != seen.version)
    return "a value under two versions";
  write.version = seen.version;
  write.over = std::min(write.over.value_or(now), now);
  raise_floor(key, seen.version, now);
  return {};
}

std::string Model::check_row(const std::string& name, MonotonicTime begun,
                             const client::ListPage::Entry* row, MonotonicTime now) const {
  const auto found = keys_.find(name);
  if (found == keys_.end()) return row == nullptr ? "" : "a row of a key nobody wrote";
  const Key& key = found->second;
  if (row == nullptr && may_stand(key, nullptr, begun, now)) return {};
  const bool fits = std::ranges::any_of(key.writes, [&](const Write& write) {
    const bool same = row == nullptr ? write.removes
                                     : !write.removes && write.body.size() == row->size &&
                                           write.etag == row->etag;
    return same && may_stand(key, &write, begun, now);
  });
  if (fits) return {};
  return row == nullptr ? "an acknowledged object is not listed" : "a row from before";
}

std::vector<Access> Model::history(const std::string& name) const {
  const auto found = keys_.find(name);
  if (found == keys_.end() || lost_ != MonotonicTime()) return {};
  std::vector<Access> accesses = found->second.reads;
  for (const Write& write : found->second.writes) {
    if (write.answer == Answer::refused) continue;
    accesses.push_back({write.begun, write.over, true, write.removes ? 0 : write.id});
  }
  return accesses;
}

std::vector<std::string> Model::keys() const {
  std::vector<std::string> names;
  for (const auto& [name, key] : keys_) names.push_back(name);
  return names;
}

std::uint64_t Model::unknown_writes() const {
  std::uint64_t count = 0;
  for (const auto& [name, key] : keys_) {
    count +=
        static_cast<std::uint64_t>(std::ranges::count(key.writes, Answer::unknown, &Write::answer));
  }
  return count;
}

}  // namespace stratos::sim
