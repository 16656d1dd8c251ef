#include "meta/settler.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "meta/keys.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {
namespace {

// Two signatures for each order.
constexpr Duration kCheckCost = 30ms;
constexpr Duration kReportPeriod = 1s;
constexpr std::size_t kReportsAtOnce = 64;

std::unexpected<Error> bad(std::string why) { return fail(Errc::bad_hand_in, std::move(why)); }

}  // namespace

// --- HandInSum

HandInSum::HandInSum(NodeId node, Epoch epoch, ZoneId zone,
                     std::vector<crypto::MachineKey> meta_keys)
    : node_(node), epoch_(epoch), zone_(zone), meta_keys_(std::move(meta_keys)) {}

Result<void> HandInSum::add(const std::vector<HandInOrder>& orders) {
  for (const HandInOrder& order : orders) STRATOS_CHECK(add_one(order));
  return {};
}

Result<void> HandInSum::add_one(const HandInOrder& order) {
  const auto limit = codec::decode<Limit>(order.limit.limit);
  if (!limit) return bad("a limit cannot be read");
  if (limit->node != node_ || limit->zone != zone_) return bad("a limit of another node");
  if (limit->epoch != epoch_) return bad("a limit of another epoch");
  if (order.bytes == 0 || order.bytes > limit->bytes) return bad("an order above its limit");
  const std::pair key(limit->grant, limit->serial);
  if (last_ && *last_ >= key) return bad("orders come once, and in order");
  if (std::ranges::find(meta_keys_, order.limit.signer) == meta_keys_.end()) {
    return bad("a limit of a stranger");
  }
  const bool signed_by_meta =
      crypto::verify(order.limit.signer, Limit::kDomain, order.limit.limit, order.limit.signature)
          .has_value();
  if (!signed_by_meta) return bad("a limit's signature is wrong");
  const Bytes message = order_message(limit->grant, limit->serial, order.bytes);
  if (!crypto::verify(limit->session, Order::kDomain, message, order.signature)) {
    return bad("an order's signature is wrong");
  }
  last_ = key;
  ++orders_;
  Sum& sum = sums_[Key{limit->grant, limit->session, limit->action}];
  sum.limit_bytes += limit->bytes;
  sum.bytes += order.bytes;
  digest_.add({limit->grant, limit->serial, order.bytes});
  return {};
}

SettleOrders HandInSum::finish() const {
  SettleOrders command;
  command.node = node_;
  command.epoch = epoch_;
  command.digest = digest_.finish();
  command.orders = orders_;
  for (const auto& [key, sum] : sums_) {
    SettleOrders::Share share;
    share.grant = key.grant;
    share.session = key.session;
    share.action = key.action;
    share.limit_bytes = sum.limit_bytes;
    share.bytes = sum.bytes;
    command.shares.push_back(share);
  }
  return command;
}

// --- Settler

Settler::Settler(Runtime& runtime, const crypto::MachineSigner& signer, const IndexMachine& machine,
                 const kv::Store& store, ZoneId zone, Order order)
    : runtime_(runtime),
      signer_(signer),
      machine_(machine),
      store_(store),
      zone_(zone),
      order_(std::move(order)) {}

Result<WindowReply> Settler::window() const {
  const Calendar calendar = calendar_of(machine_.params());
  const WallTime now = machine_.time();
  WindowReply reply;
  reply.first = calendar.first_open(now);
  reply.end = calendar.end_open(now);
  reply.wait_ms = static_cast<std::uint64_t>(calendar.opens(reply.end).ms - now.ms);
  return reply;
}

bool Settler::is_settled(const HandInRequest& request) const {
  const State state(store_);
  const auto first = state.load<SettledNode>(keys::settled_node(request.epoch, request.node));
  return first && first->digest == request.digest;
}

Result<void> Settler::check_request(const HandInRequest& request) const {
  const State state(store_);
  const auto node = state.load<NodeRecord>(keys::node(request.node));
  if (!node) return fail(Errc::no_such_node, to_string(request.node));
  if (request.orders.size() > kMaxHandInPage || request.pages > kMaxHandInPages) {
    return fail(Errc::too_large, "orders at once");
  }
  if (request.orders.empty() || request.page >= request.pages) return bad("pages");
  STRATOS_CHECK(crypto::verify(node->key, kHandInDomain,
                               hand_in_message(request.node, request.epoch, request.digest),
                               request.signature));
  const Calendar calendar = calendar_of(machine_.params());
  const WallTime now = machine_.time();
  if (request.epoch >= calendar.end_open(now)) return fail(Errc::settlement_not_open);
  if (now >= calendar.closes(request.epoch)) return fail(Errc::settlement_closed);
  return {};
}

// Takes the page as the next one of its node.
Result<void> Settler::place(const HandInRequest& request) {
  Assembly& assembly = assemblies_[request.node];
  if (assembly.busy) return fail(Errc::overloaded, "a page of this node is being checked");
  if (request.page == 0) {
    assembly = Assembly{};
    assembly.epoch = request.epoch;
    assembly.digest = request.digest;
    assembly.pages = request.pages;
    assembly.sum = std::make_shared<HandInSum>(request.node, request.epoch, zone_,
                                               limit_signers(machine_.params()));
  }
  const bool next = assembly.sum && assembly.epoch == request.epoch &&
                    assembly.digest == request.digest && assembly.pages == request.pages &&
                    assembly.next_page == request.page;
  if (!next) return bad("a page out of order: begin anew");
  return {};
}

Task<Result<HandInReply>> Settler::hand_in(HandInRequest request) {
  HandInReply reply;
  reply.settled = is_settled(request);
  if (reply.settled) co_return reply;
  STRATOS_CO_CHECK(check_request(request));
  STRATOS_CO_CHECK(place(request));
  Assembly& assembly = assemblies_[request.node];
  assembly.busy = true;
  const std::shared_ptr<HandInSum> sum = assembly.sum;
  auto work = [sum, orders = std::move(request.orders)] { return sum->add(orders); };
  const Result<void> added = co_await runtime_.offload(std::move(work), kCheckCost);
  assembly.busy = false;
  if (!added) {
    assembly.sum.reset();
    log::warn("settle.refused",
              {{"node", to_string(request.node)}, {"error", added.error().to_string()}});
    co_return fail(added.error());
  }
  if (++assembly.next_page < assembly.pages) co_return reply;
  assembly.sum.reset();
  co_return co_await settle(request, *sum);
}

Task<Result<HandInReply>> Settler::settle(const HandInRequest& request, HandInSum& sum) {
  SettleOrders command = sum.finish();
  if (command.digest != request.digest) co_return bad("another digest than announced");
  command.signature = request.signature;
  Bytes encoded = codec::encode(command);
  STRATOS_CO_TRY(const Bytes value, co_await order_(Verb::settle_orders, std::move(encoded)));
  STRATOS_CO_TRY(const SettleOrders::Reply done, codec::decode<SettleOrders::Reply>(value));
  if (done.conflict) {
    log::warn("settle.conflict",
              {{"node", to_string(request.node)}, {"epoch", std::to_string(request.epoch.value)}});
    co_return fail(Errc::settled_differently, "this epoch was settled with other orders");
  }
  HandInReply reply;
  reply.settled = true;
  co_return reply;
}

Task<void> Settler::sign_reports() {
  Epoch next;
  while (co_await runtime_.sleep(kReportPeriod)) {
    std::vector<std::pair<Epoch, Bytes>> unsigned_reports;
    const State state(store_);
    state.scan(keys::report(next), kv::prefix_end(keys::settled(keys::Settled::report)),
               [&](ByteView key, ByteView value) {
                 const auto report = codec::decode<value::SignedReport>(value);
                 if (!report) return true;
                 const auto mine = std::ranges::find(report->signatures, signer_.public_key(),
                                                     &value::ReportSignature::signer);
                 const bool is_signed = mine != report->signatures.end();
                 const Epoch epoch = keys::epoch_of(key);
                 if (!is_signed) unsigned_reports.emplace_back(epoch, report->report);
                 if (is_signed && unsigned_reports.empty()) next = epoch;
                 return unsigned_reports.size() < kReportsAtOnce;
               });
    for (auto& [epoch, report] : unsigned_reports) {
      co_await sign_report(epoch, std::move(report));
    }
  }
}

Task<void> Settler::sign_report(Epoch epoch, Bytes report) {
  SignReport command;
  command.epoch = epoch;
  command.signature.signer = signer_.public_key();
  command.signature.signature = signer_.sign(value::VolumeReport::kDomain, report);
  Bytes encoded = codec::encode(command);
  const Result<Bytes> done = co_await order_(Verb::sign_report, std::move(encoded));
  if (!done) log::warn("settle.report_not_signed", {{"error", done.error().to_string()}});
}

}  // namespace stratos::meta
