#include "meta/limit.hpp"

namespace stratos::meta {

Bytes order_message(GrantId grant, std::uint64_t serial, std::uint64_t bytes) {
  Bytes message;
  put_be(message, grant.value);
  put_be(message, serial);
  put_be(message, bytes);
  return message;
}

}  // namespace stratos::meta
