// What clients of a mesh may see: a naive model in memory. Every write is remembered with the time
// it ran and whether it was acknowledged; a write whose answer was lost may or may not have
// happened.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "client/object_client.hpp"
#include "sim/mesh_history.hpp"

namespace stratos::sim {

// Bytes that need not be kept: pieces of pseudo-random streams.
struct Body {
  struct Piece {
    std::uint64_t seed = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
  };
  std::vector<Piece> pieces;

  static Body drawn(Random& random, std::uint64_t size);
  std::uint64_t size() const;
  Bytes bytes() const;
  Body part(std::uint64_t offset, std::uint64_t length) const;
  void append(const Body& more);
};

enum class Answer : std::uint8_t { running, acknowledged, refused, unknown };

struct Write {
  std::uint64_t id = 0;
  bool removes = false;
  Body body;
  client::ETag etag;
  MonotonicTime begun;
  std::optional<MonotonicTime> over;  // its effect, if any, is not later
  Answer answer = Answer::running;
  VersionId version;  // when known
};

// What a read said of one key.
struct Seen {
  MonotonicTime begun;
  std::optional<std::uint64_t> write;  // none: the key is absent
  VersionId version;
  std::uint64_t size = 0;
  client::ETag etag;
};

class Model {
 public:
  // Of a write that may begin later; the bytes stored say which write they are of.
  std::uint64_t draw_id() { return ++last_id_; }
  void begin_put(std::uint64_t id, const std::string& key, Body body, client::ETag etag,
                 MonotonicTime now);
  void begin_remove(std::uint64_t id, const std::string& key, MonotonicTime now);
  void end(std::uint64_t id, Answer answer, VersionId version, MonotonicTime now);
  // Everything that still runs will never be answered.
  void forget_answers(const std::vector<std::uint64_t>& ids);

  // The store lost its memory now: what happened since then may never have happened, and an answer
  // to what is under way may come from before.
  void forget_since(MonotonicTime since, MonotonicTime now);

  // Empty, or what is wrong with it. What was seen then counts as having happened.
  std::string check_read(const std::string& key, const Seen& seen, MonotonicTime now);
  // A row of a listing: it does not say which write it is of.
  std::string check_row(const std::string& key, MonotonicTime begun,
                        const client::ListPage::Entry* row, MonotonicTime now) const;

  // What was done to a key and seen of it, for check_history(). Empty when the store lost memory
  // meanwhile.
  std::vector<Access> history(const std::string& key) const;

  const Write* find(std::uint64_t id) const;
  std::vector<std::string> keys() const;
  std::uint64_t writes() const { return by_id_.size(); }
  std::uint64_t unknown_writes() const;

 private:
  struct Key {
    std::vector<Write> writes;
    // What later reads may not fall behind, and since when.
    struct Floor {
      MonotonicTime since;
      VersionId version;
    };
    std::vector<Floor> floors;
    std::vector<Access> reads;
  };
  bool may_stand(const Key& key, const Write* write, MonotonicTime begun, MonotonicTime now) const;
  void raise_floor(Key& key, VersionId version, MonotonicTime now);
  Write& at(std::uint64_t id);

  MonotonicTime lost_;
  std::uint64_t last_id_ = 0;
  std::map<std::string, Key> keys_;
  std::map<std::uint64_t, std::pair<std::string, std::size_t>> by_id_;
};

}  // namespace stratos::sim
