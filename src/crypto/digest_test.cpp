#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

constexpr DigestKind kCrcs[] = {DigestKind::crc32, DigestKind::crc32c, DigestKind::crc64nvme};
constexpr DigestKind kAll[] = {DigestKind::md5,   DigestKind::sha1,   DigestKind::sha256,
                               DigestKind::crc32, DigestKind::crc32c, DigestKind::crc64nvme};

// One bit at a time from the reflected polynomial: the definition, to hold the fast one against.
std::uint64_t slow_crc(DigestKind kind, ByteView data) {
  const std::uint64_t mask = kind == DigestKind::crc64nvme ? ~std::uint64_t{0} : 0xffffffff;
  const std::uint64_t polynomial = kind == DigestKind::crc32    ? 0xedb88320
                                   : kind == DigestKind::crc32c ? 0x82f63b78
                                                                : 0x9a6c9329ac4bc9b5;
  std::uint64_t crc = mask;
  for (std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
  }
  return crc ^ mask;
}

Bytes digest_of(DigestKind kind, ByteView data) {
  const std::unique_ptr<Digest> digest = make_digest(kind);
  digest->update(data);
  return digest->finish();
}

std::uint64_t crc_of(DigestKind kind, ByteView data) {
  std::uint64_t value = 0;
  for (std::uint8_t byte : digest_of(kind, data)) value = value << 8 | byte;
  return value;
}

TEST(Crc, CheckValuesAreThoseOfTheCatalogue) {
  EXPECT_EQ(to_hex(digest_of(DigestKind::crc32, as_bytes("123456789"))), "cbf43926");
  EXPECT_EQ(to_hex(digest_of(DigestKind::crc32c, as_bytes("123456789"))), "e3069283");
  EXPECT_EQ(to_hex(digest_of(DigestKind::crc64nvme, as_bytes("123456789"))), "ae8b14860a799888");
}

// Lengths around every width that a vectorised CRC may treat on its own, at odd addresses too.
TEST(Crc, EqualsItsDefinitionAtEveryShortLengthAndAlignment) {
  const Bytes data = counting(700);
  for (DigestKind kind : kCrcs) {
    for (std::size_t length = 0; length <= 600; ++length) {
      const ByteView part = ByteView(data).subspan(length % 64, length);
      ASSERT_EQ(crc_of(kind, part), slow_crc(kind, part)) << length;
    }
  }
}

TEST(Crc, EqualsItsDefinitionOnLongInput) {
  const Bytes data = counting(100'003);
  for (DigestKind kind : kCrcs) EXPECT_EQ(crc_of(kind, data), slow_crc(kind, data));
}

TEST(Crc32c, ContinuesFromAnotherCrc) {
  const Bytes data = counting(3000);
  for (std::size_t split : {std::size_t{0}, std::size_t{1}, std::size_t{255}, std::size_t{256},
                            std::size_t{1500}, std::size_t{3000}}) {
    const std::uint32_t front = crc32c(ByteView(data).first(split));
    EXPECT_EQ(crc32c(ByteView(data).subspan(split), front), crc32c(data)) << split;
  }
}

// The beginning of iSCSI's own vectors (RFC 3720 §B.4).
TEST(Crc32c, MatchesRfc3720Vectors) {
  EXPECT_EQ(crc32c(repeated(0, 32)), 0x8a9136aau);
  EXPECT_EQ(crc32c(repeated(0xff, 32)), 0x62a8ab43u);
  EXPECT_EQ(crc32c(ascending(0, 31)), 0x46dd794eu);
}

TEST(CombineCrc, GivesTheCrcOfMegabyteParts) {
  const Bytes data = counting((5 << 20) + 17);
  const ByteView front = ByteView(data).first(std::size_t{3} << 20);
  const ByteView back = ByteView(data).subspan(front.size());
  for (DigestKind kind : kCrcs) {
    EXPECT_EQ(combine_crc(kind, crc_of(kind, front), crc_of(kind, back), back.size()),
              crc_of(kind, data));
  }
}

RC_GTEST_PROP(CombineCrc, GivesTheCrcOfTheWhole, ()) {
  const auto a = *rc::gen::arbitrary<Bytes>();
  const auto b = *rc::gen::arbitrary<Bytes>();
  Bytes whole = a;
  append(whole, b);
  for (DigestKind kind : kCrcs) {
    RC_ASSERT(combine_crc(kind, crc_of(kind, a), crc_of(kind, b), b.size()) ==
              slow_crc(kind, whole));
  }
}

RC_GTEST_PROP(CombineCrc, DoesNotCareHowPartsAreGrouped, ()) {
  const auto a = *rc::gen::arbitrary<Bytes>();
  const auto b = *rc::gen::arbitrary<Bytes>();
  const auto c = *rc::gen::arbitrary<Bytes>();
  for (DigestKind kind : kCrcs) {
    const std::uint64_t of_a = crc_of(kind, a), of_b = crc_of(kind, b), of_c = crc_of(kind, c);
    const std::uint64_t left =
        combine_crc(kind, combine_crc(kind, of_a, of_b, b.size()), of_c, c.size());
    const std::uint64_t right =
        combine_crc(kind, of_a, combine_crc(kind, of_b, of_c, c.size()), b.size() + c.size());
    RC_ASSERT(left == right);
  }
}

TEST(Digest, EveryKindHasItsOneShotValue) {
  const Bytes data = counting(1000);
  EXPECT_EQ(to_hex(digest_of(DigestKind::md5, data)), to_hex(md5(data)));
  EXPECT_EQ(to_hex(digest_of(DigestKind::sha1, data)), to_hex(sha1(data)));
  EXPECT_EQ(to_hex(digest_of(DigestKind::sha256, data)), to_hex(sha256(data)));
  EXPECT_EQ(crc_of(DigestKind::crc32c, data), crc32c(data));
}

RC_GTEST_PROP(Digest, DoesNotCareHowItIsFed, (const std::vector<Bytes>& pieces)) {
  for (DigestKind kind : kAll) {
    const std::unique_ptr<Digest> digest = make_digest(kind);
    Bytes whole;
    for (const Bytes& piece : pieces) {
      digest->update(piece);
      append(whole, piece);
    }
    RC_ASSERT(digest->finish() == digest_of(kind, whole));
  }
}

TEST(DigestDeathTest, IsUsedOnceOnly) {
  for (DigestKind kind : {DigestKind::sha256, DigestKind::crc32}) {
    const std::unique_ptr<Digest> digest = make_digest(kind);
    (void)digest->finish();
    EXPECT_DEATH(digest->update({}), "after finish");
    EXPECT_DEATH((void)digest->finish(), "after finish");
  }
  EXPECT_DEATH((void)combine_crc(DigestKind::md5, 0, 0, 0), "only CRCs combine");
}

}  // namespace
}  // namespace stratos::crypto
