#include "resource/storage/rebuilder.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "resource/storage/volume_format.hpp"
#include "resource/storage/wire.hpp"
#include "runtime/task_group.hpp"

namespace stratos::resource {
namespace {

constexpr Duration kReadTimeout = 15s;
constexpr std::int64_t kPicosecondsPerByte = 400;  // checking and decoding, for the simulator

Duration work_cost(std::size_t bytes) {
  return Duration(static_cast<std::int64_t>(bytes) * kPicosecondsPerByte / 1000);
}

Result<void> check_request(const meta::RebuildRequest& request) {
  const std::size_t n = std::size_t{request.k} + request.m;
  const bool fits = request.k > 0 && request.fragment.index < n && request.length > 0 &&
                    request.length <= kMaxFragmentBytes && request.sources.size() < 256;
  if (!fits) return fail(Errc::invalid_argument, "shape of the segment");
  std::vector<bool> seen(n, false);
  for (const meta::RebuildRequest::Source& source : request.sources) {
    if (source.index >= n || seen[source.index]) {
      return fail(Errc::invalid_argument, "source named twice");
    }
    seen[source.index] = true;
  }
  return {};
}

}  // namespace

Rebuilder::Rebuilder(Runtime& runtime, const crypto::MachineSigner& signer, Reach reach,
                     meta::RebuildRequest request, erasure::ReedSolomon code)
    : runtime_(runtime),
      signer_(signer),
      reach_(std::move(reach)),
      request_(std::move(request)),
      code_(std::move(code)) {}

Result<std::unique_ptr<Rebuilder>> Rebuilder::make(Runtime& runtime,
                                                   const crypto::MachineSigner& signer, Reach reach,
                                                   meta::RebuildRequest request) {
  STRATOS_CHECK(check_request(request));
  erasure::Shape shape;
  shape.k = request.k;
  shape.m = request.m;
  STRATOS_TRY(erasure::ReedSolomon code, erasure::ReedSolomon::make(shape));
  std::unique_ptr<Rebuilder> rebuilder(
      new Rebuilder(runtime, signer, std::move(reach), std::move(request), std::move(code)));
  for (const meta::RebuildRequest::Source& said : rebuilder->request_.sources) {
    auto source = std::make_unique<Source>();
    STRATOS_TRY(source->limit, codec::decode<meta::Limit>(said.limit.limit));
    source->said = said;
    rebuilder->sources_.push_back(std::move(source));
  }
  return rebuilder;
}

std::vector<Rebuilder::Source*> Rebuilder::choose() {
  std::vector<Source*> chosen;
  for (const auto& source : sources_) {
    if (source->failed) continue;
    if (source->said.index == request_.fragment.index) return {source.get()};
    if (chosen.size() < request_.k) chosen.push_back(source.get());
  }
  return chosen.size() == request_.k ? chosen : std::vector<Source*>();
}

Task<Result<Buffer>> Rebuilder::read(std::uint64_t offset, std::uint32_t length) {
  Range range;
  range.offset = offset;
  range.length = length;
  std::map<Source*, Buffer> have;
  while (true) {
    const std::vector<Source*> chosen = choose();
    if (chosen.empty()) {
      co_return fail(Errc::object_unreadable, "too few fragments of the segment answer");
    }
    TaskGroup group(runtime_, "rebuild");
    for (Source* source : chosen) {
      if (!have.contains(source)) group.spawn(fetch(source, range, &have[source]));
    }
    co_await group.join();
    std::vector<std::uint8_t> present;
    std::vector<Buffer> pieces;
    for (Source* source : chosen) {
      if (source->failed) continue;
      present.push_back(source->said.index);
      pieces.push_back(have[source]);
    }
    if (present.size() == chosen.size()) {
      co_return co_await decode(std::move(present), std::move(pieces));
    }
    std::erase_if(have, [](const auto& item) { return item.first->failed; });
  }
}

Task<void> Rebuilder::fetch(Source* source, Range range, Buffer* piece) {
  Result<Buffer> got = co_await ask(*source, range);
  source->failed = !got;
  if (got) {
    *piece = std::move(*got);
  } else {
    log::warn("rebuild.source_failed", {{"fragment", to_string(request_.fragment)},
                                        {"node", to_string(source->said.node.id)},
                                        {"error", got.error().to_string()}});
  }
}

Task<Result<Buffer>> Rebuilder::ask(Source& source, Range range) {
  if (!source.channel) source.channel = reach_(source.said.node);
  ReadRequest request;
  request.fragment.segment = request_.fragment.segment;
  request.fragment.index = source.said.index;
  request.offset = range.offset;
  request.length = range.length;
  request.with_tree = !source.tree;
  request.order = order(source, range.length);
  const std::shared_ptr<net::Channel> channel = source.channel;
  STRATOS_CO_TRY(
      net::Reply<ReadReply> reply,
      co_await net::call<ReadReply>(*channel, static_cast<std::uint16_t>(NodeMethod::read), request,
                                    Buffer(), kReadTimeout));
  if (reply.body.size() != range.length)
    co_return fail(Errc::body_incomplete, "fragment too short");
  if (!source.tree) {
    STRATOS_CO_TRY(source.tree,
                   FragmentTree::open(reply.head.groups, request_.length, source.said.root));
  }
  auto check = [tree = *source.tree, body = reply.body, range] {
    return tree.holds(body.view(), range.offset);
  };
  const bool sound = co_await runtime_.offload(std::move(check), work_cost(range.length));
  if (!sound) co_return fail(Errc::hash_mismatch, "bytes that are not the fragment's");
  co_return std::move(reply.body);
}

meta::Order Rebuilder::order(Source& source, std::uint32_t bytes) {
  source.used += bytes;
  meta::Order order;
  order.grant = source.limit.grant;
  order.serial = source.limit.serial;
  order.bytes = source.used;
  order.signature = signer_.sign(meta::Order::kDomain,
                                 meta::order_message(order.grant, order.serial, order.bytes));
  order.limit = source.said.limit;
  return order;
}

Task<Result<Buffer>> Rebuilder::decode(std::vector<std::uint8_t> present,
                                       std::vector<Buffer> pieces) {
  if (present.size() == 1 && present[0] == request_.fragment.index) co_return pieces[0];
  const std::vector<std::uint8_t> wanted{request_.fragment.index};
  STRATOS_CO_TRY(erasure::ReedSolomon::Plan plan, code_.plan(present, wanted));
  const std::size_t length = pieces[0].size();
  const std::size_t read = length * pieces.size();
  auto work = [plan = std::move(plan), pieces = std::move(pieces), length] {
    std::vector<const std::uint8_t*> in;
    for (const Buffer& piece : pieces) in.push_back(piece.data());
    Buffer made = Buffer::allocate(length);
    std::uint8_t* const out = made.mutable_view().data();
    plan.decode(length, in, std::span(&out, 1));
    return made;
  };
  co_return co_await runtime_.offload(std::move(work), work_cost(read));
}

}  // namespace stratos::resource
