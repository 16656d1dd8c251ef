// An audit: which byte of a node is asked for, and whether what it answers is what it should hold.
// Pure; whoever checks audits mirrors it. Format: docs/formats/audit.md.
#pragma once
#include "base/buffer.hpp"
#include "base/ids.hpp"
#include "meta/node_orders.hpp"

namespace stratos::meta {

// Randomness that all who follow the order see, and that nobody knew before it was ordered.
class OrderedRandomness {
 public:
  virtual ~OrderedRandomness() = default;
  virtual Hash latest() const = 0;
};

// The byte of an inventory of `bytes` bytes that draw `number` of the node falls on. Every byte is
// as likely as any other, so fragments come up by their length. Requires bytes > 0.
std::uint64_t draw_position(const Hash& randomness, NodeId node, std::uint64_t number,
                            std::uint64_t bytes);

// Whether the answer proves that the node holds leaf `leaf` of the fragment with this root and
// length. Errc::hash_mismatch, Errc::malformed_message.
Result<void> check_audit(const Hash& root, std::uint64_t length, std::uint64_t leaf,
                         const AuditReply& reply, ByteView bytes);

// What an error of a node's means for its audit.
enum class AuditVerdict : std::uint8_t {
  missing,  // it has not got the fragment
  damaged,  // it has something else
  silent,   // nothing was learnt: ask again
};
AuditVerdict verdict_of(Errc error);

}  // namespace stratos::meta
