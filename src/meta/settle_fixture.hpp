// For tests of settlement: an index whose epochs are short, with nodes and clients that sign.
#pragma once
#include "meta/settler.hpp"
#include "meta/test_index.hpp"
#include "meta/verbs_settle.hpp"

namespace stratos::meta {

inline Params settle_params() {
  Params params = test_params();
  params.epoch_ms = 100'000;
  params.settlement.open_ms = 20'000;
  params.settlement.close_ms = 300'000;
  params.settlement.keep_ms = 500'000;
  params.settlement.zone = ZoneId(1);
  return params;
}

class SettleTest : public ::testing::Test {
 protected:
  SettleTest() : index_(settle_params()) {
    // From the beginning of an epoch.
    index_.pass_ms(100'000 - static_cast<std::uint64_t>(index_.now().ms) % 100'000);
    index_.idle();
    epoch_ = epoch_now();
    grant_ = index_.reserve(10'000, 10).value();
  }

  Calendar calendar() const { return calendar_of(index_.machine_params()); }
  Epoch epoch_now() const { return calendar().epoch_at(index_.now()); }
  // Moves ordered time to this point, at least a block.
  void go_to(WallTime time) {
    if (index_.now() < time) {
      index_.pass_ms(static_cast<std::uint64_t>(time.ms - index_.now().ms));
    }
    index_.idle();
  }
  void open() { go_to(calendar().opens(epoch_)); }
  void close() {
    go_to(calendar().closes(epoch_));
    index_.idle();
  }

  SettleOrders::Share share(std::uint64_t bytes, Action action = Action::get) const {
    SettleOrders::Share share;
    share.grant = grant_.id;
    share.session = session_.public_key();
    share.action = action;
    share.limit_bytes = 1000;
    share.bytes = bytes;
    return share;
  }
  SettleOrders settle_of(NodeId node, std::vector<SettleOrders::Share> shares,
                         std::uint8_t digest = 1) const {
    SettleOrders command;
    command.node = node;
    command.epoch = epoch_;
    command.digest.value[0] = digest;
    command.signature =
        index_.signer_of(node).sign(kHandInDomain, hand_in_message(node, epoch_, command.digest));
    command.orders = 1;
    command.shares = std::move(shares);
    return command;
  }
  HandInSplit split_of(std::vector<Split::Row> rows) const {
    Split split;
    split.epoch = epoch_;
    split.session = session_.public_key();
    split.payer = TestIndex::owner();
    split.rows = std::move(rows);
    HandInSplit command;
    command.split = codec::encode(split);
    command.signature = session_.sign(Split::kDomain, command.split);
    return command;
  }
  GetUsage::Reply usage() const {
    GetUsage query;
    query.epoch = epoch_;
    return index_.ask(query).value();
  }
  GetSettlement::Reply settlement() const {
    GetSettlement query;
    query.epoch = epoch_;
    return index_.ask(query).value();
  }

  TestIndex index_;
  SeededRandom random_{21};
  crypto::MachineSigner session_ = crypto::MachineSigner::draw(random_);
  Epoch epoch_;
  GrantRecord grant_;
};

}  // namespace stratos::meta
