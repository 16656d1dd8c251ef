// Notices: what is to be told, to somebody outside, of changes to objects. They are stored with the
// change and leave when they were delivered. Format: docs/formats/notices.md.
#pragma once
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "codec/record.hpp"

namespace stratos::meta {

enum class NoticeKind : std::uint8_t {
  created_by_put = 1,
  created_by_form = 2,
  created_by_copy = 3,
  created_of_parts = 4,
  removed = 5,
  marker_created = 6,
  expired = 7,
  marker_by_expiry = 8,
  tags_put = 9,
  tags_removed = 10,
  payment_warning = 11,
  payment_renewed = 12,
  payment_grace = 13,
  payment_removed = 14,
  test = 31,  // says that somebody asked to be told; no rule names it
};
constexpr bool is_of_payment(NoticeKind kind) {
  return kind >= NoticeKind::payment_warning && kind <= NoticeKind::payment_removed;
}
constexpr std::uint32_t bit_of(NoticeKind kind) { return 1U << static_cast<std::uint32_t>(kind); }
constexpr std::uint32_t kAllNoticeKinds = (bit_of(NoticeKind::payment_removed) << 1) - 2;

// Who is told of which changes of a bucket: every part must hold.
struct NoticeRule {
  std::string id;      // the owner's name for it
  std::string target;  // a destination's name, which only gateways know more of
  std::uint32_t kinds = 0;
  std::string prefix;
  std::string suffix;
  static void fields(auto& self, auto&& field) {
    field(1, self.id);
    field(2, self.target);
    field(3, self.kinds);
    field(4, self.prefix);
    field(5, self.suffix);
  }
};
struct NoticeRules {
  static constexpr std::uint8_t kFormat = 1;
  std::vector<NoticeRule> rules;
  Bytes unknown;
  static void fields(auto& self, auto&& field) { field(1, self.rules); }
};
constexpr std::size_t kMaxNoticeRules = 100;
constexpr std::size_t kMaxTargetBytes = 64;
constexpr std::size_t kMaxRuleIdBytes = 1024;
// 1 to 64 of A-Z a-z 0-9 - _
bool is_target_name(std::string_view name);

// How a change came about, as far as its verb does not say so itself.
enum class ChangeWay : std::uint8_t { plain = 0, form = 1, copy = 2, lifecycle = 3 };
// Comes with a command and goes on to the notices of it.
struct Cause {
  ChangeWay way = ChangeWay::plain;
  std::uint64_t origin = 0;  // the gateway that delivers its own notices first; 0: none
  Bytes sealed;              // who asked, from where: for gateways
  static void fields(auto& self, auto&& field) {
    field(1, self.way);
    field(2, self.origin);
    field(3, self.sealed);
  }
};
constexpr std::size_t kMaxCauseBytes = 1024;

struct Notice {
  static constexpr std::uint8_t kFormat = 1;
  NoticeKind kind{};
  WallTime time;
  std::string bucket;
  AccountId owner;  // of the bucket
  std::string rule;
  std::string key;
  std::uint64_t size = 0;
  VersionId version;
  bool versioned = false;
  Bytes sealed_summary;
  std::uint64_t origin = 0;
  Bytes sealed_cause;
  WallTime paid_through;  // of what the payment of a version brings about
  Bytes unknown;
  static void fields(auto& self, auto&& field) {
    field(1, self.kind);
    field(2, self.time);
    field(3, self.bucket);
    field(4, self.owner);
    field(5, self.rule);
    field(6, self.key);
    field(7, self.size);
    field(8, self.version);
    field(9, self.versioned);
    field(10, self.sealed_summary);
    field(11, self.origin);
    field(12, self.sealed_cause);
    field(13, self.paid_through);
  }
};

// Where a notice stands among those of one target. `order` is height and index of the command.
struct NoticePlace {
  BucketId bucket;
  VersionId order;
  friend auto operator<=>(const NoticePlace&, const NoticePlace&) = default;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.order);
  }
};

// The notices of one bucket for one target.
struct NoticeQueue {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t pending = 0;
  VersionId oldest;  // none of them comes before it
  static void fields(auto& self, auto&& field) {
    field(1, self.pending);
    field(2, self.oldest);
  }
};

struct NoticeTotals {
  std::uint64_t pending = 0;
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;  // for want of room, the oldest first
  std::uint64_t expired = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.pending);
    field(2, self.delivered);
    field(3, self.dropped);
    field(4, self.expired);
  }
};

// How many are kept for who does not take them; 0: as many as the constants say.
struct NoticeBounds {
  std::uint64_t per_queue = 0;
  std::uint64_t all = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.per_queue);
    field(2, self.all);
  }
};
constexpr std::uint64_t kNoticesPerQueue = 100'000;
constexpr std::uint64_t kNoticesInAll = 1'000'000;
constexpr std::int64_t kNoticesKeptMs = 24 * 3'600'000;

}  // namespace stratos::meta
