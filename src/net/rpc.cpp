#include "net/rpc.hpp"

#include "base/log.hpp"

namespace stratos::net {

void Router::add(std::uint16_t method, std::string name, Handler handler) {
  const bool added =
      entries_.try_emplace(method, Entry{std::move(name), std::move(handler)}).second;
  STRATOS_ASSERT(added, "two methods of one number");
}

Task<Result<Message>> Router::dispatch(CallContext context, std::uint16_t method,
                                       Message request) const {
  const auto found = entries_.find(method);
  if (found == entries_.end()) {
    co_return fail(Errc::unknown_method, "method " + std::to_string(method));
  }
  const TraceScope scope(context.trace);
  std::string what;
  try {
    Result<Message> answer = co_await found->second.handler(std::move(context), std::move(request));
    if (!answer) {
      log::debug("rpc_call_failed",
                 {{"method", found->second.name}, {"error", answer.error().to_string()}});
    }
    co_return answer;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "unknown exception";
  }
  log::error("rpc_handler_failed", {{"method", found->second.name}, {"what", what}});
  co_return fail(Errc::internal, "the handler failed");
}

}  // namespace stratos::net
