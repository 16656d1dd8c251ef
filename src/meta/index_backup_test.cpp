#include "meta/index_backup.hpp"

#include <gtest/gtest.h>

#include "io/faulty_file_system.hpp"
#include "meta/backup_set.hpp"
#include "meta/meta_client.hpp"
#include "meta/service.hpp"
#include "meta/test_index.hpp"
#include "meta/verbs_settle.hpp"
#include "meta/zone_commands.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::meta {
namespace {

TEST(ZoneVerbs, ARestoreBeginsAGenerationAndStopsDropsUntilTheOperatorResumes) {
  TestIndex index;
  const GrantId before = index.reserve(0, 10).value().id;
  EXPECT_EQ(zone_state(index.state()).generation, Generation(1));
  EXPECT_FALSE(zone_state(index.state()).drops_pause);
  const auto begun = index.run(BeginGeneration{});
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->generation, Generation(2));
  EXPECT_TRUE(zone_state(index.state()).drops_pause);
  // No id that the lost blocks may have granted comes again.
  const GrantRecord grant = index.reserve(0, 10).value();
  EXPECT_GT(grant.id.value, before.value + kGrantsSkipped);
  EXPECT_EQ(grant.generation, Generation(2));
  ASSERT_TRUE(index.run(BeginGeneration{}));
  ASSERT_TRUE(index.run(ResumeDrops{}));
  EXPECT_EQ(zone_state(index.state()).generation, Generation(3));
  EXPECT_FALSE(zone_state(index.state()).drops_pause);
  ASSERT_TRUE(index.run(ResumeDrops{}));
  EXPECT_FALSE(zone_state(index.state()).drops_pause);
}

TEST(ZoneVerbs, OnlyMetaNodesBeginAGeneration) {
  EXPECT_TRUE(is_of_meta_nodes(Verb::begin_generation));
  EXPECT_FALSE(is_of_meta_nodes(Verb::resume_drops));
}

// A meta node whose folder is lost now and then.
class IndexBackupTest : public ::testing::Test {
 protected:
  IndexBackupTest() { start().value(); }
  ~IndexBackupTest() override {
    stop();
    runtime_.stop();
  }

  Result<void> start() {
    ServiceOptions options;
    options.folder = "/meta";
    options.params.network = "test";
    options.params.profiles = {{"dev", 4, 2, 3}};
    options.params.meta_keys = {key_.public_key()};
    options.clients = {client_key_.public_key()};
    options.backup = BackupTarget{"/backup", false, backup_key_, 1h};
    STRATOS_TRY(service_, block_on(runtime_, MetaService::start(runtime_, fs_, key_, metrics_,
                                                                std::move(options))));
    channel_ = net::make_loopback_channel(runtime_, runtime_, service_->router(),
                                          client_key_.public_key());
    client_ = std::make_unique<MetaClient>(runtime_, *channel_);
    return {};
  }
  void stop() {
    if (service_) block_on(runtime_, service_->stop());
    client_.reset();
    channel_.reset();
    service_.reset();
  }
  // Without the last step of an orderly stop.
  void lose_index() {
    stop();
    remove_tree("/meta");
    for (const std::string& name : fs_.list("/backup").value()) {
      const bool is_later =
          name.starts_with("blocks-") &&
          std::stoull(name.substr(name.size() - 16), nullptr, 16) > reached_.value;
      if (is_later) EXPECT_TRUE(fs_.remove("/backup/" + name));
    }
  }
  void remove_tree(const std::string& path) {
    if (!fs_.is_dir(path)) return void(fs_.remove(path));
    for (const std::string& name : fs_.list(path).value()) remove_tree(path + "/" + name);
    EXPECT_TRUE(fs_.remove_dir(path));
  }
  void back_up() {
    const auto reply = block_on(runtime_, client_->back_up());
    ASSERT_TRUE(reply) << reply.error().to_string();
    ASSERT_EQ(reply->places.size(), 1U);
    EXPECT_EQ(reply->places[0].where, "/backup");
    EXPECT_EQ(reply->places[0].last_error, "");
    reached_ = reply->places[0].height;
  }
  Result<RestoredIndex> restore(const std::string& folder = "/meta") {
    const auto from = files(backup_key_);
    return block_on(runtime_, restore_index(runtime_, fs_, *from, "test", folder, {key_, {}}));
  }
  std::unique_ptr<ordering::BackupFiles> files(const crypto::SecretKey& key) {
    auto place = std::make_unique<ordering::FolderPlace>(runtime_, fs_, "/backup");
    return std::make_unique<ordering::BackupFiles>(runtime_, std::move(place), "test", key,
                                                   random_);
  }
  Result<CreateAccount::Reply> make_account(std::uint8_t n) {
    CreateAccount command;
    command.account = account_id(n);
    return block_on(runtime_, client_->execute(command));
  }

  io::FaultyFileSystem fs_{3};
  BlockingPool pool_{2};
  RealRuntime runtime_{pool_, "index_backup_test"};
  SeededRandom random_{5};
  metrics::Registry metrics_;
  crypto::MachineSigner key_ = crypto::MachineSigner::draw(random_);
  crypto::MachineSigner client_key_ = crypto::MachineSigner::draw(random_);
  crypto::SecretKey backup_key_ = crypto::SecretKey::draw(random_);
  std::unique_ptr<MetaService> service_;
  std::unique_ptr<net::Channel> channel_;
  std::unique_ptr<MetaClient> client_;
  Height reached_;
};

TEST_F(IndexBackupTest, HoldsWhatWasOrderedBeforeItsLastStep) {
  ASSERT_TRUE(make_account(1));
  back_up();
  ASSERT_TRUE(make_account(2));
  back_up();
  ASSERT_TRUE(make_account(3));
  lose_index();
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(restored->generation, Generation(2));
  EXPECT_GE(restored->state.info.height, reached_);
  ASSERT_TRUE(start());
  EXPECT_EQ(make_account(1).error().code(), Errc::already_exists);
  EXPECT_EQ(make_account(2).error().code(), Errc::already_exists);
  EXPECT_TRUE(make_account(3)) << "what came after the last step is lost";
}

TEST_F(IndexBackupTest, SurvivesBeingLostAgain) {
  ASSERT_TRUE(make_account(1));
  back_up();
  lose_index();
  ASSERT_TRUE(restore());
  ASSERT_TRUE(start());
  ASSERT_TRUE(make_account(2));
  back_up();
  lose_index();
  const auto restored = restore();
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(restored->generation, Generation(3));
  ASSERT_TRUE(start());
  EXPECT_EQ(make_account(2).error().code(), Errc::already_exists);
}

TEST_F(IndexBackupTest, IsNotWrittenOverByAnEmptyIndex) {
  ASSERT_TRUE(make_account(1));
  back_up();
  lose_index();
  EXPECT_EQ(start().error().code(), Errc::bad_config);
  service_.reset();
  EXPECT_EQ(restore().error().code(), Errc::already_exists) << "an index is there";
  remove_tree("/meta");
  ASSERT_TRUE(restore());
  EXPECT_TRUE(start());
}

TEST_F(IndexBackupTest, LeavesNothingWhenItCannotBeRestored) {
  ASSERT_TRUE(make_account(1));
  back_up();
  stop();
  const auto from = files(crypto::SecretKey::draw(random_));
  const auto restored =
      block_on(runtime_, restore_index(runtime_, fs_, *from, "test", "/other", {key_, {}}));
  EXPECT_EQ(restored.error().code(), Errc::decryption_failed);
  EXPECT_FALSE(fs_.exists("/other"));
}

TEST_F(IndexBackupTest, IsVerifiedBesideTheIndexThatRuns) {
  ASSERT_TRUE(make_account(1));
  back_up();
  const auto from = files(backup_key_);
  const auto verified = block_on(runtime_, verify_backup(fs_, *from, "/scratch"));
  ASSERT_TRUE(verified) << verified.error().to_string();
  EXPECT_GE(verified->info.height, reached_);
}

TEST_F(IndexBackupTest, SaysHowItStands) {
  ASSERT_TRUE(make_account(1));
  back_up();
  lose_index();
  ASSERT_TRUE(restore());
  ASSERT_TRUE(start());
  const BackupReply before = block_on(runtime_, client_->backup_status()).value();
  EXPECT_EQ(before.generation, Generation(2));
  EXPECT_TRUE(before.drops_pause);
  ASSERT_EQ(before.places.size(), 1U);
  ASSERT_TRUE(block_on(runtime_, client_->execute(ResumeDrops{})));
  back_up();
  const BackupReply after = block_on(runtime_, client_->backup_status()).value();
  EXPECT_FALSE(after.drops_pause);
  EXPECT_EQ(after.places[0].height, reached_);
  EXPECT_LE(after.places[0].at, after.now);
  EXPECT_GT(after.places[0].at.ms, 0);
}

Task<Result<net::Reply<QueryReply>>> answer_nothing(Generation generation) {
  net::Reply<QueryReply> reply;
  reply.head.generation = generation;
  reply.head.reply = codec::encode(GetNodes::Reply{});
  co_return reply;
}

TEST_F(IndexBackupTest, ClientsRefuseAnIndexOlderThanOneThatAnsweredBefore) {
  Generation generation{2};
  net::Router router;
  router.on<QueryRequest, QueryReply>(
      static_cast<std::uint16_t>(MetaMethod::query), "query",
      [&generation](const net::CallContext&, const QueryRequest&, const Buffer&) {
        return answer_nothing(generation);
      });
  const auto channel =
      net::make_loopback_channel(runtime_, runtime_, router, client_key_.public_key());
  MetaClient client(runtime_, *channel);
  EXPECT_TRUE(block_on(runtime_, client.query(GetNodes{})));
  generation = Generation(1);
  EXPECT_EQ(block_on(runtime_, client.query(GetNodes{})).error().code(), Errc::stale_generation);
  generation = Generation(3);
  EXPECT_TRUE(block_on(runtime_, client.query(GetNodes{})));
}

}  // namespace
}  // namespace stratos::meta
