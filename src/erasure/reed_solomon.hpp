// Systematic Reed–Solomon over GF(2^8) with a Cauchy matrix (ISA-L): any k of the k+m shards give
// the k data shards back. k = 1 means copies. Matrix: docs/formats/erasure.md.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.hpp"

namespace stratos::erasure {

struct Shape {
  std::uint8_t k = 0;
  std::uint8_t m = 0;
  std::size_t n() const { return std::size_t{k} + m; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

// Immutable and safe from any thread once made.
class ReedSolomon {
 public:
  // 1 <= k, k + m <= 255; Errc::invalid_argument otherwise.
  static Result<ReedSolomon> make(Shape shape);
  ~ReedSolomon();
  ReedSolomon(ReedSolomon&&) noexcept;
  ReedSolomon& operator=(ReedSolomon&&) noexcept;

  Shape shape() const;
  // data: k pointers to `length` (below 2^31) bytes each; parity: m pointers to write the same
  // number to. Outputs overlap nothing; no pointer needs an alignment.
  void encode(std::size_t length, std::span<const std::uint8_t* const> data,
              std::span<std::uint8_t* const> parity) const;

  // A plan to get the `wanted` shards, data or parity, from exactly k `present` ones (indexes in
  // 0..n-1, distinct within each list; a shard may be in both and is then copied).
  // Making a plan inverts a matrix; using it does not. Errc::invalid_argument for bad indexes.
  class Plan;
  Result<Plan> plan(std::span<const std::uint8_t> present,
                    std::span<const std::uint8_t> wanted) const;

 private:
  struct Tables;
  explicit ReedSolomon(std::shared_ptr<const Tables> tables);
  std::shared_ptr<const Tables> tables_;
};

// Independent of the ReedSolomon it came from; safe from any thread.
class ReedSolomon::Plan {
 public:
  ~Plan();
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  // present: k pointers in the plan's order; wanted: as many pointers as the plan asked for. The
  // rules of encode hold.
  void decode(std::size_t length, std::span<const std::uint8_t* const> present,
              std::span<std::uint8_t* const> wanted) const;

 private:
  friend class ReedSolomon;
  struct Tables;
  explicit Plan(std::unique_ptr<const Tables> tables);
  std::unique_ptr<const Tables> tables_;
};

}  // namespace stratos::erasure
