// Rebuilder: reads a fragment's bytes out of the other fragments of its segment.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "crypto/keys.hpp"
#include "erasure/reed_solomon.hpp"
#include "meta/node_orders.hpp"
#include "net/rpc.hpp"
#include "resource/storage/fragment_tree.hpp"
#include "runtime/runtime.hpp"

namespace stratos::resource {

// Of one rebuild; belongs to one runtime. References outlive it.
class Rebuilder {
 public:
  // A channel to another node.
  using Reach = std::function<std::shared_ptr<net::Channel>(const meta::NodeRecord&)>;
  // Errc::invalid_argument for a request that cannot be met.
  static Result<std::unique_ptr<Rebuilder>> make(Runtime& runtime,
                                                 const crypto::MachineSigner& signer, Reach reach,
                                                 meta::RebuildRequest request);

  // The bytes [offset, offset + length) of the fragment, checked on their way. Offsets ascend and
  // are multiples of the group's size. A source that fails is left for the next one.
  // Errc::object_unreadable when none is left.
  Task<Result<Buffer>> read(std::uint64_t offset, std::uint32_t length);

 private:
  struct Source {
    meta::RebuildRequest::Source said;
    meta::Limit limit;
    std::shared_ptr<net::Channel> channel;
    std::optional<FragmentTree> tree;
    std::uint64_t used = 0;
    bool failed = false;
  };
  struct Range {
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
  };
  Rebuilder(Runtime& runtime, const crypto::MachineSigner& signer, Reach reach,
            meta::RebuildRequest request, erasure::ReedSolomon code);
  // The sources to use next: the fragment's own copy, or k others; empty when too few are left.
  std::vector<Source*> choose();
  Task<void> fetch(Source* source, Range range, Buffer* piece);
  Task<Result<Buffer>> ask(Source& source, Range range);
  meta::Order order(Source& source, std::uint32_t bytes);
  Task<Result<Buffer>> decode(std::vector<std::uint8_t> present, std::vector<Buffer> pieces);

  Runtime& runtime_;
  const crypto::MachineSigner& signer_;
  Reach reach_;
  meta::RebuildRequest request_;
  erasure::ReedSolomon code_;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace stratos::resource
