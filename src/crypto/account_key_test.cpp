#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/test_input.hpp"

namespace stratos::crypto {
namespace {

AccountSigner signer_of(std::string_view hex) {
  return AccountSigner::from(SecretKey::from(unhex(hex)).value()).value();
}

Hash hash_of(std::string_view hex) { return Hash::from_hex_text(hex).value(); }

// Private keys and addresses that Ethereum's documents and tools use as examples.
TEST(AccountSigner, HasTheAddressEthereumGivesTheKey) {
  const std::pair<std::string_view, std::string_view> vectors[] = {
      {"0000000000000000000000000000000000000000000000000000000000000001",
       "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"},
      {"4646464646464646464646464646464646464646464646464646464646464646",
       "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"},
      {"ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
       "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"},
      {"4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
       "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"},
  };
  for (const auto& [key, address] : vectors) {
    EXPECT_EQ(to_checksum_address(signer_of(key).address()), address);
  }
}

struct SignatureVector {
  std::string_view key, digest, signature;
};

// The example of EIP-155, and the one of web3's accounts.sign. Nonces follow RFC 6979, so that the
// signature itself is known.
constexpr SignatureVector kSignatures[] = {
    {"4646464646464646464646464646464646464646464646464646464646464646",
     "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53",
     "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
     "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d8300"},
    {"4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
     "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655",
     "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
     "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a02901"},
};

TEST(AccountSigner, SignsAsEthereumsToolsDo) {
  for (const SignatureVector& vector : kSignatures) {
    const AccountSigner signer = signer_of(vector.key);
    const AccountSignature signature = signer.sign(hash_of(vector.digest));
    EXPECT_EQ(signature.hex(), vector.signature);
    EXPECT_EQ(recover(hash_of(vector.digest), signature).value(), signer.address());
  }
}

TEST(AccountSigner, RefusesKeysOutsideOfTheGroup) {
  const std::string_view bad[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
  for (std::string_view text : bad) {
    const Result<AccountSigner> signer = AccountSigner::from(SecretKey::from(unhex(text)).value());
    ASSERT_FALSE(signer);
    EXPECT_EQ(signer.error().code(), Errc::bad_key);
  }
  // One below the order is the negative of key 1: the same x.
  EXPECT_TRUE(AccountSigner::from(SecretKey::from(unhex("fffffffffffffffffffffffffffffffebaaedce6af"
                                                        "48a03bbfd25e8cd0364140"))
                                      .value()));
}

TEST(AccountSigner, SignaturesRecoverAndAreLow) {
  SeededRandom random(11);
  int odd = 0;
  for (int i = 0; i < 50; ++i) {
    const AccountSigner signer = AccountSigner::draw(random);
    const auto digest = random.draw_id<Hash>();
    const AccountSignature signature = signer.sign(digest);
    EXPECT_EQ(recover(digest, signature).value(), signer.address());
    EXPECT_LT(signature.value[32], 0x80) << "s is in the lower half";
    ASSERT_LE(signature.value[64], 1);
    odd += signature.value[64];
  }
  EXPECT_GT(odd, 5);
  EXPECT_LT(odd, 45);
}

// n - s with the other v is the same signature to the mathematics, and a second one to us.
TEST(Recover, RefusesTheHighTwin) {
  const SignatureVector& vector = kSignatures[0];
  AccountSignature twin = AccountSignature::from_hex_text(vector.signature).value();
  const Bytes order = unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    int digit = order[i] - twin.value[32 + i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 256;
    twin.value[32 + i] = static_cast<std::uint8_t>(digit);
  }
  twin.value[64] ^= 1;
  EXPECT_EQ(recover(hash_of(vector.digest), twin).error().code(), Errc::bad_signature);
}

TEST(Recover, GivesAnotherAccountOrNoneForAnotherDigest) {
  const AccountSigner signer = signer_of(kSignatures[0].key);
  const AccountSignature signature =
      AccountSignature::from_hex_text(kSignatures[0].signature).value();
  for (std::size_t i = 0; i < 32; ++i) {
    Hash digest = hash_of(kSignatures[0].digest);
    digest.value[i] ^= 1;
    const Result<AccountId> other = recover(digest, signature);
    EXPECT_TRUE(!other || *other != signer.address()) << i;
  }
}

TEST(Recover, RefusesWhatIsNoSignature) {
  const Hash digest = hash_of(kSignatures[0].digest);
  const AccountSignature good = AccountSignature::from_hex_text(kSignatures[0].signature).value();
  const auto refused = [&](auto change) {
    AccountSignature bad = good;
    change(bad.value);
    const Result<AccountId> account = recover(digest, bad);
    return !account && account.error().code() == Errc::bad_signature;
  };
  for (int v : {2, 3, 4, 27, 28, 255}) {
    EXPECT_TRUE(refused([v](auto& bytes) { bytes[64] = static_cast<std::uint8_t>(v); })) << v;
  }
  EXPECT_TRUE(refused([](auto& bytes) { std::fill_n(bytes.begin(), 32, 0x00); })) << "r is 0";
  EXPECT_TRUE(refused([](auto& bytes) { std::fill_n(bytes.begin(), 32, 0xff); })) << "r above n";
  EXPECT_TRUE(refused([](auto& bytes) { std::fill_n(bytes.begin() + 32, 32, 0x00); })) << "s is 0";
  EXPECT_TRUE(refused([](auto& bytes) { std::fill_n(bytes.begin() + 32, 32, 0xff); })) << "s big";
  // 5 is the x of no point of the curve.
  EXPECT_TRUE(refused([](auto& bytes) {
    std::fill_n(bytes.begin(), 32, 0x00);
    bytes[31] = 5;
  }));
}

// The examples of EIP-55.
constexpr std::string_view kAddresses[] = {
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
};

TEST(Address, PrintsAsEip55Does) {
  for (std::string_view text : kAddresses) {
    EXPECT_EQ(to_checksum_address(parse_address(text).value()), text);
  }
}

TEST(Address, ParsesOneCaseWithoutAChecksum) {
  const AccountId account = parse_address(kAddresses[0]).value();
  EXPECT_EQ(parse_address("0x" + account.hex()).value(), account);
  std::string upper = account.hex();
  for (char& c : upper) {
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  }
  EXPECT_EQ(parse_address("0x" + upper).value(), account);
}

TEST(Address, RefusesEveryLetterInTheWrongCase) {
  const std::string good(kAddresses[0]);
  for (std::size_t i = 2; i < good.size(); ++i) {
    if (good[i] >= '0' && good[i] <= '9') continue;
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x20);
    EXPECT_EQ(parse_address(bad).error().code(), Errc::bad_encoding) << bad;
  }
}

TEST(Address, RefusesOtherForms) {
  const std::string good(kAddresses[0]);
  for (const std::string& bad :
       {std::string(), std::string("0x"), good.substr(2), good + "00", good.substr(0, 40),
        "0X" + good.substr(2), " " + good, good.substr(0, 41) + "g"}) {
    EXPECT_EQ(parse_address(bad).error().code(), Errc::bad_encoding) << bad;
  }
}

}  // namespace
}  // namespace stratos::crypto
