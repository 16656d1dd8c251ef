// A fragment store on a disk that can fail, for the tests of this folder.
#pragma once
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "crypto/hash.hpp"
#include "io/faulty_file_system.hpp"
#include "resource/storage/fragment_store.hpp"
#include "resource/storage/wire.hpp"

namespace stratos::resource {

inline FragmentId fragment_id(std::uint64_t number, std::uint8_t index = 0) {
  FragmentId id;
  for (int i = 0; i < 8; ++i) {
    id.segment.value[static_cast<std::size_t>(15 - i)] =
        static_cast<std::uint8_t>(number >> (8 * i));
  }
  id.index = index;
  return id;
}

inline Buffer random_bytes(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Buffer buffer = Buffer::allocate(size);
  random.fill(buffer.mutable_view());
  return buffer;
}

class StoreFixture : public ::testing::Test {
 protected:
  StoreFixture() {
    options_.volume_bytes = 8 << 20;
    options_.reserve_bytes = 0;
    options_.rocks.deterministic = true;
    options_.rocks.write_buffer_bytes = 1 << 20;
    options_.rocks.block_cache_bytes = 1 << 20;
  }

  virtual io::FileSystem& fs() { return *faulty_; }
  virtual std::string folder() { return "/node/storage"; }

  Result<void> open() {
    store_.reset();
    STRATOS_TRY(store_, FragmentStore::open(fs(), folder(), options_, signer_, 7));
    store_->set_node(NodeId(3));
    return {};
  }
  void reopen() {
    const auto opened = open();
    ASSERT_TRUE(opened) << opened.error().to_string();
  }
  void start_on_new_disk(std::uint64_t seed) {
    store_.reset();
    faulty_.emplace(seed);
  }

  static Append extent(const FragmentId& id, const Buffer& whole, std::uint64_t offset,
                       std::uint64_t length) {
    Append append;
    append.fragment = id;
    append.zone = ZoneId(0);
    append.k = 4;
    append.m = 2;
    append.offset = offset;
    append.data = whole.slice(offset, length);
    append.seal = offset + length == whole.size();
    if (append.seal) append.root = crypto::blake3(whole.view());
    return append;
  }
  // Appends all extents; the fragment waits for commit().
  Result<Appended> append_all(const FragmentId& id, const Buffer& whole,
                              std::size_t step = kMaxExtentBytes) {
    std::uint64_t offset = 0;
    while (true) {
      const std::uint64_t length = std::min<std::uint64_t>(step, whole.size() - offset);
      STRATOS_TRY(const Appended appended, store_->append(extent(id, whole, offset, length), now_));
      offset += length;
      if (offset == whole.size()) return appended;
    }
  }
  Result<meta::Receipt> store_fragment(const FragmentId& id, const Buffer& whole,
                                       std::size_t step = kMaxExtentBytes) {
    STRATOS_CHECK(append_all(id, whole, step));
    STRATOS_TRY(const auto receipts, store_->commit());
    for (const meta::Receipt& receipt : receipts) {
      if (receipt.fragment == id) return receipt;
    }
    return fail(Errc::internal, "no receipt");
  }
  // The whole fragment, with and without verification, or what went wrong.
  Result<Bytes> load(const FragmentId& id, bool verify = true) {
    Bytes bytes;
    while (true) {
      STRATOS_TRY(const ReadResult part,
                  store_->read(id, bytes.size(), kMaxExtentBytes, false, verify));
      append(bytes, part.data.view());
      if (part.data.empty() || bytes.size() == part.fragment_length) return bytes;
    }
  }
  void expect_stored(const FragmentId& id, const Buffer& whole) {
    for (const bool verify : {false, true}) {
      const auto bytes = load(id, verify);
      ASSERT_TRUE(bytes) << to_string(id) << ": " << bytes.error().to_string();
      ASSERT_TRUE(std::ranges::equal(*bytes, whole.view())) << to_string(id);
    }
  }
  void settle() {
    while (true) {
      const auto outcome = store_->upkeep(now_);
      ASSERT_TRUE(outcome) << outcome.error().to_string();
      if (!outcome->more) return;
    }
  }
  Result<void> feed(meta::FeedKind kind, std::vector<FragmentId> ids) {
    std::vector<meta::FeedEntry> entries;
    std::uint64_t cursor = store_->feed_cursor();
    for (const FragmentId& id : ids) entries.push_back({++cursor, kind, id});
    STRATOS_TRY(last_feed_, store_->apply_feed(entries, cursor, now_));
    return {};
  }

  std::optional<io::FaultyFileSystem> faulty_{std::in_place};
  SeededRandom random_{42};
  crypto::MachineSigner signer_ = crypto::MachineSigner::draw(random_);
  StoreOptions options_;
  WallTime now_{1'000'000'000};
  FeedOutcome last_feed_;
  std::unique_ptr<FragmentStore> store_;
};

}  // namespace stratos::resource
