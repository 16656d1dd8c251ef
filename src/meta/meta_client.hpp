// MetaClient: typed calls to a meta node, repeated safely when the connection fails.
#pragma once
#include "meta/queries.hpp"
#include "meta/repairer.hpp"
#include "meta/scan_status.hpp"
#include "meta/service_meter.hpp"
#include "meta/wire.hpp"
#include "net/rpc.hpp"

namespace stratos::meta {

// Belongs to one runtime. `channel` and `runtime` outlive it.
class MetaClient {
 public:
  MetaClient(Runtime& runtime, net::Channel& channel) : runtime_(runtime), channel_(channel) {}

  // Everything fails with Errc::stale_generation once an index answers that is older than one that
  // answered before.

  // Orders one command. Repeats share an idempotency id, so it takes effect at most once.
  template <class Command>
  Task<Result<typename Command::Reply>> execute(const Command& command) {
    Item item;
    item.verb = Command::kVerb;
    item.id = runtime_.random().draw_id<IdempotencyId>();
    item.command = codec::encode(command);
    SubmitRequest request;
    request.items.push_back(std::move(item));
    STRATOS_CO_TRY(SubmitReply reply, co_await submit(std::move(request)));
    if (reply.results.size() != 1) co_return fail(Errc::malformed_message, "number of results");
    ItemResult& result = reply.results[0];
    if (result.code != 0) co_return fail(refusal(errc_from_number(result.code)));
    co_return codec::decode<typename Command::Reply>(result.value);
  }
  // Orders several commands; one result each.
  Task<Result<SubmitReply>> submit(SubmitRequest request);

  template <class Query>
  Task<Result<typename Query::Reply>> query(const Query& query) {
    QueryRequest request;
    request.path = Query::kPath;
    request.query = codec::encode(query);
    STRATOS_CO_TRY(const QueryReply reply, co_await ask(std::move(request)));
    co_return codec::decode<typename Query::Reply>(reply.reply);
  }

  Task<Result<AllocateReply>> allocate(AllocateRequest request);
  Task<Result<LimitsReply>> limits(LimitsRequest request);
  Task<Result<NodeStatusReply>> node_status();
  Task<Result<RepairStatus>> repair_status();
  Task<Result<BackupReply>> back_up();
  Task<Result<BackupReply>> backup_status();
  Task<Result<ScanStatus>> scan(bool start);
  // Tried once: a report that is lost costs nothing, one that counts twice does.
  Task<Result<void>> report_service(ServiceReport report);

 private:
  Error refusal(Errc code) const;
  Task<Result<QueryReply>> ask(QueryRequest request);
  template <class Reply>
  Task<Result<Reply>> of_newest_index(Task<Result<Reply>> call);
  template <class Response, class Request>
  Task<Result<Response>> repeat(MetaMethod method, Request request);

  Runtime& runtime_;
  net::Channel& channel_;
  Generation generation_;     // the highest seen
  bool saw_restore_ = false;  // it has grown
};

}  // namespace stratos::meta
