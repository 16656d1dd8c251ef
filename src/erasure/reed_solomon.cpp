#include "erasure/reed_solomon.hpp"

#include <isa-l/erasure_code.h>

#include <bitset>
#include <limits>

#include "base/assert.hpp"

namespace stratos::erasure {
namespace {

constexpr std::size_t kMaxShards = 255;
// ISA-L expands each coefficient to this many bytes.
constexpr std::size_t kTableBytes = 32;

using DataPointers = std::span<const std::uint8_t* const>;
using OutPointers = std::span<std::uint8_t* const>;

// Coefficients of `outputs` rows over `inputs` columns, expanded for multiplication.
Bytes expanded(std::size_t inputs, std::size_t outputs, std::span<std::uint8_t> coefficients) {
  Bytes tables(kTableBytes * inputs * outputs);
  if (outputs > 0) {
    ec_init_tables(static_cast<int>(inputs), static_cast<int>(outputs), coefficients.data(),
                   tables.data());
  }
  return tables;
}

void copy_to_all(std::size_t length, const std::uint8_t* from, OutPointers out) {
  for (std::uint8_t* to : out) std::memcpy(to, from, length);
}

// ISA-L's parameters lack const; it writes to nothing but what the outputs point to.
void multiply(std::size_t length, const Bytes& tables, DataPointers in, OutPointers out) {
  STRATOS_ASSERT(length <= std::numeric_limits<int>::max(), "shards of 2^31 bytes or more");
  if (length == 0 || out.empty()) return;
  if (in.size() == 1) return copy_to_all(length, in[0], out);
  ec_encode_data(static_cast<int>(length), static_cast<int>(in.size()),
                 static_cast<int>(out.size()), const_cast<std::uint8_t*>(tables.data()),
                 const_cast<std::uint8_t**>(in.data()), const_cast<std::uint8_t**>(out.data()));
}

// One row of k coefficients for each shard: the identity, then the Cauchy rows.
Bytes generator(Shape shape) {
  Bytes rows(shape.n() * shape.k);
  gf_gen_cauchy1_matrix(rows.data(), static_cast<int>(shape.n()), shape.k);
  return rows;
}

bool distinct_shards(std::span<const std::uint8_t> indexes, std::size_t n) {
  std::bitset<kMaxShards> seen;
  for (std::uint8_t index : indexes) {
    if (index >= n || seen[index]) return false;
    seen[index] = true;
  }
  return true;
}

// The k x k matrix that turns the present shards into the data shards.
Bytes inverse_of(const Bytes& generator, std::size_t k, std::span<const std::uint8_t> present) {
  Bytes rows(k * k);
  for (std::size_t i = 0; i < k; ++i) {
    std::memcpy(&rows[i * k], &generator[std::size_t{present[i]} * k], k);
  }
  Bytes inverse(k * k);
  const int singular = gf_invert_matrix(rows.data(), inverse.data(), static_cast<int>(k));
  STRATOS_ASSERT(singular == 0, "every k rows of identity and Cauchy rows are independent");
  return inverse;
}

// The coefficients of one shard over the present ones: its generator row times the inverse.
void write_row(std::span<std::uint8_t> out, const std::uint8_t* generator_row,
               const Bytes& inverse) {
  const std::size_t k = out.size();
  for (std::size_t column = 0; column < k; ++column) {
    std::uint8_t sum = 0;
    for (std::size_t i = 0; i < k; ++i) sum ^= gf_mul(generator_row[i], inverse[i * k + column]);
    out[column] = sum;
  }
}

}  // namespace

struct ReedSolomon::Tables {
  Shape shape;
  Bytes generator;
  Bytes parity;  // expanded
};

struct ReedSolomon::Plan::Tables {
  std::size_t k;
  std::size_t wanted;
  Bytes rows;  // expanded
};

ReedSolomon::ReedSolomon(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}
ReedSolomon::~ReedSolomon() = default;
ReedSolomon::ReedSolomon(ReedSolomon&&) noexcept = default;
ReedSolomon& ReedSolomon::operator=(ReedSolomon&&) noexcept = default;

Result<ReedSolomon> ReedSolomon::make(Shape shape) {
  if (shape.k == 0 || shape.n() > kMaxShards) {
    return fail(Errc::invalid_argument, "a code has 1 to 255 shards, one of them data");
  }
  Tables tables{.shape = shape, .generator = generator(shape), .parity = {}};
  const std::size_t data_rows = std::size_t{shape.k} * shape.k;
  tables.parity =
      expanded(shape.k, shape.m, std::span<std::uint8_t>(tables.generator).subspan(data_rows));
  return ReedSolomon(std::make_shared<const Tables>(std::move(tables)));
}

Shape ReedSolomon::shape() const { return tables_->shape; }

void ReedSolomon::encode(std::size_t length, DataPointers data, OutPointers parity) const {
  STRATOS_ASSERT(data.size() == tables_->shape.k && parity.size() == tables_->shape.m,
                 "pointers for another shape");
  multiply(length, tables_->parity, data, parity);
}

Result<ReedSolomon::Plan> ReedSolomon::plan(std::span<const std::uint8_t> present,
                                            std::span<const std::uint8_t> wanted) const {
  const std::size_t k = tables_->shape.k;
  const std::size_t n = tables_->shape.n();
  if (present.size() != k || !distinct_shards(present, n) || !distinct_shards(wanted, n)) {
    return fail(Errc::invalid_argument, "not k distinct present and some distinct wanted shards");
  }
  Plan::Tables tables{.k = k, .wanted = wanted.size(), .rows = {}};
  // A single present shard is a copy of every other: nothing to compute.
  if (k > 1) {
    const Bytes inverse = inverse_of(tables_->generator, k, present);
    Bytes rows(wanted.size() * k);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      write_row(std::span(rows).subspan(i * k, k), &tables_->generator[wanted[i] * k], inverse);
    }
    tables.rows = expanded(k, wanted.size(), rows);
  }
  return Plan(std::make_unique<const Plan::Tables>(std::move(tables)));
}

ReedSolomon::Plan::Plan(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
ReedSolomon::Plan::~Plan() = default;
ReedSolomon::Plan::Plan(Plan&&) noexcept = default;
ReedSolomon::Plan& ReedSolomon::Plan::operator=(Plan&&) noexcept = default;

void ReedSolomon::Plan::decode(std::size_t length, DataPointers present, OutPointers wanted) const {
  STRATOS_ASSERT(present.size() == tables_->k && wanted.size() == tables_->wanted,
                 "pointers for another plan");
  multiply(length, tables_->rows, present, wanted);
}

}  // namespace stratos::erasure
