// SegmentWriter: sends one segment's fragments to its nodes while it is being encoded.
#pragma once
#include <memory>

#include "client/mesh.hpp"
#include "client/unit_format.hpp"
#include "meta/commands.hpp"

namespace stratos::client {

// Belongs to the mesh's runtime. The mesh and what `code` points to outlive it; fragments that are
// late when it is finished go on in the mesh's background.
class SegmentWriter {
 public:
  static Task<Result<std::unique_ptr<SegmentWriter>>> start(Mesh& mesh, BucketId bucket,
                                                            erasure::Shape shape,
                                                            crypto::SecretKey data_key);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // Full stripes, at most kBatchPlainBytes worth. Returns when a quorum of nodes keeps up.
  // Errc::below_quorum when too many nodes failed.
  Task<Result<void>> write(Buffer plain);
  // The rest. Returns when a quorum has it durably, and all within the patience.
  Task<Result<meta::SegmentCommit>> finish(Buffer plain);

  const SegmentId& id() const;

 private:
  struct Transfer;
  struct Lane;
  explicit SegmentWriter(std::shared_ptr<Transfer> transfer);

  static Task<void> run_lane(std::shared_ptr<Transfer> transfer, std::size_t index);
  static Task<Result<net::Reply<resource::WriteReply>>> send_chunk(
      std::shared_ptr<Transfer> transfer, std::size_t index);
  static void take_receipt(Transfer& transfer, std::size_t index,
                           std::optional<meta::Receipt> receipt);
  static Task<void> report_late(std::shared_ptr<Transfer> transfer, meta::Receipt receipt);

  std::shared_ptr<Transfer> transfer_;
};

// How many stripes are encoded at once: about 1 MiB of plain bytes.
std::uint64_t stripes_per_batch(std::uint8_t k);

}  // namespace stratos::client
