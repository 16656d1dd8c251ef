// What happens to notices in the index: changes add them, gateways read them and take off what was
// delivered, and what nobody took goes after a day or when there are too many.
#pragma once
#include "meta/verbs.hpp"

namespace stratos::meta {

// Takes notices off that were delivered; what is not there any more is left out.
// Errc::too_large above kMaxPlaces.
struct TakeOffNotices {
  static constexpr Verb kVerb = Verb::take_off_notices;
  static constexpr std::size_t kMaxPlaces = 1000;
  using Reply = Nothing;
  std::string target;
  std::vector<NoticePlace> places;
  static void fields(auto& self, auto&& field) {
    field(1, self.target);
    field(2, self.places);
  }
};

// Notices for a target, by bucket and then in order. A page ends after `limit` of them, or when it
// has grown large.
struct ListNotices {
  static constexpr std::string_view kPath = "notices";
  static constexpr std::uint32_t kMaxLimit = 500;
  static constexpr std::size_t kPageBytes = 256 << 10;
  struct Entry {
    NoticePlace place;
    Notice notice;
    static void fields(auto& self, auto&& field) {
      field(1, self.place);
      field(2, self.notice);
    }
  };
  struct Reply {
    std::vector<Entry> entries;
    bool more = false;
    NoticeTotals totals;  // of all targets
    static void fields(auto& self, auto&& field) {
      field(1, self.entries);
      field(2, self.more);
      field(3, self.totals);
    }
  };
  std::string target;
  NoticePlace after;
  std::uint32_t limit = 100;
  static void fields(auto& self, auto&& field) {
    field(1, self.target);
    field(2, self.after);
    field(3, self.limit);
  }
};

Result<Bytes> run(Context& context, const TakeOffNotices& command);
Result<ListNotices::Reply> answer(const State& state, const ListNotices& query);
NoticeTotals notice_totals(const State& state);

Result<void> check_cause(const Cause& cause);
// Errc::invalid_argument.
Result<void> check_notice_rules(const std::vector<NoticeRule>& rules);
// Replaces the rules of a bucket, none included; with `test` every target is told so.
void set_notice_rules(Context& context, BucketRecord& bucket, std::vector<NoticeRule> rules,
                      const Cause* test);

// What changed. The first rule that asks for it gets a notice.
struct Change {
  NoticeKind kind{};
  std::string_view key;
  const VersionRecord& version;
  ByteView sealed_summary;
};
void note_change(Context& context, const BucketRecord& bucket, const Change& change,
                 const Cause& cause);
NoticeKind created_kind(ChangeWay way);
NoticeKind removed_kind(ChangeWay way, bool marker_created);

// Lets go of what is too old; the subject is that of DueKind::expire_notices. Returns how many rows
// it freed.
std::size_t expire_notices(Context& context, ByteView subject);

}  // namespace stratos::meta
