#include "meta/settlement.hpp"

#include "crypto/hash.hpp"
#include "meta/keys.hpp"

namespace stratos::meta {

void HandInDigest::add(const OrderSum& order) {
  put_be(bytes_, order.grant.value);
  put_be(bytes_, order.serial);
  put_be(bytes_, order.bytes);
}

Hash HandInDigest::finish() const { return crypto::blake3(bytes_); }

Bytes hand_in_message(NodeId node, Epoch epoch, const Hash& digest) {
  Bytes message;
  put_be(message, node.value);
  put_be(message, epoch.value);
  append(message, digest.view());
  return message;
}

std::uint64_t* counter_of(value::Volume& volume, Action action) {
  switch (action) {
    case Action::put:
      return &volume.put;
    case Action::get:
      return &volume.get;
    case Action::audit:
      return &volume.audit;
    case Action::repair:
      return &volume.repair;
  }
  return nullptr;
}

std::uint64_t bytes_of(const value::Volume& volume, Action action) {
  value::Volume copy = volume;
  const std::uint64_t* const counter = counter_of(copy, action);
  return counter == nullptr ? 0 : *counter;
}

}  // namespace stratos::meta

namespace stratos::meta::keys {
namespace {

constexpr std::size_t kEpochAt = 2;
constexpr std::size_t kSessionAt = kEpochAt + 8;

}  // namespace

Bytes settled(Settled kind) {
  return {static_cast<std::uint8_t>(Family::settlement), static_cast<std::uint8_t>(kind)};
}
Bytes settled(Settled kind, Epoch epoch) {
  Bytes key = settled(kind);
  put_be(key, epoch.value);
  return key;
}
Bytes open_grant(Epoch epoch, GrantId grant) {
  Bytes key = settled(Settled::open_grant, epoch);
  put_be(key, grant.value);
  return key;
}
Bytes grant_use(GrantId grant) {
  Bytes key = settled(Settled::grant_use);
  put_be(key, grant.value);
  return key;
}
Bytes settled_node(Epoch epoch, NodeId node) {
  Bytes key = settled(Settled::node, epoch);
  put_be(key, node.value);
  return key;
}
Bytes shares_of(Epoch epoch, const crypto::MachineKey& session) {
  Bytes key = settled(Settled::share, epoch);
  append(key, session.view());
  return key;
}
Bytes session_share(Epoch epoch, const crypto::MachineKey& session, NodeId node) {
  Bytes key = shares_of(epoch, session);
  put_be(key, node.value);
  return key;
}
Bytes settled_payer(Epoch epoch, const AccountId& payer) {
  Bytes key = settled(Settled::payer, epoch);
  append(key, payer.view());
  return key;
}
Bytes split(Epoch epoch, const crypto::MachineKey& session) {
  Bytes key = settled(Settled::split, epoch);
  append(key, session.view());
  return key;
}
Bytes conflict(Epoch epoch, NodeId node) {
  Bytes key = settled(Settled::conflict, epoch);
  put_be(key, node.value);
  return key;
}
Bytes report(Epoch epoch) { return settled(Settled::report, epoch); }
Bytes consumed(const AccountId& account) {
  Bytes key = settled(Settled::consumed);
  append(key, account.view());
  return key;
}

Epoch epoch_of(ByteView key) { return Epoch(get_be<std::uint64_t>(key.subspan(kEpochAt))); }
crypto::MachineKey session_of(ByteView key) {
  return crypto::MachineKey::from(key.subspan(kSessionAt, crypto::MachineKey::kSize)).value();
}

}  // namespace stratos::meta::keys
