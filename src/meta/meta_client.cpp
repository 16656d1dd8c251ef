#include "meta/meta_client.hpp"

namespace stratos::meta {
namespace {
constexpr int kAttempts = 4;
constexpr Duration kCallTimeout = 10s;
constexpr Duration kFirstPause = 50ms;
}  // namespace

template <class Response, class Request>
Task<Result<Response>> MetaClient::repeat(MetaMethod method, Request request) {
  Duration pause = kFirstPause;
  for (int attempt = 1;; ++attempt) {
    auto reply = co_await net::call<Response>(channel_, static_cast<std::uint16_t>(method), request,
                                              Buffer(), kCallTimeout);
    if (reply) co_return std::move(reply->head);
    // Nodes that are missing do not come back within a second.
    const Errc code = reply.error().code();
    const bool final = code == Errc::cancelled || code == Errc::too_few_domains;
    if (!reply.error().retryable() || final || attempt == kAttempts) {
      co_return fail(std::move(reply).error());
    }
    const auto jitter = static_cast<std::int64_t>(
        runtime_.random().below(static_cast<std::uint64_t>(pause.count())));
    co_await runtime_.sleep(pause / 2 + Duration(jitter));
    pause *= 3;
  }
}

// Ids and places that a lost index gave out are void; whoever asks again gets others.
Error MetaClient::refusal(Errc code) const {
  if (saw_restore_ && (code == Errc::no_such_grant || code == Errc::bad_placement)) {
    return Error(Errc::unavailable, "the index was restored meanwhile");
  }
  return Error(code, "refused by the index");
}

template <class Reply>
Task<Result<Reply>> MetaClient::of_newest_index(Task<Result<Reply>> call) {
  STRATOS_CO_TRY(Reply reply, co_await std::move(call));
  if (reply.generation < generation_) {
    co_return fail(Errc::stale_generation, "the index is older than one that answered before");
  }
  saw_restore_ = saw_restore_ || (generation_.value != 0 && reply.generation > generation_);
  generation_ = reply.generation;
  co_return reply;
}

Task<Result<SubmitReply>> MetaClient::submit(SubmitRequest request) {
  return of_newest_index(repeat<SubmitReply>(MetaMethod::submit, std::move(request)));
}
Task<Result<QueryReply>> MetaClient::ask(QueryRequest request) {
  return of_newest_index(repeat<QueryReply>(MetaMethod::query, std::move(request)));
}
Task<Result<AllocateReply>> MetaClient::allocate(AllocateRequest request) {
  return repeat<AllocateReply>(MetaMethod::allocate, std::move(request));
}
Task<Result<LimitsReply>> MetaClient::limits(LimitsRequest request) {
  return repeat<LimitsReply>(MetaMethod::limits, std::move(request));
}
Task<Result<NodeStatusReply>> MetaClient::node_status() {
  return repeat<NodeStatusReply>(MetaMethod::node_status, NodeStatusRequest{});
}
Task<Result<RepairStatus>> MetaClient::repair_status() {
  return repeat<RepairStatus>(MetaMethod::repair_status, RepairStatusRequest{});
}
Task<Result<BackupReply>> MetaClient::back_up() {
  return repeat<BackupReply>(MetaMethod::backup, BackupRequest{});
}
Task<Result<BackupReply>> MetaClient::backup_status() {
  BackupRequest request;
  request.only_status = true;
  return repeat<BackupReply>(MetaMethod::backup, request);
}

Task<Result<ScanStatus>> MetaClient::scan(bool start) {
  ScanRequest request;
  request.start = start;
  return repeat<ScanStatus>(MetaMethod::scan, request);
}

Task<Result<void>> MetaClient::report_service(ServiceReport report) {
  constexpr Duration kTimeout = 10s;
  const auto reply = co_await net::call<ServiceReportReply>(
      channel_, static_cast<std::uint16_t>(MetaMethod::report_service), report, Buffer(), kTimeout);
  if (!reply) co_return fail(reply.error());
  co_return Result<void>{};
}

}  // namespace stratos::meta
