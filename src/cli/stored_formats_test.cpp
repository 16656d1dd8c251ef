#include "cli/stored_formats.hpp"

#include "cli/stopped_mesh_fixture.hpp"
#include "ordering/log_format.hpp"
#include "resource/storage/volume_format.hpp"

namespace stratos::cli {
namespace {

class StoredFormats : public StoppedMesh {
 protected:
  // What is said of a part; empty when there is none of this name.
  std::string format_of(const std::string& name) {
    for (const StoredPart& part : stored_parts(fs_, folder_)) {
      if (part.name != name) continue;
      return part.format ? *part.format : std::string(name_of(part.format.error().code()));
    }
    return "";
  }
};

TEST_F(StoredFormats, OfThisReleaseAreRead) {
  EXPECT_EQ(format_of("settings"), "1");
  EXPECT_EQ(format_of("ordering log"), "1");
  EXPECT_EQ(format_of("index"), "4");
  EXPECT_EQ(format_of("key ring"), "") << "there is none yet";
  const auto running = fs_.lock("/mesh");
  EXPECT_EQ(format_of("index"), "4");
}

TEST_F(StoredFormats, OfOthersAreNamed) {
  write("/mesh/mesh.json", as_bytes(R"({"format":2})"));
  EXPECT_EQ(format_of("settings"), "unknown_format");
  write("/mesh/meta/log/log-00000000000000ff", Bytes(ordering::kFileHeaderBytes, 7));
  EXPECT_EQ(format_of("ordering log"), "log_corrupt");
  write("/mesh/gateway/keyring", Bytes{9, 9, 9});
  EXPECT_EQ(format_of("key ring"), "unknown_format");
  write("/mesh/nodes/n1/FORMAT", as_bytes("stratos node 2\n"));
  EXPECT_EQ(format_of("node n1"), "unknown_format");
}

TEST_F(StoredFormats, OfVolumesAreThoseOfTheirHeaders) {
  write("/mesh/nodes/n1/FORMAT", as_bytes("stratos node 1\n"));
  ASSERT_TRUE(fs_.make_dirs("/mesh/nodes/n1/storage/volumes"));
  EXPECT_EQ(format_of("node n1"), "none yet");
  write("/mesh/nodes/n1/storage/volumes/00000001", resource::encode_volume_header({1, 2}));
  write("/mesh/nodes/n1/storage/volumes/00000002", Bytes(4096, 0));
  EXPECT_EQ(format_of("node n1"), "1");
  write("/mesh/nodes/n1/storage/volumes/00000003", Bytes(resource::kBlockBytes, 1));
  EXPECT_EQ(format_of("node n1"), "corrupt_file");
}

}  // namespace
}  // namespace stratos::cli
