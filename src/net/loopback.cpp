#include "net/rpc_frame.hpp"

namespace stratos::net {
namespace {

Task<Result<Message>> run_method(const Router& router, CallContext context, std::uint16_t method,
                                 Message request) {
  STRATOS_CO_CHECK(check_size(request));
  STRATOS_CO_TRY(Message answer,
                 co_await router.dispatch(std::move(context), method, std::move(request)));
  STRATOS_CO_CHECK(check_size(answer));
  co_return answer;
}

class LoopbackChannel final : public Channel {
 public:
  LoopbackChannel(Runtime& caller, Runtime& callee, const Router& router, crypto::MachineKey self)
      : caller_(caller), callee_(callee), router_(router), self_(self) {}

  Task<Result<Message>> call(std::uint16_t method, Message request, Duration timeout) override {
    CallContext context{self_, current_trace()};
    auto running = run_method(router_, std::move(context), method, std::move(request));
    if (&caller_ == &callee_) return with_deadline<Message>(caller_, std::move(running), timeout);
    return run_on<Message>(caller_, callee_, std::move(running), timeout);
  }

 private:
  Runtime& caller_;
  Runtime& callee_;
  const Router& router_;
  crypto::MachineKey self_;
};

}  // namespace

std::unique_ptr<Channel> make_loopback_channel(Runtime& caller, Runtime& callee,
                                               const Router& router, crypto::MachineKey self) {
  return std::make_unique<LoopbackChannel>(caller, callee, router, self);
}

}  // namespace stratos::net
