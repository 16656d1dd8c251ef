// Power cuts at random points of a store's life, RocksDB's files included.
#include <cstdlib>
#include <map>
#include <set>

#include "resource/storage/store_fixture.hpp"

namespace stratos::resource {
namespace {

int from_environment(const char* name, int otherwise) {
  const char* const set = std::getenv(name);
  return set == nullptr ? otherwise : std::atoi(set);
}

class StoragePowerLoss : public StoreFixture {
 protected:
  static constexpr int kLives = 3;

  StoragePowerLoss() {
    options_.volume_bytes = 1 << 20;
    options_.flush_index_after = 16 << 10;
  }

  static Buffer content(std::uint64_t number) {
    SeededRandom random(number);
    const std::uint64_t kind = random.below(4);
    const std::uint64_t most = kind == 0 ? 300'000 : kind == 1 ? 80'000 : 20'000;
    return random_bytes(number, random.below(most));
  }

  // One disk, several power cuts; false when something promised is gone.
  bool survives(std::uint64_t seed) {
    start_on_new_disk(seed);
    SeededRandom random(seed + 1000);
    promised_.clear();
    next_ = 1;
    for (int life = 0; life < kLives; ++life) {
      faulty_->cut_power_after(1 + random.below(200));
      if (open()) {
        if (!holds()) return false;
        work(random);
      }
      store_.reset();
      faulty_->power_off();
      faulty_->recover(random.next_u64());
    }
    const auto opened = open();
    if (!opened) problem_ = opened.error().to_string();
    const bool whole = opened && holds() && goes_on();
    store_.reset();
    return whole;
  }

  void work(Random& random) {
    for (int step = 0; step < 2000 && faulty_->has_power(); ++step) {
      switch (random.below(8)) {
        case 0:
          drop_some(random);
          break;
        case 1:
          now_ = now_ + options_.trash / 3;
          (void)store_->upkeep(now_);
          break;
        case 2:
          (void)store_->flush_index();
          break;
        default:
          write_some(random);
      }
    }
  }

  void write_some(Random& random) {
    std::vector<std::pair<FragmentId, Buffer>> group;
    for (std::uint64_t i = 0; i <= random.below(4); ++i) {
      const std::uint64_t number = next_++;
      group.emplace_back(fragment_id(number), content(number));
    }
    for (const auto& [id, whole] : group) (void)append_all(id, whole, 1 + random.below(100'000));
    if (const auto receipts = store_->commit()) {
      for (const meta::Receipt& receipt : *receipts) {
        promised_[receipt.fragment] = receipt.root;
      }
    }
  }

  void drop_some(Random& random) {
    std::vector<FragmentId> doomed;
    for (const auto& [id, root] : promised_) {
      if (random.below(4) == 0) doomed.push_back(id);
    }
    for (const FragmentId& id : doomed) promised_.erase(id);
    (void)feed(meta::FeedKind::drop, doomed);
  }

  // Every fragment with a receipt is there and whole; nothing else is there in part.
  bool holds() {
    for (const auto& [id, root] : promised_) {
      const auto bytes = load(id);
      if (!bytes || crypto::blake3(*bytes) != root) {
        problem_ = to_string(id) + " is lost: " + (bytes ? "other" : bytes.error().to_string());
        return false;
      }
    }
    const auto items = store_->list(std::nullopt, 100'000);
    for (const auto& item : items.value()) {
      if (item.fragment.state == FragmentState::trashed) continue;
      if (const auto whole = store_->verify(item.id); !whole) {
        problem_ = to_string(item.id) + " is torn";
        return false;
      }
    }
    return true;
  }
  bool goes_on() {
    const FragmentId id = fragment_id(next_++);
    const Buffer whole = random_bytes(1, 50'000);
    const auto receipt = store_fragment(id, whole);
    const auto upkeep = store_->upkeep(now_);
    if (!receipt) problem_ = "cannot write: " + receipt.error().to_string();
    if (!upkeep) problem_ = "no upkeep: " + upkeep.error().to_string();
    return receipt && upkeep && load(id);
  }

  int losses_without_syncs_of(const std::string& pattern) {
    int lost = 0;
    for (std::uint64_t seed = 0; seed < 40 && lost == 0; ++seed) {
      ignored_ = pattern;
      if (!survives(seed)) ++lost;
    }
    return lost;
  }
  void start_on_new_disk(std::uint64_t seed) {
    StoreFixture::start_on_new_disk(seed);
    if (!ignored_.empty()) faulty_->ignore_syncs(ignored_);
  }

  std::map<FragmentId, Hash> promised_;
  std::uint64_t next_ = 1;
  std::string problem_;
  std::string ignored_;
};

TEST_F(StoragePowerLoss, KeepsEveryFragmentWithAReceipt) {
  const int first = from_environment("STRATOS_SEED", 0);
  const int runs = from_environment("STRATOS_POWER_LOSS_POINTS", 300) / kLives;
  for (int seed = first; seed < first + runs; ++seed) {
    ASSERT_TRUE(survives(static_cast<std::uint64_t>(seed))) << "seed " << seed << ": " << problem_;
  }
}

TEST_F(StoragePowerLoss, NoticesAMissingSyncOfVolumes) {
  EXPECT_GT(losses_without_syncs_of("*/volumes/0*"), 0);
}

TEST_F(StoragePowerLoss, NoticesAMissingSyncOfTheVolumeFolder) {
  EXPECT_GT(losses_without_syncs_of("*/volumes"), 0);
}

}  // namespace
}  // namespace stratos::resource
