// SegmentReader: reads ranges of one segment from the nodes that hold it, authenticates every unit
// and decodes when data fragments are missing.
#pragma once
#include <memory>
#include <set>

#include "client/mesh.hpp"
#include "client/unit_format.hpp"

namespace stratos::client {

// Belongs to the mesh's runtime, which outlives it. One read at a time.
class SegmentReader {
 public:
  // Errc::invalid_argument for a record that contradicts itself.
  static Result<std::unique_ptr<SegmentReader>> make(Mesh& mesh, BucketId bucket,
                                                     meta::SegmentRecord record,
                                                     crypto::SecretKey data_key);
  ~SegmentReader();

  // Plain bytes from `offset`, at least one and at most `length`: as many as one batch of stripes
  // holds. Errc::object_unreadable when fewer than k sound fragments answer.
  Task<Result<Buffer>> read(std::uint64_t offset, std::uint64_t length);

 private:
  struct Rows;
  SegmentReader(Mesh& mesh, BucketId bucket, meta::SegmentRecord record,
                const crypto::SecretKey& data_key);

  std::shared_ptr<Rows> rows_for(std::uint64_t offset, std::uint64_t length) const;
  Task<Result<void>> gather(std::shared_ptr<Rows> rows);
  void ask(const std::shared_ptr<Rows>& rows, std::uint8_t index);
  bool ask_another(const std::shared_ptr<Rows>& rows);
  std::vector<std::uint8_t> first_choice(const Rows& rows);
  Duration patience_for(const Rows& rows) const;
  static Task<void> fetch(Mesh& mesh, BucketId bucket, std::shared_ptr<Rows> rows,
                          meta::Holder holder);
  Task<Result<Buffer>> open_rows(std::shared_ptr<Rows> rows);
  Task<Result<void>> restore_missing(std::shared_ptr<Rows> rows);

  Mesh& mesh_;
  BucketId bucket_;
  meta::SegmentRecord record_;
  SegmentLayout layout_;
  std::shared_ptr<UnitCipher> cipher_;
  std::set<std::uint8_t> bad_;  // fragments that failed or lied
  bool verify_ = false;         // after the first lie every fragment is checked against its root
};

}  // namespace stratos::client
