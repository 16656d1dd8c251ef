// What this machine could do at most: the disk, and the processor's time per byte for each step.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.hpp"

namespace stratos::cli {

// bound = min(raw O_DIRECT disk / stored ratio, cores / Σ core-seconds per byte). PUT counts
// socket, MD5, cipher, parity, fragment hash and copy; GET counts socket, cipher and copy.
struct MachineBound {
  double disk_mb_s = 0;
  double socket_mb_s = 0;  // of one core, both ends of a loopback TCP connection
  double cipher_mb_s = 0;
  double md5_mb_s = 0;  // of several streams at once
  double hash_mb_s = 0;
  double parity_mb_s = 0;  // of data bytes
  double copy_mb_s = 0;
  unsigned cores = 0;
  double put_mb_s = 0;
  double get_mb_s = 0;
  nlohmann::json to_json() const;
};

// Takes about two seconds and writes 256 MiB to a file in `folder`, which it removes.
Result<MachineBound> measure_machine(const std::string& folder, std::uint8_t k, std::uint8_t m);

}  // namespace stratos::cli
