// How the comparison of the index with what nodes hold stands.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace stratos::meta {

// Counts are of the scan that runs, or of the last one.
struct ScanStatus {
  bool is_running = false;
  bool is_wanted = false;  // the zone was restored with a scan, and drops pause still
  std::uint64_t scans = 0;
  std::vector<NodeId> silent;   // nodes that did not say all they hold
  std::uint64_t fragments = 0;  // on the nodes that did
  std::uint64_t attached = 0;   // holders that the index did not know
  std::uint64_t spare = 0;      // fragments that another node holds by the index
  std::uint64_t unknown_segments = 0;
  std::uint64_t unknown_fragments = 0;
  std::uint64_t unknown_bytes = 0;
  std::uint64_t failed = 0;
  std::string last_error;
  std::optional<WallTime> finished;   // the last one
  std::uint64_t attached_in_all = 0;  // by every scan since the meta node started
  static void fields(auto& self, auto&& field) {
    field(1, self.is_running);
    field(2, self.is_wanted);
    field(3, self.scans);
    field(4, self.silent);
    field(5, self.fragments);
    field(6, self.attached);
    field(7, self.spare);
    field(8, self.unknown_segments);
    field(9, self.unknown_fragments);
    field(10, self.unknown_bytes);
    field(11, self.failed);
    field(12, self.last_error);
    field(13, self.finished);
    field(14, self.attached_in_all);
  }
};

}  // namespace stratos::meta
