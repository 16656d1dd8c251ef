#include "client/segment_reader.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "client/segment_writer.hpp"
#include "resource/storage/fragment_tree.hpp"

namespace stratos::client {
namespace {

constexpr std::int64_t kDecodePicosecondsPerByte = 400;

Duration decode_cost(std::uint64_t bytes) {
  return Duration(static_cast<std::int64_t>(bytes) * kDecodePicosecondsPerByte / 1000);
}

}  // namespace

// Some stripes on their way from the nodes. Shared with the fetches, which may outlive the read.
struct SegmentReader::Rows {
  explicit Rows(Runtime& runtime) : changed(runtime) {}
  FragmentId fragment;
  std::uint64_t first_stripe = 0;
  std::uint64_t end_stripe = 0;
  std::uint64_t first_unit = 0;  // data units needed of each stripe
  std::uint64_t end_unit = 0;
  std::uint64_t offset = 0;  // plain bytes that were asked for
  std::uint64_t length = 0;
  std::uint64_t fragment_offset = 0;
  std::uint32_t fragment_bytes = 0;
  std::uint64_t fragment_length = 0;
  bool verify = false;
  // What follows belongs to the executor until `settled`, then to whoever decodes.
  bool settled = false;
  std::map<std::uint8_t, Buffer> pieces;
  std::set<std::uint8_t> asked;
  std::set<std::uint8_t> failed;
  WaitQueue changed;

  std::size_t under_way() const { return asked.size() - pieces.size() - failed.size(); }
  bool has_needed() const {
    for (std::uint64_t unit = first_unit; unit < end_unit; ++unit) {
      if (!pieces.contains(static_cast<std::uint8_t>(unit))) return false;
    }
    return true;
  }
};

SegmentReader::SegmentReader(Mesh& mesh, BucketId bucket, meta::SegmentRecord record,
                             const crypto::SecretKey& data_key)
    : mesh_(mesh),
      bucket_(bucket),
      record_(std::move(record)),
      layout_(record_.k, record_.length),
      cipher_(std::make_shared<UnitCipher>(data_key, record_.id)) {}

SegmentReader::~SegmentReader() = default;

Result<std::unique_ptr<SegmentReader>> SegmentReader::make(Mesh& mesh, BucketId bucket,
                                                           meta::SegmentRecord record,
                                                           crypto::SecretKey data_key) {
  if (record.k == 0 || record.length == 0 || record.length > SegmentLayout::max_length(record.k)) {
    return fail(Errc::invalid_argument, "segment of impossible shape");
  }
  std::unique_ptr<SegmentReader> reader(
      new SegmentReader(mesh, bucket, std::move(record), data_key));
  if (reader->layout_.fragment_length() != reader->record_.fragment_length) {
    return fail(Errc::invalid_argument, "segment and fragments differ in length");
  }
  return reader;
}

Task<Result<Buffer>> SegmentReader::read(std::uint64_t offset, std::uint64_t length) {
  if (offset >= record_.length || length == 0) co_return fail(Errc::invalid_argument, "range");
  length = std::min(length, record_.length - offset);
  // A lie costs one more round; then only fragments that match their roots are used.
  constexpr int kRounds = 3;
  for (int round = 1;; ++round) {
    const std::shared_ptr<Rows> rows = rows_for(offset, length);
    const Result<void> gathered = co_await gather(rows);
    rows->settled = true;
    bad_.insert(rows->failed.begin(), rows->failed.end());
    if (!gathered) co_return fail(gathered.error());
    Result<Buffer> plain = co_await open_rows(rows);
    if (plain || plain.error().code() != Errc::unit_corrupt || round == kRounds) co_return plain;
    mesh_.corrupt_units.add();
    log::warn("segment.corrupt_unit", {{"segment", record_.id.hex()}});
    verify_ = true;
    bad_.clear();
  }
}

std::shared_ptr<SegmentReader::Rows> SegmentReader::rows_for(std::uint64_t offset,
                                                             std::uint64_t length) const {
  auto shared = std::make_shared<Rows>(mesh_.runtime);
  Rows& rows = *shared;
  rows.fragment.segment = record_.id;
  const std::uint64_t stripe_bytes = layout_.stripe_plain_bytes();
  rows.first_stripe = layout_.stripe_of(offset);
  const std::uint64_t in_stripe = offset - rows.first_stripe * stripe_bytes;
  const std::uint64_t unit_bytes = layout_.unit_plain_bytes(rows.first_stripe);
  rows.offset = offset;
  rows.first_unit = in_stripe / unit_bytes;
  const bool ends_here = in_stripe + length <= stripe_bytes;
  if (ends_here || rows.first_unit > 0) {
    // One stripe, and of it only the units that hold the range.
    rows.length = std::min(length, stripe_bytes - in_stripe);
    rows.end_stripe = rows.first_stripe + 1;
    rows.end_unit = (in_stripe + rows.length + unit_bytes - 1) / unit_bytes;
  } else {
    rows.end_stripe = std::min(rows.first_stripe + stripes_per_batch(record_.k),
                               std::max((offset + length) / stripe_bytes, rows.first_stripe + 1));
    // The object's last stripe comes along with whole ones before it.
    if (offset + length == record_.length &&
        layout_.stripes() - rows.first_stripe <= stripes_per_batch(record_.k)) {
      rows.end_stripe = layout_.stripes();
    }
    rows.length = std::min(length, rows.end_stripe * stripe_bytes - offset);
    rows.end_unit = record_.k;
  }
  rows.end_unit = std::min<std::uint64_t>(rows.end_unit, record_.k);
  rows.fragment_offset = layout_.fragment_offset(rows.first_stripe);
  rows.fragment_bytes =
      static_cast<std::uint32_t>(layout_.fragment_bytes(rows.first_stripe, rows.end_stripe));
  rows.fragment_length = record_.fragment_length;
  rows.verify = verify_;
  return shared;
}

// The data fragments that hold the range; of copies, the one on the quickest node.
std::vector<std::uint8_t> SegmentReader::first_choice(const Rows& rows) {
  std::vector<std::uint8_t> choice;
  for (std::uint64_t unit = rows.first_unit; record_.k > 1 && unit < rows.end_unit; ++unit) {
    const auto index = static_cast<std::uint8_t>(unit);
    const bool held = std::ranges::any_of(
        record_.holders, [index](const meta::Holder& holder) { return holder.index == index; });
    if (held && !bad_.contains(index)) choice.push_back(index);
  }
  return choice;
}

void SegmentReader::ask(const std::shared_ptr<Rows>& rows, std::uint8_t index) {
  const auto holder = std::ranges::find(record_.holders, index, &meta::Holder::index);
  rows->asked.insert(index);
  mesh_.background.spawn(fetch(mesh_, bucket_, rows, *holder));
}

// Asks one more fragment, of those that have not failed before if possible; for copies in a random
// order, so that readers spread. False when all have been asked.
bool SegmentReader::ask_another(const std::shared_ptr<Rows>& rows) {
  std::vector<std::uint8_t> fresh;
  std::vector<std::uint8_t> failed_before;
  for (const meta::Holder& holder : record_.holders) {
    if (rows->asked.contains(holder.index)) continue;
    (bad_.contains(holder.index) ? failed_before : fresh).push_back(holder.index);
  }
  const std::vector<std::uint8_t>& pool = fresh.empty() ? failed_before : fresh;
  if (pool.empty()) return false;
  const std::size_t at = record_.k > 1 ? 0 : mesh_.runtime.random().below(pool.size());
  ask(rows, pool[at]);
  return true;
}

Duration SegmentReader::patience_for(const Rows& rows) const {
  // A byte may take a while on a loaded machine: 4 ns each beside the fixed part.
  return mesh_.options.hedge_after + Duration(std::int64_t{4} * rows.fragment_bytes * record_.k);
}

Task<Result<void>> SegmentReader::gather(std::shared_ptr<Rows> rows) {
  for (std::uint8_t index : first_choice(*rows)) ask(rows, index);
  const std::size_t needed = rows->end_unit - rows->first_unit;
  const bool direct = record_.k > 1 && rows->asked.size() == needed;
  const MonotonicTime give_up = mesh_.runtime.now() + mesh_.options.node_timeout * 2;
  bool decode = !direct;
  while (true) {
    if (record_.k > 1 && rows->has_needed()) co_return Result<void>{};
    if (rows->pieces.size() >= record_.k) co_return Result<void>{};
    if (!rows->failed.empty()) decode = true;
    // Decoding needs k fragments in all; those that failed are replaced at once.
    bool more = true;
    while (decode && more && rows->pieces.size() + rows->under_way() < record_.k) {
      more = ask_another(rows);
    }
    if (rows->under_way() == 0) {
      co_return fail(Errc::object_unreadable, "segment " + record_.id.hex() + ": " +
                                                  std::to_string(rows->pieces.size()) + " of " +
                                                  std::to_string(record_.k) + " fragments answer");
    }
    const Result<void> woken = co_await rows->changed.wait(patience_for(*rows));
    if (woken) continue;
    if (woken.error().code() == Errc::cancelled) co_return fail(woken.error());
    if (mesh_.runtime.now() > give_up) co_return fail(Errc::object_unreadable, "nodes are silent");
    // Late: one more is asked beside those under way, or as many as decoding needs.
    mesh_.hedged_reads.add();
    const bool hedged = ask_another(rows);
    while (hedged && record_.k > 1 &&
           rows->pieces.size() + rows->under_way() < record_.k + std::size_t{1}) {
      if (!ask_another(rows)) break;
    }
  }
}

Task<void> SegmentReader::fetch(Mesh& mesh, BucketId bucket, std::shared_ptr<Rows> rows,
                                meta::Holder holder) {
  resource::ReadRequest request;
  request.fragment = rows->fragment;
  request.fragment.index = holder.index;
  request.offset = rows->fragment_offset;
  request.length = rows->fragment_bytes;
  request.with_tree = rows->verify;
  auto reply = co_await mesh.read(holder.node, std::move(request), bucket);
  bool sound = reply && reply->body.size() == rows->fragment_bytes;
  if (sound && rows->verify) {
    auto work = [body = reply->body, groups = std::move(reply->head.groups), rows, holder] {
      const auto tree = resource::FragmentTree::open(groups, rows->fragment_length, holder.root);
      return tree && tree->holds(body.view(), rows->fragment_offset);
    };
    sound = co_await mesh.runtime.offload(std::move(work), decode_cost(rows->fragment_bytes));
    if (!sound) {
      log::warn("fragment.corrupt",
                {{"node", to_string(holder.node)}, {"fragment", to_string(request.fragment)}});
    }
  }
  if (rows->settled) co_return;
  if (sound)
    rows->pieces[holder.index] = std::move(reply->body);
  else
    rows->failed.insert(holder.index);
  rows->changed.wake_all();
}

Task<Result<void>> SegmentReader::restore_missing(std::shared_ptr<Rows> rows) {
  std::vector<std::uint8_t> present;
  std::vector<std::uint8_t> wanted;
  for (const auto& [index, piece] : rows->pieces) {
    if (present.size() < record_.k) present.push_back(index);
  }
  for (std::uint64_t unit = rows->first_unit; unit < rows->end_unit; ++unit) {
    const auto index = static_cast<std::uint8_t>(unit);
    if (!rows->pieces.contains(index)) wanted.push_back(index);
  }
  if (wanted.empty()) co_return Result<void>{};
  mesh_.decoded_reads.add();
  erasure::Shape shape;
  shape.k = record_.k;
  shape.m = record_.m;
  STRATOS_CO_TRY(const erasure::ReedSolomon* code, mesh_.code(shape));
  STRATOS_CO_TRY(erasure::ReedSolomon::Plan plan, code->plan(present, wanted));
  auto work = [rows, present, wanted, plan = std::move(plan)] {
    std::vector<const std::uint8_t*> in;
    std::vector<std::uint8_t*> out;
    std::vector<Buffer> made;
    for (std::uint8_t index : present) in.push_back(rows->pieces[index].data());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      made.push_back(Buffer::allocate(rows->fragment_bytes));
      out.push_back(made.back().mutable_view().data());
    }
    plan.decode(rows->fragment_bytes, in, out);
    return made;
  };
  const std::uint64_t bytes = std::uint64_t{rows->fragment_bytes} * record_.k;
  const std::vector<Buffer> made =
      co_await mesh_.runtime.offload(std::move(work), decode_cost(bytes));
  for (std::size_t i = 0; i < wanted.size(); ++i) rows->pieces[wanted[i]] = made[i];
  co_return Result<void>{};
}

// Decrypts the rows' units into one run of plain bytes and cuts the asked range out of it.
Task<Result<Buffer>> SegmentReader::open_rows(std::shared_ptr<Rows> rows) {
  if (record_.k == 1) {
    // Any copy serves as the data fragment.
    if (!rows->pieces.contains(0)) rows->pieces[0] = rows->pieces.begin()->second;
  } else {
    STRATOS_CO_CHECK(co_await restore_missing(rows));
  }
  auto work = [rows, cipher = cipher_, layout = layout_]() -> Result<Buffer> {
    const std::uint64_t begin = layout.plain_begin(rows->first_stripe, rows->first_unit);
    const std::uint64_t last_stripe = rows->end_stripe - 1;
    const std::uint64_t end = layout.plain_begin(last_stripe, rows->end_unit);
    Buffer plain = Buffer::allocate(end - begin);
    for (std::uint64_t stripe = rows->first_stripe; stripe < rows->end_stripe; ++stripe) {
      for (std::uint64_t unit = rows->first_unit; unit < rows->end_unit; ++unit) {
        const std::uint64_t number = stripe * layout.k() + unit;
        const ByteView sealed = rows->pieces[static_cast<std::uint8_t>(unit)].view().subspan(
            layout.fragment_offset(stripe) - rows->fragment_offset, layout.unit_bytes(stripe));
        const MutableByteView out = plain.mutable_view().subspan(
            layout.plain_begin(stripe, unit) - begin, layout.unit_plain_bytes(stripe));
        STRATOS_CHECK(cipher->open(number, number + 1 == layout.units(), sealed, out));
      }
    }
    return plain.slice(rows->offset - begin, rows->length);
  };
  const std::uint64_t bytes = std::uint64_t{rows->fragment_bytes} * record_.k;
  co_return co_await mesh_.runtime.offload(std::move(work), decode_cost(bytes));
}

}  // namespace stratos::client
