#include "net/rpc.hpp"

namespace stratos::net {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'S', 'P', 'K', 1};
constexpr std::size_t kHelloBytes = kMagic.size() + crypto::MachineKey::kSize;

Task<Result<crypto::MachineKey>> exchange_keys(Stream& stream, crypto::MachineKey own,
                                               Duration timeout) {
  std::array<std::uint8_t, kHelloBytes> hello{};
  std::copy(kMagic.begin(), kMagic.end(), hello.begin());
  std::copy(own.value.begin(), own.value.end(), hello.begin() + kMagic.size());
  STRATOS_CO_CHECK(co_await stream.write(hello, timeout));
  for (std::size_t size = 0; size < hello.size();) {
    const MutableByteView rest = MutableByteView(hello).subspan(size);
    STRATOS_CO_TRY(const std::size_t count, co_await stream.read_some(rest, timeout));
    if (count == 0) co_return fail(Errc::connection_lost, "ended before its hello");
    size += count;
  }
  if (!std::equal(kMagic.begin(), kMagic.end(), hello.begin())) {
    co_return fail(Errc::malformed_message, "not a hello");
  }
  co_return crypto::MachineKey::from(ByteView(hello).subspan(kMagic.size()));
}

Task<Result<StreamSecurity::Secured>> secure(std::unique_ptr<Stream> raw, crypto::MachineKey own,
                                             std::optional<crypto::MachineKey> expected,
                                             Duration timeout) {
  STRATOS_CO_TRY(const crypto::MachineKey peer, co_await exchange_keys(*raw, own, timeout));
  if (expected && peer != *expected) co_return fail(Errc::peer_not_trusted, peer.hex());
  StreamSecurity::Secured secured;
  secured.stream = std::move(raw);
  secured.peer = peer;
  co_return secured;
}

class PlainSecurity final : public StreamSecurity {
 public:
  explicit PlainSecurity(const crypto::MachineKey& identity) : identity_(identity) {}

  Task<Result<Secured>> accept(std::unique_ptr<Stream> raw, Duration timeout) override {
    return secure(std::move(raw), identity_, std::nullopt, timeout);
  }
  Task<Result<Secured>> connect(std::unique_ptr<Stream> raw, crypto::MachineKey expected,
                                Duration timeout) override {
    return secure(std::move(raw), identity_, expected, timeout);
  }

 private:
  crypto::MachineKey identity_;
};

}  // namespace

std::unique_ptr<StreamSecurity> make_plain_security(const crypto::MachineKey& identity) {
  return std::make_unique<PlainSecurity>(identity);
}

}  // namespace stratos::net
