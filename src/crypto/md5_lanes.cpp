#include "crypto/md5_lanes.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <utility>

#include "base/assert.hpp"

namespace stratos::crypto {
namespace {

// A word of each lane.
using Lanes = std::uint32_t __attribute__((vector_size(4 * kMd5Lanes)));
constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kBlockWords = 16;

// floor(2^32 · |sin(i + 1)|), RFC 1321 section 3.4.
constexpr std::array<std::uint32_t, 64> kSines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr std::array<std::array<int, 4>, 4> kShifts = {
    {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
// Which word of the block a step of each round begins with, and how far apart the next are.
constexpr std::array<std::size_t, 4> kFirstWords = {0, 1, 5, 0};
constexpr std::array<std::size_t, 4> kWordSteps = {1, 5, 3, 7};

// `Word` is one lane's word, or a word of each.
template <std::size_t kStep, class Word>
[[gnu::always_inline]] inline void step(Word& a, Word b, Word c, Word d, const Word* words) {
  constexpr std::size_t kRound = kStep / 16;
  constexpr int kShift = kShifts[kRound][kStep % 4];
  constexpr std::size_t kWord =
      (kFirstWords[kRound] + kWordSteps[kRound] * (kStep % 16)) % kBlockWords;
  Word sum = a + words[kWord] + kSines[kStep];
  if constexpr (kRound == 0) {
    sum += d ^ (b & (c ^ d));
  } else if constexpr (kRound == 1) {
    sum += c & ~d;  // the other term waits for the step before
    sum += b & d;
  } else if constexpr (kRound == 2) {
    sum += b ^ (c ^ d);
  } else {
    sum += c ^ (b | ~d);
  }
  a = b + (sum << kShift | sum >> (32 - kShift));
}

template <std::size_t kStep, class Word>
[[gnu::always_inline]] inline void four_steps(Word& a, Word& b, Word& c, Word& d,
                                              const Word* words) {
  step<kStep>(a, b, c, d, words);
  step<kStep + 1>(d, a, b, c, words);
  step<kStep + 2>(c, d, a, b, words);
  step<kStep + 3>(b, c, d, a, words);
}

template <class Word>
[[gnu::always_inline]] inline void compress(std::array<Word, 4>& state, const Word* words) {
  auto [a, b, c, d] = state;
  [&]<std::size_t... kFours>(std::index_sequence<kFours...>) __attribute__((always_inline)) {
    (four_steps<4 * kFours>(a, b, c, d, words), ...);
  }(std::make_index_sequence<16>());
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

void compress_blocks(std::array<std::uint32_t, 4>& state, ByteView blocks) {
  static_assert(std::endian::native == std::endian::little);
  for (std::size_t at = 0; at < blocks.size(); at += kBlockBytes) {
    std::array<std::uint32_t, kBlockWords> words;
    std::memcpy(words.data(), blocks.data() + at, kBlockBytes);
    compress(state, words.data());
  }
}

// Row i gets the i-th word of each lane; `row` begins as eight words of each.
[[gnu::always_inline]] inline void transpose(Lanes* row) {
  std::array<Lanes, 8> pairs;
  for (std::size_t i = 0; i < 8; i += 2) {
    pairs[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(row[i], row[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  std::array<Lanes, 8> fours;
  for (std::size_t i = 0; i < 8; i += 4) {
    for (std::size_t j = 0; j < 2; ++j) {
      const Lanes low = pairs[i + j];
      const Lanes high = pairs[i + j + 2];
      fours[i + 2 * j] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * j + 1] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    row[i] = __builtin_shufflevector(fours[i], fours[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    row[i + 4] = __builtin_shufflevector(fours[i], fours[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

using Sources = std::array<const std::uint8_t*, kMd5Lanes>;

[[gnu::always_inline]] inline void compress_in_lanes(std::array<Lanes, 4>& state,
                                                     const Sources& sources, std::size_t blocks) {
  for (std::size_t at = 0; at < blocks * kBlockBytes; at += kBlockBytes) {
    std::array<Lanes, kBlockWords> words;
    for (std::size_t half = 0; half < 2; ++half) {
      Lanes* const rows = words.data() + half * kMd5Lanes;
      for (std::size_t lane = 0; lane < kMd5Lanes; ++lane) {
        std::memcpy(&rows[lane], sources[lane] + at + half * sizeof(Lanes), sizeof(Lanes));
      }
      transpose(rows);
    }
    compress(state, words.data());
  }
}

// Rotates and three-way logic are one instruction each there.
[[gnu::target("avx512f,avx512vl")]] void compress_avx512(std::array<Lanes, 4>& state,
                                                         const Sources& sources,
                                                         std::size_t blocks) {
  compress_in_lanes(state, sources, blocks);
}

void compress_any(std::array<Lanes, 4>& state, const Sources& sources, std::size_t blocks) {
  compress_in_lanes(state, sources, blocks);
}

}  // namespace

// What is left of one update.
struct Md5Lane {
  Md5Stream* stream;
  ByteView rest;

  std::size_t blocks() const { return rest.size() / kBlockBytes; }
  static Md5Lane begin(const Md5Update& update) {
    return {&update.stream, update.stream.complete_block(update.data)};
  }
  // All by the same number of blocks, which each has.
  static void advance(std::span<Md5Lane> lanes, std::size_t blocks) {
    static const bool has_avx512 =
        __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0;
    std::array<Lanes, 4> state{};
    Sources sources;
    sources.fill(lanes[0].rest.data());  // of lanes that nobody uses
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      sources[lane] = lanes[lane].rest.data();
      for (std::size_t i = 0; i < 4; ++i) state[i][lane] = lanes[lane].stream->state_[i];
    }
    (has_avx512 ? compress_avx512 : compress_any)(state, sources, blocks);
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      Md5Stream& stream = *lanes[lane].stream;
      for (std::size_t i = 0; i < 4; ++i) stream.state_[i] = state[i][lane];
      stream.length_ += blocks * kBlockBytes;
      lanes[lane].rest = lanes[lane].rest.subspan(blocks * kBlockBytes);
    }
  }
};

ByteView Md5Stream::complete_block(ByteView data) {
  const std::size_t used = length_ % kBlockBytes;
  if (used == 0) return data;
  const ByteView head = data.first(std::min(data.size(), kBlockBytes - used));
  std::ranges::copy(head, open_.begin() + static_cast<std::ptrdiff_t>(used));
  length_ += head.size();
  if (length_ % kBlockBytes == 0) compress_blocks(state_, open_);
  return data.subspan(head.size());
}

void Md5Stream::update(ByteView data) {
  data = complete_block(data);
  const ByteView blocks = data.first(data.size() - data.size() % kBlockBytes);
  compress_blocks(state_, blocks);
  std::ranges::copy(data.subspan(blocks.size()), open_.begin());
  length_ += data.size();
}

Md5Digest Md5Stream::finish() {
  constexpr std::size_t kLengthAt = kBlockBytes - sizeof(length_);
  const std::uint64_t bits = length_ * 8;
  const std::size_t used = length_ % kBlockBytes;
  std::fill(open_.begin() + static_cast<std::ptrdiff_t>(used), open_.end(), std::uint8_t{0});
  open_[used] = 0x80;
  if (used >= kLengthAt) {
    compress_blocks(state_, open_);
    open_.fill(0);
  }
  std::memcpy(open_.data() + kLengthAt, &bits, sizeof(bits));
  compress_blocks(state_, open_);
  Md5Digest digest;
  std::memcpy(digest.data(), state_.data(), digest.size());
  return digest;
}

void update_together(std::span<const Md5Update> updates) {
  STRATOS_ASSERT(updates.size() <= kMd5Lanes, "more streams than lanes");
  std::array<Md5Lane, kMd5Lanes> lanes{};
  const std::span<Md5Lane> all(lanes.data(), updates.size());
  std::ranges::transform(updates, all.begin(), Md5Lane::begin);
  // The longest first: those that have blocks left are in front.
  std::ranges::sort(all, std::greater(), &Md5Lane::blocks);
  std::span<Md5Lane> busy = all;
  while (!busy.empty()) {
    const std::size_t blocks = busy.back().blocks();
    if (blocks != 0 && busy.size() == 1) break;
    if (blocks != 0) Md5Lane::advance(busy, blocks);
    busy = busy.first(busy.size() - 1);
  }
  for (const Md5Lane& lane : all) lane.stream->update(lane.rest);
}

}  // namespace stratos::crypto
