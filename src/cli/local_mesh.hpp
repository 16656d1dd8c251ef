// LocalMesh: a whole mesh on one machine: index, storage nodes, S3 gateway. What `stratos dev`
// runs.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/mesh_folder.hpp"
#include "cli/meta_host.hpp"
#include "gateway/s3/webhook.hpp"

namespace stratos::cli {

struct LocalMeshOptions {
  MeshSettings settings;
  std::string s3_address = "127.0.0.1:9000";
  std::string ops_address = "127.0.0.1:0";
  bool processes = false;  // each storage node is a child process
  std::string program;     // this program's path, for the children
  MetaHostOptions meta;
  std::uint32_t scrub_within_seconds = 24 * 3600;
  std::uint32_t day_seconds = 24 * 3600;  // what lifecycle rules call a day
  std::vector<gateway::s3::Webhook> webhooks;
  std::uint64_t capacity_bytes = 0;  // of each storage node; 0: what the disk has
  std::uint64_t clock_ahead_seconds = 0;
  std::uint64_t account_noz = 1ULL << 60;  // prepaid ozone of new accounts
};

struct RunningNode {
  std::string id;
  std::string endpoint;
  std::string dir;
  std::int64_t pid = 0;
};

// All calls block and come from the main thread.
class LocalMesh {
 public:
  // Errc::folder_locked when the mesh runs already.
  static Result<std::unique_ptr<LocalMesh>> start(io::FileSystem& fs, MeshFolder folder,
                                                  LocalMeshOptions options);
  virtual ~LocalMesh() = default;
  virtual std::string s3_endpoint() const = 0;
  virtual std::string ops_endpoint() const = 0;
  virtual std::string virtual_host() const = 0;
  virtual const MeshSettings& settings() const = 0;
  virtual const std::vector<MeshAccount>& accounts() const = 0;
  virtual std::vector<RunningNode> nodes() const = 0;
  // What the operator should know, such as a key ring without a copy.
  virtual std::vector<std::string> warnings() const = 0;
  // The gateway reaches these nodes no more until the next call with others.
  virtual void cut_off(const std::vector<NodeId>& nodes) = 0;
  // Sets the clocks of this process as far ahead as the folder says; children look themselves.
  virtual void follow_clock() = 0;
  // Takes notice of children that ended; never blocks.
  virtual void reap() = 0;
  virtual void stop() = 0;
};

}  // namespace stratos::cli
