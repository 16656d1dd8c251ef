#include "client/unit_format.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/random.hpp"

namespace stratos::client {
namespace {

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  SeededRandom random(seed);
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

crypto::SecretKey test_key() {
  SeededRandom random(1);
  return crypto::SecretKey::draw(random);
}

SegmentId test_segment() {
  return SegmentId::from_hex_text("000102030405060708090a0b0c0d0e0f").value();
}

struct Encoded {
  std::vector<Bytes> fragments;
  std::vector<Hash> roots;
};

// Encodes in batches of `batch_stripes` stripes.
Encoded encode(erasure::Shape shape, ByteView plain, std::size_t batch_stripes) {
  const auto code = erasure::ReedSolomon::make(shape).value();
  SegmentEncoder encoder(shape, code, test_key(), test_segment());
  Encoded out;
  out.fragments.resize(shape.n());
  const std::size_t batch = batch_stripes * shape.k * kUnitPlainBytes;
  while (plain.size() > batch) {
    const auto fragments = encoder.encode(plain.first(batch));
    for (std::size_t i = 0; i < shape.n(); ++i) append(out.fragments[i], fragments[i].view());
    plain = plain.subspan(batch);
  }
  const auto last = encoder.finish(plain);
  for (std::size_t i = 0; i < shape.n(); ++i) append(out.fragments[i], last.fragments[i].view());
  out.roots = last.roots;
  return out;
}

// Decrypts the data fragments again, unit by unit.
Result<Bytes> decode(erasure::Shape shape, const std::vector<Bytes>& fragments,
                     std::uint64_t length) {
  const SegmentLayout layout(shape.k, length);
  UnitCipher cipher(test_key(), test_segment());
  Bytes plain(layout.plain_begin(layout.stripes() - 1, shape.k));
  for (std::uint64_t stripe = 0; stripe < layout.stripes(); ++stripe) {
    for (std::uint64_t unit = 0; unit < shape.k; ++unit) {
      const std::uint64_t number = stripe * shape.k + unit;
      const ByteView sealed =
          ByteView(fragments[unit])
              .subspan(layout.fragment_offset(stripe), layout.unit_bytes(stripe));
      const MutableByteView out = MutableByteView(plain).subspan(layout.plain_begin(stripe, unit),
                                                                 layout.unit_plain_bytes(stripe));
      STRATOS_CHECK(cipher.open(number, number + 1 == layout.units(), sealed, out));
    }
  }
  plain.resize(length);
  return plain;
}

constexpr erasure::Shape kCopies{1, 2};
constexpr erasure::Shape kDev{4, 2};
constexpr erasure::Shape kStandard{8, 4};
constexpr erasure::Shape kResilient{12, 20};

std::vector<std::uint64_t> edge_lengths(erasure::Shape shape) {
  const std::uint64_t unit = kUnitPlainBytes;
  const std::uint64_t stripe = shape.k * unit;
  return {1, unit - 1, unit, unit + 1, stripe - 1, stripe, stripe + 1, 129 * 1024, 3 * stripe + 7};
}

class UnitFormat : public testing::TestWithParam<erasure::Shape> {};
INSTANTIATE_TEST_SUITE_P(Profiles, UnitFormat,
                         testing::Values(kCopies, kDev, kStandard, kResilient));

TEST_P(UnitFormat, RoundTripsAroundEveryEdge) {
  for (std::uint64_t length : edge_lengths(GetParam())) {
    const Bytes plain = random_bytes(length, length);
    const Encoded encoded = encode(GetParam(), plain, 2);
    const SegmentLayout layout(GetParam().k, length);
    for (const Bytes& fragment : encoded.fragments) {
      ASSERT_EQ(fragment.size(), layout.fragment_length()) << length;
    }
    EXPECT_EQ(decode(GetParam(), encoded.fragments, length).value(), plain) << length;
  }
}

TEST_P(UnitFormat, DoesNotDependOnTheBatches) {
  const Bytes plain = random_bytes(5 * GetParam().k * kUnitPlainBytes + 99, 5);
  const Encoded once = encode(GetParam(), plain, 100);
  const Encoded batched = encode(GetParam(), plain, 1);
  EXPECT_EQ(once.fragments, batched.fragments);
  EXPECT_EQ(once.roots, batched.roots);
}

TEST_P(UnitFormat, RootsAreTheFragmentsHashes) {
  const Encoded encoded = encode(GetParam(), random_bytes(300'000, 3), 1);
  for (std::size_t i = 0; i < encoded.roots.size(); ++i) {
    EXPECT_EQ(encoded.roots[i], crypto::blake3(encoded.fragments[i]));
  }
}

TEST_P(UnitFormat, EveryPlainByteHasOnePlace) {
  for (std::uint64_t length : edge_lengths(GetParam())) {
    const SegmentLayout layout(GetParam().k, length);
    const std::uint64_t last = layout.stripe_of(length - 1);
    EXPECT_EQ(last + 1, layout.stripes()) << length;
    EXPECT_GE(layout.plain_begin(last, layout.k()), length);
    EXPECT_EQ(layout.fragment_bytes(0, layout.stripes()), layout.fragment_length());
  }
}

TEST(UnitFormat, LargestSegmentIsAtMost64MiBEncrypted) {
  for (erasure::Shape shape : {kCopies, kDev, kStandard, kResilient}) {
    const std::uint64_t length = SegmentLayout::max_length(shape.k);
    const SegmentLayout layout(shape.k, length);
    EXPECT_LE(layout.fragment_length() * shape.k, kMaxSegmentBytes);
    EXPECT_EQ(length % (shape.k * kUnitPlainBytes), 0U);
  }
}

TEST(UnitCipher, RefusesUnitsThatWereSwappedCutOrChanged) {
  const Bytes plain = random_bytes(kUnitPlainBytes, 1);
  UnitCipher cipher(test_key(), test_segment());
  Bytes sealed(kUnitBytes);
  Bytes out(kUnitPlainBytes);
  cipher.seal(5, false, plain, sealed);
  EXPECT_TRUE(cipher.open(5, false, sealed, out));
  EXPECT_EQ(cipher.open(6, false, sealed, out).error().code(), Errc::unit_corrupt);
  EXPECT_EQ(cipher.open(5, true, sealed, out).error().code(), Errc::unit_corrupt);
  UnitCipher other(test_key(), SegmentId{});
  EXPECT_EQ(other.open(5, false, sealed, out).error().code(), Errc::unit_corrupt);
  sealed[kUnitBytes / 2] ^= 1;
  EXPECT_EQ(cipher.open(5, false, sealed, out).error().code(), Errc::unit_corrupt);
}

// The stored vectors are what earlier releases wrote. STRATOS_WRITE_GOLDEN=1 writes them anew.
TEST(UnitFormat, MatchesTheGoldenVectors) {
  const std::string path = std::string(STRATOS_GOLDEN_DIR) + "/segment.json";
  nlohmann::json vectors = nlohmann::json::array();
  for (erasure::Shape shape : {kCopies, kDev, kStandard, kResilient}) {
    for (std::uint64_t length : edge_lengths(shape)) {
      const Encoded encoded = encode(shape, random_bytes(length, length), 3);
      Bytes roots;
      for (const Hash& root : encoded.roots) append(roots, root.view());
      vectors.push_back({{"k", shape.k},
                         {"m", shape.m},
                         {"length", length},
                         {"fragment_length", encoded.fragments[0].size()},
                         {"blake3_of_roots", crypto::blake3(roots).hex()}});
    }
  }
  if (std::getenv("STRATOS_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path) << vectors.dump(1) << "\n";
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  EXPECT_EQ(nlohmann::json::parse(file), vectors);
}

}  // namespace
}  // namespace stratos::client
