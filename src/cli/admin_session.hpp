// AdminSession: the operator's connection to the running mesh's meta node.
#pragma once
#include <memory>

#include "cli/mesh_folder.hpp"
#include "meta/meta_client.hpp"
#include "runtime/real_runtime.hpp"

namespace stratos::cli {

// Blocking calls from the main thread.
class AdminSession {
 public:
  // Errc::not_found when no mesh runs in the folder.
  static Result<std::unique_ptr<AdminSession>> open(MeshFolder& folder);
  ~AdminSession();

  template <class Query>
  Result<typename Query::Reply> query(const Query& query) {
    return block_on(runtime_, ask<Query>(&client_, query));
  }
  template <class Command>
  Result<typename Command::Reply> execute(const Command& command) {
    return block_on(runtime_, order<Command>(&client_, command));
  }
  Result<meta::NodeStatusReply> node_status() { return block_on(runtime_, client_.node_status()); }
  Result<meta::BackupReply> back_up() { return block_on(runtime_, client_.back_up()); }
  Result<meta::BackupReply> backup_status() { return block_on(runtime_, client_.backup_status()); }
  // Lets time go by between two questions.
  void wait(Duration pause) { block_on(runtime_, pause_for(&runtime_, pause)); }
  Result<meta::ScanStatus> scan(bool start) { return block_on(runtime_, client_.scan(start)); }
  Result<meta::RepairStatus> repair_status() { return block_on(runtime_, client_.repair_status()); }

 private:
  AdminSession(const crypto::MachineSigner& key, std::string address, crypto::MachineKey meta_key);
  template <class Query>
  static Task<Result<typename Query::Reply>> ask(meta::MetaClient* client, Query query) {
    co_return co_await client->query(query);
  }

  template <class Command>
  static Task<Result<typename Command::Reply>> order(meta::MetaClient* client, Command command) {
    co_return co_await client->execute(command);
  }

  static Task<void> pause_for(Runtime* runtime, Duration pause) {
    (void)co_await runtime->sleep(pause);
  }

  BlockingPool pool_;
  RealRuntime runtime_;
  std::unique_ptr<net::StreamSecurity> security_;
  std::unique_ptr<net::Channel> channel_;
  meta::MetaClient client_;
};

}  // namespace stratos::cli
