#include "cli/machine_bound.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/buffer.hpp"
#include "base/random.hpp"
#include "crypto/hash.hpp"
#include "crypto/keys.hpp"
#include "crypto/md5_lanes.hpp"
#include "erasure/reed_solomon.hpp"

namespace stratos::cli {
namespace {

constexpr std::size_t kBlock = 4 << 20;
constexpr std::size_t kDiskBlocks = 64;
constexpr std::size_t kUnit = 64 << 10;

double seconds_of(clockid_t clock, const std::function<void()>& work) {
  timespec begin{};
  timespec end{};
  ::clock_gettime(clock, &begin);
  work();
  ::clock_gettime(clock, &end);
  return static_cast<double>(end.tv_sec - begin.tv_sec) +
         static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e9;
}

// MB/s of work on `bytes` bytes; the best of a few runs, as a bound should be.
double best_rate(std::size_t bytes, const std::function<void()>& work) {
  constexpr int kRuns = 5;
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    best = std::max(best, static_cast<double>(bytes) / seconds_of(CLOCK_MONOTONIC, work) / 1e6);
  }
  return best;
}

Result<double> disk_rate(const std::string& folder, const Buffer& block) {
  const std::string path = folder + "/bench.tmp";
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600);
  if (file < 0) return fail(Errc::io_error, path);
  bool good = true;
  const double seconds = seconds_of(CLOCK_MONOTONIC, [&] {
    for (std::size_t i = 0; i < kDiskBlocks; ++i) {
      good =
          good && ::write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size());
    }
    good = good && ::fdatasync(file) == 0;
  });
  ::close(file);
  ::unlink(path.c_str());
  if (!good) return fail(Errc::io_error, path);
  return static_cast<double>(kDiskBlocks * block.size()) / seconds / 1e6;
}

// A TCP connection over loopback whose ends a thread each serves; closes them at the end.
class LoopbackPair {
 public:
  LoopbackPair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, raw, length) == 0 && ::listen(listener, 1) == 0 &&
        ::getsockname(listener, raw, &length) == 0) {
      near_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      if (::connect(near_, raw, length) == 0) far_ = ::accept(listener, nullptr, nullptr);
    }
    ::close(listener);
  }
  ~LoopbackPair() {
    if (near_ >= 0) ::close(near_);
    if (far_ >= 0) ::close(far_);
  }
  LoopbackPair(const LoopbackPair&) = delete;
  LoopbackPair& operator=(const LoopbackPair&) = delete;

  bool connected() const { return far_ >= 0; }
  // Sends `total` bytes from one end to the other; false when the connection broke.
  bool transfer(const Buffer& block, std::size_t total) {
    bool sent = true;
    std::thread sender([&] {
      for (std::size_t done = 0; done < total && sent;) {
        const ssize_t wrote = ::write(near_, block.data(), std::min(block.size(), total - done));
        sent = wrote > 0;
        done += sent ? static_cast<std::size_t>(wrote) : 0;
      }
      if (!sent) ::shutdown(near_, SHUT_WR);
    });
    Buffer in = Buffer::allocate(block.size());
    std::size_t received = 0;
    while (received < total) {
      const ssize_t got = ::read(far_, in.mutable_view().data(), in.size());
      if (got <= 0) break;
      received += static_cast<std::size_t>(got);
    }
    sender.join();
    return received == total;
  }

 private:
  int near_ = -1;
  int far_ = -1;
};

// MB per core-second of a loopback connection, sender and receiver together.
double socket_rate(const Buffer& block) {
  constexpr std::size_t kTotal = 256 << 20;
  constexpr int kRuns = 3;
  LoopbackPair pair;
  double best = 0;
  for (int run = 0; run < kRuns && pair.connected(); ++run) {
    bool good = false;
    const double seconds =
        seconds_of(CLOCK_PROCESS_CPUTIME_ID, [&] { good = pair.transfer(block, kTotal); });
    if (good) best = std::max(best, static_cast<double>(kTotal) / seconds / 1e6);
  }
  return best;
}

double md5_rate(const Buffer& block) {
  constexpr std::size_t kLength = kBlock / crypto::kMd5Lanes;
  return best_rate(kBlock, [&] {
    std::array<crypto::Md5Stream, crypto::kMd5Lanes> streams;
    std::vector<crypto::Md5Update> updates;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      updates.push_back({streams[i], block.view().subspan(i * kLength, kLength)});
    }
    crypto::update_together(updates);
  });
}

double parity_rate(const erasure::ReedSolomon& code, const Buffer& block) {
  const erasure::Shape shape = code.shape();
  const std::size_t length = kBlock / shape.k / kUnit * kUnit;
  std::vector<const std::uint8_t*> data;
  std::vector<Buffer> made;
  std::vector<std::uint8_t*> parity;
  for (std::size_t i = 0; i < shape.k; ++i) data.push_back(block.data() + i * length);
  for (std::size_t i = 0; i < shape.m; ++i) {
    made.push_back(Buffer::allocate(length));
    parity.push_back(made.back().mutable_view().data());
  }
  return best_rate(length * shape.k, [&] { code.encode(length, data, parity); });
}

}  // namespace

nlohmann::json MachineBound::to_json() const {
  return {{"phase", "machine"},         {"disk_MB_s", disk_mb_s},    {"socket_MB_s", socket_mb_s},
          {"cipher_MB_s", cipher_mb_s}, {"md5_MB_s", md5_mb_s},      {"blake3_MB_s", hash_mb_s},
          {"parity_MB_s", parity_mb_s}, {"copy_MB_s", copy_mb_s},    {"cores", cores},
          {"put_bound_MB_s", put_mb_s}, {"get_bound_MB_s", get_mb_s}};
}

Result<MachineBound> measure_machine(const std::string& folder, std::uint8_t k, std::uint8_t m) {
  erasure::Shape shape;
  shape.k = k;
  shape.m = m;
  STRATOS_TRY(const erasure::ReedSolomon code, erasure::ReedSolomon::make(shape));
  Buffer block = Buffer::allocate(kBlock);
  SeededRandom random(1);
  random.fill(block.mutable_view());
  Buffer out = Buffer::allocate(kBlock + crypto::kTagBytes);
  MachineBound bound;
  STRATOS_TRY(bound.disk_mb_s, disk_rate(folder, block));
  bound.socket_mb_s = socket_rate(block);
  crypto::Aead aead(crypto::SecretKey::draw(random));
  bound.cipher_mb_s = best_rate(kBlock, [&] {
    for (std::size_t at = 0; at < kBlock; at += kUnit) {
      aead.seal({}, {}, block.view().subspan(at, kUnit - crypto::kTagBytes),
                out.mutable_view().subspan(at, kUnit));
    }
  });
  bound.md5_mb_s = md5_rate(block);
  bound.hash_mb_s = best_rate(kBlock, [&] { crypto::blake3(block.view()); });
  bound.parity_mb_s = parity_rate(code, block);
  bound.copy_mb_s =
      best_rate(kBlock, [&] { std::memcpy(out.mutable_view().data(), block.data(), kBlock); });
  bound.cores = std::thread::hardware_concurrency();
  const double ratio = static_cast<double>(k + m) / k;
  const double put_cost = 1 / bound.socket_mb_s + 1 / bound.md5_mb_s + 1 / bound.cipher_mb_s +
                          ratio / bound.hash_mb_s + 1 / bound.parity_mb_s + 1 / bound.copy_mb_s;
  const double get_cost = 1 / bound.socket_mb_s + 1 / bound.cipher_mb_s + 1 / bound.copy_mb_s;
  bound.put_mb_s = std::min(bound.disk_mb_s / ratio, bound.cores / put_cost);
  bound.get_mb_s = bound.cores / get_cost;
  return bound;
}

}  // namespace stratos::cli
