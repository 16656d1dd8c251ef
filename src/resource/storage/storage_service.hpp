// StorageService: serves NodeMethod, follows the meta layer's word on what to keep, and keeps the
// store in order.
#pragma once
#include <memory>

#include "base/metrics.hpp"
#include "resource/host/service.hpp"
#include "resource/storage/storage_options.hpp"

namespace stratos::resource {

class StorageService : public Service {
 public:
  // Opens the store in `folder`. `fs`, `meta`, `signer` and `metrics` outlive the service.
  static Task<Result<std::unique_ptr<StorageService>>> open(Runtime& runtime, io::FileSystem& fs,
                                                            std::string folder, net::Channel& meta,
                                                            const crypto::MachineSigner& signer,
                                                            metrics::Registry& metrics,
                                                            StorageOptions options);
  // One round of a loop now, for tests and tools.
  virtual Task<Result<void>> follow_feed() = 0;
  virtual Task<Result<void>> settle_expired() = 0;
  virtual Task<Result<void>> run_upkeep() = 0;
  virtual Usage usage() const = 0;
};

}  // namespace stratos::resource
