// Storage that is paid for terms in a simulated mesh: objects of which it is known whether they
// must be there. Internal to the mesh's simulation.
#pragma once
#include "sim/mesh_workload.hpp"

namespace stratos::sim {

// Does nothing where the scenario has no terms.
class Retention {
 public:
  explicit Retention(Run& run) : run_(run) {}
  // Before the workload: its bucket renews, and others get objects that are paid on or not.
  void plant();
  // At rest: what is paid is there, what is not is gone after its grace, and every noz that the
  // accounts lack was taken for a term, once.
  void check();

  // An account's name says what it was given.
  static std::uint64_t given(const meta::AccountRecord& account);

 private:
  struct Object {
    std::string bucket;
    std::string key;
    AccountId owner;
    std::uint64_t seed = 0;
    std::size_t size = 0;
    bool stays = false;
    meta::Payment first;  // as it was written
  };
  Task<Result<void>> plant_all(ClientProcess& client);
  Task<Result<void>> make_bucket(ClientProcess& client, AccountId owner, std::string name,
                                 bool renews);
  Task<Result<void>> put(ClientProcess& client, Object object);
  Task<bool> are_gone(ClientProcess& client);
  Task<Result<void>> check_objects(ClientProcess& client);
  // What is wrong, if anything.
  Task<Result<std::string>> check_balances(ClientProcess& client);

  Run& run_;
  std::vector<Object> objects_;
  std::map<AccountId, std::uint64_t> owed_;
};

}  // namespace stratos::sim
