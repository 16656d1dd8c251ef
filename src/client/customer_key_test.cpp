#include "client/customer_key.hpp"

#include <gtest/gtest.h>

namespace stratos::client {
namespace {

class CustomerKeys : public testing::Test {
 protected:
  SeededRandom random_{5};
  crypto::SecretKey key_ = crypto::SecretKey::draw(random_);
  crypto::SecretKey other_ = crypto::SecretKey::draw(random_);
};

TEST_F(CustomerKeys, AreKnownAgainByTheirCheck) {
  const Bytes check = make_key_check(key_, random_);
  EXPECT_TRUE(fits_key_check(key_, check));
  EXPECT_FALSE(fits_key_check(other_, check));
  EXPECT_NE(make_key_check(key_, random_), check)
      << "two objects do not show that they share a key";
  EXPECT_FALSE(fits_key_check(key_, {}));
  EXPECT_FALSE(fits_key_check(key_, ByteView(check).first(check.size() - 1)));
}

TEST_F(CustomerKeys, AndTheRingsKeyAreBothNeeded) {
  const crypto::SecretKey wrapped = crypto::SecretKey::draw(random_);
  const crypto::SecretKey data = customer_data_key(wrapped, key_);
  EXPECT_EQ(customer_data_key(wrapped, key_), data);
  EXPECT_FALSE(customer_data_key(wrapped, other_) == data);
  EXPECT_FALSE(customer_data_key(other_, key_) == data);
  EXPECT_FALSE(data == key_);
  EXPECT_FALSE(data == wrapped);
}

}  // namespace
}  // namespace stratos::client
