// What the node holds, for an index that was restored from a backup and may know less.
#include "resource/storage/storage_service_impl.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kTurnTimeout = 20s;  // the asker waits longer
constexpr Duration kListCost = 2ms;
constexpr Duration kReadCost = 10ms;

Result<meta::HeldReply> held_page(FragmentStore& store, std::optional<FragmentId> after,
                                  std::uint32_t limit) {
  STRATOS_TRY(const auto stored, store.list(after, limit));
  meta::HeldReply reply;
  reply.more = stored.size() == limit;
  reply.last = stored.empty() ? after : std::optional(stored.back().id);
  for (const FragmentIndex::Item& item : stored) {
    if (item.fragment.corrupt) continue;
    reply.items.push_back({item.id, item.fragment.root, item.fragment.length});
  }
  return reply;
}

}  // namespace

Task<Result<net::Reply<meta::HeldReply>>> StorageServiceImpl::list_held(net::CallContext context,
                                                                        meta::HeldRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> store, this->store());
  if (context.peer != membership_->meta_key) {
    co_return fail(Errc::permission_denied, "only the meta layer asks what a node holds");
  }
  if (request.limit == 0 || request.limit > meta::kMaxHeldPage) {
    co_return fail(Errc::invalid_argument, "size of the page");
  }
  auto work = [store, request] { return held_page(*store, request.after, request.limit); };
  net::Reply<meta::HeldReply> reply;
  auto page = co_await runtime_.offload(std::move(work), kListCost);
  STRATOS_CO_TRY(reply.head, std::move(page));
  co_return reply;
}

Task<Result<net::Reply<meta::AttestReply>>> StorageServiceImpl::attest(
    net::CallContext context, meta::AttestRequest request) {
  STRATOS_CO_TRY(const std::shared_ptr<FragmentStore> store, this->store());
  if (context.peer != membership_->meta_key) {
    co_return fail(Errc::permission_denied, "only the meta layer asks for a receipt");
  }
  STRATOS_CO_CHECK(co_await reads_.acquire(kTurnTimeout));
  auto work = [store, fragment = request.fragment, now = runtime_.wall_now()] {
    return store->attest(fragment, now);
  };
  auto receipt = co_await runtime_.offload(std::move(work), kReadCost);
  reads_.release();
  check_store(store);
  net::Reply<meta::AttestReply> reply;
  STRATOS_CO_TRY(reply.head.receipt, std::move(receipt));
  metrics_.attested.add();
  co_return reply;
}

}  // namespace stratos::resource
