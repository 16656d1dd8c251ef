// State: the index's committed key-value state with the changes of the block that is being applied
// on top. Errors of the store below are sticky: they surface once, when the block ends.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "codec/record.hpp"
#include "crypto/hash.hpp"
#include "kv/store.hpp"

namespace stratos::meta {

// Sorts as unsigned bytes; finds keys by views.
struct KeyLess {
  using is_transparent = void;
  bool operator()(ByteView a, ByteView b) const { return as_text(a) < as_text(b); }
};

class State {
 public:
  using Rows = std::map<Bytes, std::optional<Bytes>, KeyLess>;  // nullopt: absent

  // `base` outlives the State and does not change meanwhile.
  explicit State(const kv::Reader& base) : base_(base) {}

  std::optional<Bytes> get(ByteView key) const;
  bool has(ByteView key) const { return get(key).has_value(); }
  void put(Bytes key, Bytes value);
  // For keys that never were in the committed state: spares looking. A wrong claim spoils the
  // multiset hash; debug builds look and assert.
  void put_new(Bytes key, Bytes value);
  void erase(const Bytes& key);
  // Calls visit(key, value) in key order over [lower, upper) until it returns false. The visitor
  // must not change the state.
  using Visitor = std::function<bool(ByteView key, ByteView value)>;
  void scan(ByteView lower, ByteView upper, const Visitor& visit) const;

  template <codec::Record R>
  std::optional<R> load(ByteView key) const {
    const std::optional<Bytes> bytes = get(key);
    if (!bytes) return std::nullopt;
    Result<R> record = codec::decode<R>(*bytes);
    if (!record) {
      note_error(Error(Errc::store_corrupt, "record " + to_hex(key), record.error()));
      return std::nullopt;
    }
    return std::move(*record);
  }
  // The same for rows that command after command reads, decoded once until the row changes. All
  // readers of a row ask for the same type; nullptr when it is absent.
  template <codec::Record R>
  std::shared_ptr<const R> load_shared(ByteView key) const {
    if (const auto known = decoded_.find(key); known != decoded_.end()) {
      return std::static_pointer_cast<const R>(known->second);
    }
    std::optional<R> record = load<R>(key);
    if (!record) return nullptr;
    auto shared = std::make_shared<const R>(std::move(*record));
    keep_decoded(key, shared);
    return shared;
  }
  template <codec::Record R>
  void store(Bytes key, const R& record) {
    put(std::move(key), codec::encode(record));
  }
  template <codec::Record R>
  void store_new(Bytes key, const R& record) {
    put_new(std::move(key), codec::encode(record));
  }
  std::uint64_t counter(std::string_view name) const;
  // The next number, beginning with 1.
  std::uint64_t next(std::string_view name) { return advance(name, 1); }
  std::uint64_t advance(std::string_view name, std::uint64_t by);

  // Everything since begin() can be taken back, once.
  void begin() { undo_.clear(); }
  void rollback();

  Result<void> status() const;
  // A row that is not what it should be, Errc::store_corrupt from now on.
  void note_corrupt(ByteView key, std::string_view what) const;
  const Rows& changes() const { return changes_; }
  // Moves the multiset hash from the committed state to this one.
  void update_hash(crypto::LtHash& hash) const;

 private:
  void change(Bytes key, std::optional<Bytes> value);
  // What the store below holds; nullptr when it failed. Valid until the next call.
  const std::optional<Bytes>* committed(ByteView key) const;
  void note_error(Error error) const;
  void keep_decoded(ByteView key, std::shared_ptr<const void> record) const;

  const kv::Reader& base_;
  Rows changes_;
  // What was read below: a block reads the same rows again and again.
  mutable Rows reads_;
  mutable std::map<Bytes, std::shared_ptr<const void>, KeyLess> decoded_;
  // What stood in changes_ before; the outer nullopt means nothing did.
  std::vector<std::pair<Bytes, std::optional<std::optional<Bytes>>>> undo_;
  mutable std::optional<Error> error_;
};

}  // namespace stratos::meta
