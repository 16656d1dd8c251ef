#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(Sha256, MatchesRfc6234Vectors) {
  const Bytes million = repeated('a', 1'000'000);
  const std::pair<ByteView, std::string_view> vectors[] = {
      {{}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {as_bytes("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {as_bytes(kTwoBlocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [input, expected] : vectors) EXPECT_EQ(to_hex(sha256(input)), expected);
}

TEST(Sha1, MatchesRfc6234Vectors) {
  EXPECT_EQ(to_hex(sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(to_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1(as_bytes(kTwoBlocks))), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(to_hex(sha1(repeated('a', 1'000'000))), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Md5, MatchesRfc1321Vectors) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", "d41d8cd98f00b204e9800998ecf8427e"},
      {"a", "0cc175b9c0f1b6a831c399e269772661"},
      {"abc", "900150983cd24fb0d6963f7d28e17f72"},
      {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
      {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
      {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
       "d174ab98d277d9f5a5611c2c9f419d9f"},
      {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
       "57edf4a22be3c955ac49da2e2107b67a"},
  };
  for (const auto& [input, expected] : vectors) {
    EXPECT_EQ(to_hex(md5(as_bytes(input))), expected) << input;
  }
}

TEST(Keccak256, PadsAsEthereumDoes) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
      {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
      {"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"},
      {"Transfer(address,address,uint256)",
       "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"},
  };
  for (const auto& [input, expected] : vectors) {
    EXPECT_EQ(keccak256(as_bytes(input)).hex(), expected) << input;
  }
}

// The first 32 bytes of every case of test_vectors.json of the BLAKE3 repository.
TEST(Blake3, MatchesTheOfficialVectors) {
  const std::pair<std::size_t, std::string_view> vectors[] = {
      {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      {2, "7b7015bb92cf0b318037702a6cdd81dee41224f734684c2c122cd6359cb1ee63"},
      {3, "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f"},
      {4, "f30f5ab28fe047904037f77b6da4fea1e27241c5d132638d8bedce9d40494f32"},
      {5, "b40b44dfd97e7a84a996a91af8b85188c66c126940ba7aad2e7ae6b385402aa2"},
      {6, "06c4e8ffb6872fad96f9aaca5eee1553eb62aed0ad7198cef42e87f6a616c844"},
      {7, "3f8770f387faad08faa9d8414e9f449ac68e6ff0417f673f602a646a891419fe"},
      {8, "2351207d04fc16ade43ccab08600939c7c1fa70a5c0aaca76063d04c3228eaeb"},
      {63, "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b"},
      {64, "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98"},
      {65, "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee"},
      {127, "d81293fda863f008c09e92fc382a81f5a0b4a1251cba1634016a0f86a6bd640d"},
      {128, "f17e570564b26578c33bb7f44643f539624b05df1a76c81f30acd548c44b45ef"},
      {129, "683aaae9f3c5ba37eaaf072aed0f9e30bac0865137bae68b1fde4ca2aebdcb12"},
      {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
      {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
      {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
      {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
      {3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
      {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
      {4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
      {4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
      {5120, "9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833"},
      {5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"},
      {6144, "3e2e5b74e048f3add6d21faab3f83aa44d3b2278afb83b80b3c35164ebeca205"},
      {6145, "f1323a8631446cc50536a9f705ee5cb619424d46887f3c376c695b70e0f0507f"},
      {7168, "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"},
      {7169, "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"},
      {8192, "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
      {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
      {16384, "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"},
      {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
      {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
  };
  for (const auto& [length, expected] : vectors) {
    EXPECT_EQ(blake3(counting(length)).hex(), expected) << length;
  }
}

TEST(Blake3, ExtendedOutputMatchesTheOfficialVectors) {
  const std::pair<std::size_t, std::string_view> vectors[] = {
      {0,
       "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262e00f03e7b69af26b7faaf09f"
       "cd333050338ddfe085b8cc869ca98b206c08243a26f5487789e8f660afe6c99ef9e0c52b92e7393024a80459"
       "cf91f476f9ffdbda7001c22e159b402631f277ca96f2defdf1078282314e763699a31c5363165421cce14d"},
      {1,
       "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213c3a6cb8bf623e20cdb535f8d"
       "1a5ffb86342d9c0b64aca3bce1d31f60adfa137b358ad4d79f97b47c3d5e79f179df87a3b9776ef8325f8329"
       "886ba42f07fb138bb502f4081cbcec3195c5871e6c23e2cc97d3c69a613eba131e5f1351f3f1da786545e5"},
      {1024,
       "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af71cf8107265ecdaf8505b95d8"
       "fcec83a98a6a96ea5109d2c179c47a387ffbb404756f6eeae7883b446b70ebb144527c2075ab8ab204c0086b"
       "b22b7c93d465efc57f8d917f0b385c6df265e77003b85102967486ed57db5c5ca170ba441427ed9afa684e"},
      {1025,
       "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444f4c4a22b4b399155358a994e"
       "52bf255de60035742ec71bd08ac275a1b51cc6bfe332b0ef84b409108cda080e6269ed4b3e2c3f7d722aa4cd"
       "c98d16deb554e5627be8f955c98e1d5f9565a9194cad0c4285f93700062d9595adb992ae68ff12800ab67a"},
      {16384,
       "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde49d764c270176e53e97bdffa5"
       "8d549073f2c660be0e81293767ed4e4929f9ad34bbb39a529334c57c4a381ffd2a6d4bfdbf1482651b172aa8"
       "83cc13408fa67758a3e47503f93f87720a3177325f7823251b85275f64636a8f1d599c2e49722f42e93893"},
      {102400,
       "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085e01c59dab908c04c3342b816"
       "941a26d69c2605ebee5ec5291cc55e15b76146e6745f0601156c3596cb75065a9c57f35585a52e1ac70f6913"
       "1c23d611ce11ee4ab1ec2c009012d236648e77be9295dd0426f29b764d65de58eb7d01dd42248204f45f8e"},
  };
  for (const auto& [length, expected] : vectors) {
    Bytes out(expected.size() / 2);
    blake3_xof(counting(length), out);
    EXPECT_EQ(to_hex(out), expected) << length;
  }
}

TEST(Blake3, ExtendedOutputsAreBeginningsOfEachOther) {
  Bytes longest(2048);
  blake3_xof(counting(77), longest);
  for (std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{31}, std::size_t{32}, std::size_t{63},
        std::size_t{64}, std::size_t{65}, std::size_t{2047}}) {
    Bytes out(length);
    blake3_xof(counting(77), out);
    EXPECT_TRUE(std::ranges::equal(out, ByteView(longest).first(length))) << length;
  }
}

struct HmacVector {
  Bytes key;
  Bytes data;
  std::string_view expected;
};

TEST(HmacSha256, MatchesRfc4231Vectors) {
  const HmacVector vectors[] = {
      {repeated(0x0b, 20), to_bytes(as_bytes("Hi There")),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {to_bytes(as_bytes("Jefe")), to_bytes(as_bytes("what do ya want for nothing?")),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {repeated(0xaa, 20), repeated(0xdd, 50),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {ascending(1, 25), repeated(0xcd, 50),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {repeated(0xaa, 131),
       to_bytes(as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {repeated(0xaa, 131),
       to_bytes(as_bytes("This is a test using a larger than block-size key and a larger than "
                         "block-size data. The key needs to be hashed before being used by the "
                         "HMAC algorithm.")),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const HmacVector& vector : vectors) {
    EXPECT_EQ(to_hex(hmac_sha256(vector.key, vector.data)), vector.expected);
  }
}

// RFC 2104 pads a key with zeros: an empty one equals 64 of them. A context that kept the key of
// the call before would tell them apart.
TEST(HmacSha256, AnEmptyKeyIsNotTheKeyOfTheCallBefore) {
  (void)hmac_sha256(as_bytes("another key"), as_bytes("data"));
  const Sha256Digest with_empty_key = hmac_sha256({}, as_bytes("data"));
  EXPECT_EQ(with_empty_key, hmac_sha256(repeated(0, 64), as_bytes("data")));
  EXPECT_EQ(to_hex(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(HkdfSha256, MatchesRfc5869Vectors) {
  const auto basic = hkdf_sha256(repeated(0x0b, 22), ascending(0, 12), ascending(0xf0, 0xf9));
  EXPECT_EQ(to_hex(basic), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  const auto longer = hkdf_sha256(ascending(0, 0x4f), ascending(0x60, 0xaf), ascending(0xb0, 0xff));
  EXPECT_EQ(to_hex(longer), "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");
  const auto bare = hkdf_sha256(repeated(0x0b, 22), {}, {});
  EXPECT_EQ(to_hex(bare), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(HkdfSha256, TakesTheLongestInfoAndTellsInfosApart) {
  const Bytes longest = repeated(7, kHkdfInfoMaxBytes);
  Bytes other = longest;
  other.back() ^= 1;
  EXPECT_NE(hkdf_sha256(as_bytes("secret"), {}, longest),
            hkdf_sha256(as_bytes("secret"), {}, other));
}

TEST(HkdfSha256, TakesAnEmptySecret) {
  // RFC 5869 §2 by hand: extract, then the first block of expand.
  const Sha256Digest extracted = hmac_sha256(as_bytes("salt"), {});
  Bytes block = to_bytes(as_bytes("info"));
  block.push_back(1);
  EXPECT_EQ(hkdf_sha256({}, as_bytes("salt"), as_bytes("info")), hmac_sha256(extracted, block));
}

TEST(ConstantTimeEqual, ComparesContentAndSize) {
  EXPECT_TRUE(constant_time_equal({}, {}));
  const Bytes bytes = counting(33);
  EXPECT_TRUE(constant_time_equal(bytes, Bytes(bytes)));
  EXPECT_FALSE(constant_time_equal(bytes, ByteView(bytes).first(32)));
  EXPECT_FALSE(constant_time_equal({}, bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 0x80;
    EXPECT_FALSE(constant_time_equal(bytes, other)) << i;
  }
}

TEST(Hashes, ThreadsDoNotShareContexts) {
  const Bytes input = counting(5000);
  const auto expected = std::make_tuple(sha256(input), md5(input), hmac_sha256(input, input));
  std::array<int, 4> wrong{};
  {
    std::vector<std::jthread> threads;
    for (int& mistakes : wrong) {
      threads.emplace_back([&input, &expected, &mistakes] {
        for (int i = 0; i < 200; ++i) {
          (void)sha256(ByteView(input).first(static_cast<std::size_t>(i)));
          const auto got = std::make_tuple(sha256(input), md5(input), hmac_sha256(input, input));
          if (got != expected) ++mistakes;
        }
      });
    }
  }
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

}  // namespace
}  // namespace stratos::crypto
