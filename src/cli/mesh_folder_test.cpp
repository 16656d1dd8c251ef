#include "cli/mesh_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "cli/key_ring_files.hpp"
#include "io/faulty_file_system.hpp"

namespace stratos::cli {
namespace {

class MeshFolderTest : public testing::Test {
 protected:
  MeshFolderTest() { EXPECT_TRUE(fs_.make_dirs("/mesh")); }
  io::FaultyFileSystem fs_{1};
  SeededRandom random_{1};
  MeshFolder folder_{fs_, "/mesh"};
};

TEST_F(MeshFolderTest, GrowsButNeverForgets) {
  MeshSettings settings;
  settings.nodes = 8;
  ASSERT_TRUE(folder_.settings(settings));
  settings.nodes = 6;
  settings.accounts = 3;
  const MeshSettings kept = folder_.settings(settings).value();
  EXPECT_EQ(kept.nodes, 8U);
  EXPECT_EQ(kept.accounts, 3U);
}

TEST_F(MeshFolderTest, RefusesAnotherProfile) {
  ASSERT_TRUE(folder_.settings(MeshSettings{}));
  MeshSettings other;
  other.k = 8;
  EXPECT_EQ(folder_.settings(other).error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, KeepsTheTermsOfStorageItWasMadeWith) {
  MeshSettings settings;
  settings.storage.term_seconds = 3600;
  ASSERT_TRUE(folder_.settings(settings));
  const StorageSettings stored = folder_.settings(MeshSettings{})->storage;
  EXPECT_EQ(stored.term_seconds, 3600U);
  EXPECT_EQ(stored.grace_seconds, kUsualGraceSeconds);
  EXPECT_EQ(stored.noz_per_gib_day, kUsualNozPerGibDay);
  EXPECT_TRUE(folder_.settings(settings));
  settings.storage.term_seconds = 7200;
  EXPECT_EQ(folder_.settings(settings).error().code(), Errc::bad_config);
  settings.storage = {};
  settings.storage.warning_seconds = 1;
  EXPECT_EQ(folder_.settings(settings).error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, HasAClockThatNeverGoesBack) {
  using std::chrono::milliseconds;
  EXPECT_EQ(folder_.clock_ahead().value(), milliseconds(0));
  EXPECT_EQ(folder_.set_clock_ahead(milliseconds(5000)).value(), milliseconds(5000));
  EXPECT_EQ(folder_.set_clock_ahead(milliseconds(1000)).value(), milliseconds(5000));
  EXPECT_EQ(folder_.clock_ahead().value(), milliseconds(5000));
  const milliseconds too_far(200LL * 366 * 86'400'000);
  EXPECT_EQ(folder_.set_clock_ahead(too_far).error().code(), Errc::invalid_argument);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/clock.json", as_bytes("{\"ahead_ms\": -1}")));
  EXPECT_EQ(folder_.clock_ahead().error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, RefusesDamagedAndForeignSettings) {
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("{\"format\": 9}")));
  EXPECT_EQ(folder_.settings(MeshSettings{}).error().code(), Errc::unknown_format);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("{\"format\": 1}")));
  EXPECT_EQ(folder_.stored_settings().error().code(), Errc::bad_config);
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes("nonsense")));
  EXPECT_EQ(folder_.stored_settings().error().code(), Errc::bad_config);
}

TEST_F(MeshFolderTest, RefusesSettingsThatNoReleaseWrites) {
  const std::string good =
      R"({"format":1,"nodes":8,"k":4,"m":2,"accounts":1,"region":"us-east-1"})";
  const auto stored = [this](const std::string& text) {
    EXPECT_TRUE(io::write_file_atomic(fs_, "/mesh/mesh.json", as_bytes(text)));
    return folder_.stored_settings();
  };
  ASSERT_TRUE(stored(good));
  const auto with = [&good](const std::string& from, const std::string& to) {
    return std::string(good).replace(good.find(from), from.size(), to);
  };
  for (const std::string& text :
       {with("\"k\":4", "\"k\":260"), with("\"k\":4", "\"k\":0"), with("\"k\":4", "\"k\":-4"),
        with("\"k\":4", "\"k\":4.5"), with("\"m\":2", "\"m\":\"2\""), with("\"m\":2,", ""),
        with("\"nodes\":8", "\"nodes\":4294967297"), with("\"nodes\":8", "\"nodes\":[8]"),
        with("\"accounts\":1", "\"accounts\":-1"), with("\"us-east-1\"", "7"), std::string("[1]"),
        std::string(), std::string("{"), std::string("null")}) {
    EXPECT_EQ(stored(text).error().code(), Errc::bad_config) << text;
  }
  for (const std::string& format : {"\"1\"", "2", "null", "[]", "0"}) {
    EXPECT_EQ(stored(with("\"format\":1", "\"format\":" + format)).error().code(),
              Errc::unknown_format)
        << format;
  }
}

TEST_F(MeshFolderTest, TellsADamagedRunFromNone) {
  for (const char* text : {"nonsense", "{}", R"({"pid":"x"})", "[]"}) {
    ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/run.json", as_bytes(text)));
    EXPECT_EQ(folder_.run().error().code(), Errc::bad_config) << text;
  }
}

TEST_F(MeshFolderTest, RefusesDamagedCredentials) {
  EXPECT_EQ(folder_.accounts().error().code(), Errc::file_not_found);
  for (const char* text : {"nonsense", "{}", R"({"accounts":"x"})", R"({"accounts":[{}]})",
                           R"({"accounts":[{"name":1}]})", R"({"accounts":{"name":"x"}})"}) {
    ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/credentials.json", as_bytes(text)));
    EXPECT_EQ(folder_.accounts().error().code(), Errc::bad_config) << text;
  }
}

// On the real file system: modes are what is asked.
TEST(MeshFolderModes, OfSecretsAreTheOwnersAlone) {
  const std::string path = testing::TempDir() + "stratos_modes";
  std::filesystem::remove_all(path);
  io::FileSystem& fs = io::real_file_system();
  ASSERT_TRUE(fs.make_dirs(path));
  const mode_t before = ::umask(0);
  MeshFolder folder(fs, path);
  SystemRandom random;
  MeshAccount account;
  account.name = "dev";
  EXPECT_TRUE(folder.store_accounts({account}));
  ::chmod((path + "/credentials.json").c_str(), 0644);
  EXPECT_TRUE(folder.store_accounts({account})) << "a rewrite closes what was open";
  EXPECT_TRUE(folder.machine_key("gateway", random));
  KeyRingFiles files(fs, path + "/gateway");
  EXPECT_TRUE(files.create(random));
  ::umask(before);
  for (const char* name :
       {"/credentials.json", "/keys/gateway", "/gateway/keyring", "/gateway/keyring.secret"}) {
    struct stat info{};
    ASSERT_EQ(::stat((path + name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 07777, 0600U) << name;
  }
  std::filesystem::remove_all(path);
}

TEST_F(MeshFolderTest, ARingIsNeverReplacedByANewOne) {
  KeyRingFiles files(fs_, "/mesh/gateway");
  const client::KeyRing ring = files.create(random_).value();
  EXPECT_EQ(files.create(random_).error().code(), Errc::already_exists);
  ASSERT_TRUE(fs_.remove("/mesh/gateway/keyring.secret"));
  EXPECT_EQ(files.open().error().code(), Errc::file_not_found);
  EXPECT_EQ(files.create(random_).error().code(), Errc::already_exists)
      << "the secret may come back from a copy";
}

TEST_F(MeshFolderTest, ARingUnderAnotherSecretIsRefused) {
  KeyRingFiles files(fs_, "/mesh/gateway");
  ASSERT_TRUE(files.create(random_));
  ASSERT_TRUE(io::write_secret_file(fs_, "/mesh/gateway/keyring.secret", as_bytes("other")));
  EXPECT_EQ(files.open().error().code(), Errc::decryption_failed);
  ASSERT_TRUE(io::write_secret_file(fs_, "/mesh/gateway/keyring", as_bytes("short")));
  EXPECT_FALSE(files.open());
}

TEST_F(MeshFolderTest, MachineKeysOfTheWrongLengthAreRefused) {
  ASSERT_TRUE(folder_.machine_key("meta", random_));
  for (const std::string& text :
       {std::string(), std::string(62, 'a'), std::string(66, 'a'), std::string(64, 'a') + "\n"}) {
    ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/keys/meta", as_bytes(text)));
    EXPECT_FALSE(folder_.machine_key("meta", random_)) << text;
  }
}

TEST_F(MeshFolderTest, SaysThatNoMeshRuns) {
  EXPECT_EQ(folder_.run().error().code(), Errc::not_found);
  MeshRun run;
  run.pid = 7;
  run.s3_endpoint = "http://127.0.0.1:1";
  ASSERT_TRUE(folder_.store_run(run));
  EXPECT_EQ(folder_.run()->s3_endpoint, "http://127.0.0.1:1");
  folder_.clear_run();
  EXPECT_EQ(folder_.run().error().code(), Errc::not_found);
}

TEST_F(MeshFolderTest, KeepsAccountsAndMachineKeys) {
  MeshAccount account;
  account.name = "dev";
  account.secret_key = "s";
  ASSERT_TRUE(folder_.store_accounts({account}));
  EXPECT_EQ(folder_.accounts()->at(0).secret_key, "s");
  const auto key = folder_.machine_key("meta", random_).value();
  EXPECT_EQ(folder_.machine_key("meta", random_)->public_key(), key.public_key());
  EXPECT_NE(folder_.machine_key("gateway", random_)->public_key(), key.public_key());
}

TEST_F(MeshFolderTest, RefusesADamagedMachineKey) {
  ASSERT_TRUE(folder_.machine_key("meta", random_));
  ASSERT_TRUE(io::write_file_atomic(fs_, "/mesh/keys/meta", as_bytes("zz")));
  EXPECT_EQ(folder_.machine_key("meta", random_).error().code(), Errc::bad_encoding);
}

TEST_F(MeshFolderTest, KeyRingIsKeptAndItsExportRemembered) {
  KeyRingFiles files(fs_, "/mesh/gateway");
  EXPECT_EQ(files.open().error().code(), Errc::file_not_found);
  client::KeyRing ring = files.create(random_).value();
  EXPECT_EQ(files.open()->fingerprint(), ring.fingerprint());
  EXPECT_FALSE(files.has_verified_export(ring));
  ASSERT_TRUE(files.note_export(ring));
  EXPECT_TRUE(files.has_verified_export(ring));
  ring.rotate(random_);
  EXPECT_FALSE(files.has_verified_export(ring));
}

}  // namespace
}  // namespace stratos::cli
