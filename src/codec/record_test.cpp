#include "codec/record.hpp"

#include <gtest/gtest.h>

namespace stratos::codec {
namespace {

struct Inner {
  std::uint32_t number = 0;
  static void fields(auto& self, auto&& field) { field(1, self.number); }
  friend bool operator==(const Inner&, const Inner&) = default;
};

struct Sample {
  std::uint64_t count = 0;
  std::int32_t delta = 0;
  std::string name;
  Bytes data;
  std::vector<Inner> inners;
  std::vector<std::uint32_t> numbers;
  std::optional<Inner> maybe;
  std::map<std::string, std::string> labels;
  FragmentId fragment;
  WallTime time;
  NodeId node;
  static void fields(auto& self, auto&& field) {
    field(1, self.count);
    field(2, self.delta);
    field(3, self.name);
    field(4, self.data);
    field(5, self.inners);
    field(6, self.numbers);
    field(7, self.maybe);
    field(8, self.labels);
    field(9, self.fragment);
    field(10, self.time);
    field(11, self.node);
  }
  friend bool operator==(const Sample&, const Sample&) = default;
};

struct Old {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t a = 0;
  Bytes unknown;
  static void fields(auto& self, auto&& field) { field(1, self.a); }
};

struct New {
  static constexpr std::uint8_t kFormat = 1;
  std::uint64_t a = 0;
  std::string b;
  static void fields(auto& self, auto&& field) {
    field(1, self.a);
    field(2, self.b);
  }
};

Sample full_sample() {
  Sample s;
  s.count = 300;
  s.delta = -5;
  s.name = "n";
  s.data = {0, 1};
  s.inners = {Inner{1}, Inner{}};
  s.numbers = {0, 7};
  s.maybe = Inner{};
  s.labels = {{"a", "1"}, {"b", ""}};
  s.fragment.index = 3;
  s.time.ms = -1;
  s.node = NodeId(4);
  return s;
}

TEST(Record, RoundTripsEveryKindOfField) {
  const Sample s = full_sample();
  EXPECT_EQ(decode<Sample>(encode(s)).value(), s);
}

TEST(Record, LeavesDefaultsOut) { EXPECT_TRUE(encode(Sample{}).empty()); }

TEST(Record, EncodesAsProtobufDoes) {
  Sample s;
  s.count = 300;
  s.name = "ab";
  EXPECT_EQ(to_hex(encode(s)), "08ac021a026162");
}

TEST(Record, RefusesEverySecondForm) {
  // A varint longer than needed, fields out of order, a length past the end, a bad bool, wire
  // type 5.
  for (std::string_view hex : {"08ac8200", "1a016108ac02", "1a05", "0d00000000", "00", "08"}) {
    EXPECT_EQ(decode<Sample>(from_hex(hex).value()).error().code(), Errc::bad_encoding) << hex;
  }
}

TEST(Record, RefusesNumbersThatDoNotFit) {
  Bytes bytes;
  put_varint_field(bytes, 1, 1ULL << 32);
  EXPECT_EQ(decode<Inner>(bytes).error().code(), Errc::bad_encoding);
}

TEST(Record, EveryTruncationFailsOrIsAnEarlierRecord) {
  const Bytes whole = encode(full_sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto part = decode<Sample>(ByteView(whole).first(size));
    if (part) EXPECT_LT(encode(*part).size(), whole.size());
  }
}

TEST(Record, KeepsFieldsOfANewerRelease) {
  New newer;
  newer.a = 1;
  newer.b = "later";
  const Bytes bytes = encode(newer);
  const Old old = decode<Old>(bytes).value();
  EXPECT_EQ(old.a, 1U);
  EXPECT_EQ(encode(old), bytes);
}

TEST(Record, RefusesAnotherFormatNumber) {
  Bytes bytes = encode(New{});
  bytes[0] = 2;
  EXPECT_EQ(decode<New>(bytes).error().code(), Errc::unknown_format);
}

struct WithInitialisers {
  std::uint32_t limit = 1000;
  std::int32_t offset = -5;
  std::string name = "none";
  struct Inner {
    std::uint64_t first = 1;
    static void fields(auto& self, auto&& field) { field(1, self.first); }
  } inner;
  static void fields(auto& self, auto&& field) {
    field(1, self.limit);
    field(2, self.offset);
    field(3, self.name);
    field(4, self.inner);
  }
};

TEST(Record, ZeroComesBackAsZeroWhateverTheInitialiser) {
  WithInitialisers record;
  record.limit = 0;
  record.offset = 0;
  record.name.clear();
  record.inner.first = 0;
  EXPECT_TRUE(encode(record).empty());
  const auto decoded = decode<WithInitialisers>(encode(record));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->limit, 0U);
  EXPECT_EQ(decoded->offset, 0);
  EXPECT_EQ(decoded->name, "");
  EXPECT_EQ(decoded->inner.first, 0U);
  const auto initial = decode<WithInitialisers>(encode(WithInitialisers{}));
  EXPECT_EQ(initial->limit, 1000U);
  EXPECT_EQ(initial->offset, -5);
  EXPECT_EQ(initial->name, "none");
  EXPECT_EQ(initial->inner.first, 1U);
}

}  // namespace
}  // namespace stratos::codec
