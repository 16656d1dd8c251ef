// What an operator may set about storage.
#pragma once
#include "meta/dialer.hpp"
#include "resource/storage/fragment_store.hpp"

namespace stratos::resource {

struct StorageOptions {
  StoreOptions store;
  std::chrono::milliseconds grace = 1h;  // after a lease, before a fragment may be dropped
  bool verify_reads = false;             // check every read against the tree
  std::size_t reads_at_once = 64;
  std::size_t writes_at_once = 64;  // of extents that are not small
  Duration feed_interval = 5s;
  Duration upkeep_interval = 10s;
  Duration expiry_interval = 60s;
  Duration settle_interval = 1s;  // between looks for epochs to hand in
  Duration reopen_delay = 1s;     // after the store failed
  std::chrono::milliseconds scrub_within =
      720h;                        // everything is read and checked once in this time
  meta::Dialer* dialer = nullptr;  // to other nodes, for rebuilding; outlives the node
};

}  // namespace stratos::resource
