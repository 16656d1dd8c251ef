// The gateway's key ring on disk: sealed under a secret that stands in a file of its own, so that
// the gateway starts without being asked.
#pragma once
#include <string>

#include "client/key_ring.hpp"

namespace stratos::cli {

class KeyRingFiles {
 public:
  KeyRingFiles(io::FileSystem& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}
  // A new ring with a random name, stored. Errc::already_exists when there is one, readable or not.
  Result<client::KeyRing> create(Random& random);
  // Errc::file_not_found when there is none.
  Result<client::KeyRing> open() const;
  Result<void> store(const client::KeyRing& ring, Random& random);
  // Whether a copy of exactly this ring was exported and read back.
  bool has_verified_export(const client::KeyRing& ring) const;
  Result<void> note_export(const client::KeyRing& ring);

 private:
  Result<Bytes> secret() const;
  io::FileSystem& fs_;
  std::string folder_;
};

}  // namespace stratos::cli
