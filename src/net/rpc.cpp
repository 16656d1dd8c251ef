#include "net/rpc.hpp"

#include "base/log.hpp"

namespace stratos::net {
namespace {

// What an operator must look into; all else is an answer like another.
log::Level level_of(ErrorKind kind) {
  const bool own_fault = kind == ErrorKind::internal || kind == ErrorKind::integrity;
  return own_fault ? log::Level::warn : log::Level::debug;
}

}  // namespace

void Router::add(std::uint16_t method, std::string name, Handler handler) {
  Entry entry;
  entry.name = std::move(name);
  entry.handler = std::move(handler);
  if (metrics_ != nullptr) {
    const std::string label = "method=\"" + entry.name + "\"";
    entry.calls = &metrics_->counter("stratos_rpc_calls_total", label);
    entry.errors = &metrics_->counter("stratos_rpc_errors_total", label);
    entry.seconds = &metrics_->histogram("stratos_rpc_call_seconds", label);
  }
  const bool added = entries_.try_emplace(method, std::move(entry)).second;
  STRATOS_ASSERT(added, "two methods of one number");
}

void Router::measure(Runtime& runtime, metrics::Registry& metrics) {
  runtime_ = &runtime;
  metrics_ = &metrics;
}

Task<Result<Message>> Router::dispatch(CallContext context, std::uint16_t method,
                                       Message request) const {
  const auto found = entries_.find(method);
  if (found == entries_.end()) {
    co_return fail(Errc::unknown_method, "method " + std::to_string(method));
  }
  const Entry& entry = found->second;
  const TraceScope scope(context.trace);
  const MonotonicTime begun = entry.calls == nullptr ? MonotonicTime() : runtime_->now();
  Result<Message> answer = co_await run(entry, std::move(context), std::move(request));
  if (!answer) {
    log::write(level_of(answer.error().kind()), "rpc_call_failed",
               {{"method", entry.name}, {"error", answer.error().to_string()}});
  }
  if (entry.calls != nullptr) {
    entry.calls->add();
    if (!answer) entry.errors->add();
    entry.seconds->observe_ns((runtime_->now() - begun).count());
  }
  co_return answer;
}

Task<Result<Message>> Router::run(const Entry& entry, CallContext context, Message request) {
  std::string what;
  try {
    co_return co_await entry.handler(std::move(context), std::move(request));
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "unknown exception";
  }
  log::error("rpc_handler_failed", {{"method", entry.name}, {"what", what}});
  co_return fail(Errc::internal, "the handler failed");
}

}  // namespace stratos::net
