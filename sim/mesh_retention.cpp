#include "sim/mesh_retention.hpp"

#include "meta/payment.hpp"
#include "meta/queries.hpp"

namespace stratos::sim {
namespace {

constexpr Duration kPlantLimit = 5min;
constexpr Duration kGoneLimit = 5min;
constexpr std::uint64_t kRichNoz = 1ULL << 40;
constexpr std::size_t kCopies = 20'000;  // stored as whole copies
constexpr std::size_t kCoded = 300'000;
constexpr std::string_view kPaidOn = "paid-on";
constexpr std::string_view kLeft = "left-alone";
constexpr std::string_view kPoor = "poor";

AccountId account_of(std::uint8_t number) {
  AccountId id;
  id.value.fill(number);
  return id;
}

class PlantedBody final : public client::BodySource {
 public:
  explicit PlantedBody(Buffer data) : data_(std::move(data)), size_(data_.size()) {}
  Task<Result<Buffer>> next(std::size_t max_bytes) override {
    Buffer part = data_.slice(0, std::min(max_bytes, data_.size()));
    data_ = data_.slice(part.size());
    co_return part;
  }
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<client::Attributes> finish() override { return client::Attributes(); }

 private:
  Buffer data_;
  std::uint64_t size_;
};

Buffer pattern(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Buffer buffer = Buffer::allocate(size);
  random.fill(buffer.mutable_view());
  return buffer;
}

Task<Result<Bytes>> read(client::ObjectClient& objects, std::string bucket, std::string key) {
  STRATOS_CO_TRY(const std::unique_ptr<client::ObjectReader> reader,
                 co_await objects.get(std::move(bucket), std::move(key)));
  Bytes all;
  while (true) {
    STRATOS_CO_TRY(const Buffer part, co_await reader->next());
    if (part.empty()) co_return all;
    append(all, part.view());
  }
}

Task<Result<void>> make_account(ClientProcess& client, AccountId id, std::uint64_t noz) {
  meta::CreateAccount command;
  command.account = id;
  command.name = std::to_string(noz);
  command.ozone_noz = noz;
  STRATOS_CO_CHECK(co_await client.mesh->meta.execute(command));
  co_return Result<void>{};
}

}  // namespace

std::uint64_t Retention::given(const meta::AccountRecord& account) {
  return std::strtoull(account.name.c_str(), nullptr, 10);
}

Task<Result<void>> Retention::make_bucket(ClientProcess& client, AccountId owner, std::string name,
                                          bool renews) {
  const client::Principal who{owner};
  STRATOS_CO_CHECK(co_await client.objects->create_bucket(who, name, "sim"));
  if (renews) STRATOS_CO_CHECK(co_await client.objects->set_renewal(name, true));
  co_return Result<void>{};
}

Task<Result<void>> Retention::put(ClientProcess& client, Object object) {
  PlantedBody body(pattern(object.seed, object.size));
  const client::Principal who{object.owner};
  const client::Condition always;
  STRATOS_CO_CHECK(co_await client.objects->put(who, object.bucket, object.key, body, always));
  STRATOS_CO_TRY(const client::PaymentInfo info,
                 co_await client.objects->payment(object.bucket, object.key, std::nullopt));
  object.first = info.payment;
  objects_.push_back(std::move(object));
  co_return Result<void>{};
}

Task<Result<void>> Retention::plant_all(ClientProcess& client) {
  const AccountId rich = account_of(0xa1);
  const AccountId poor = account_of(0xa2);
  const meta::StorageTerms terms = run_.mesh.params().storage;
  const std::uint64_t poor_bytes = kCopies * run_.scenario.topology.copies;
  STRATOS_CO_CHECK(co_await make_account(client, rich, kRichNoz));
  STRATOS_CO_CHECK(co_await make_account(
      client, poor, 2 * meta::storage_price(terms, poor_bytes, terms.term_ms)));
  const bool renews = run_.scenario.sabotage != Sabotage::no_renewal;
  STRATOS_CO_CHECK(co_await client.objects->set_renewal(kBucket, renews));
  STRATOS_CO_CHECK(co_await make_bucket(client, rich, std::string(kPaidOn), renews));
  STRATOS_CO_CHECK(co_await make_bucket(client, rich, std::string(kLeft), false));
  STRATOS_CO_CHECK(co_await make_bucket(client, poor, std::string(kPoor), true));
  std::uint64_t seed = 1;
  for (const auto bucket : {kPaidOn, kLeft}) {
    for (const std::size_t size : {kCopies, kCoded}) {
      const bool stays = bucket == kPaidOn;
      Object object{std::string(bucket), std::to_string(size), rich, seed++, size, stays, {}};
      STRATOS_CO_CHECK(co_await put(client, std::move(object)));
    }
  }
  Object extended{std::string(kLeft), "extended", rich, seed++, kCopies, true, {}};
  STRATOS_CO_CHECK(co_await put(client, std::move(extended)));
  client::PaymentExtension day;
  day.days = 1;
  STRATOS_CO_CHECK(
      co_await client.objects->extend_payment(std::string(kLeft), "extended", std::nullopt, day));
  Object last{std::string(kPoor), "key", poor, seed++, kCopies, false, {}};
  co_return co_await put(client, std::move(last));
}

void Retention::plant() {
  if (run_.scenario.times.storage_term.count() == 0) return;
  const auto planted =
      run_.mesh.world().run_task("c1", plant_all(run_.mesh.client("c1")), kPlantLimit);
  if (!planted) return run_.fail("retention: the objects cannot be planted in time");
  if (!*planted) run_.fail("retention: planting: " + planted->error().to_string());
}

Task<bool> Retention::are_gone(ClientProcess& client) {
  for (const Object& object : objects_) {
    if (object.stays) continue;
    const auto found = co_await client.objects->head(object.bucket, object.key);
    if (found || found.error().code() != Errc::no_such_object) co_return false;
  }
  co_return true;
}

Task<Result<void>> Retention::check_objects(ClientProcess& client) {
  const meta::StorageTerms terms = run_.mesh.params().storage;
  for (const Object& object : objects_) {
    std::uint64_t time_ms = terms.term_ms;
    if (object.stays) {
      STRATOS_CO_TRY(const Bytes body, co_await read(*client.objects, object.bucket, object.key));
      const Buffer wanted = pattern(object.seed, object.size);
      if (!std::ranges::equal(body, wanted.view())) run_.fail("retention: other bytes than put");
      STRATOS_CO_TRY(const client::PaymentInfo info,
                     co_await client.objects->payment(object.bucket, object.key, std::nullopt));
      time_ms += static_cast<std::uint64_t>(info.payment.through.ms - object.first.through.ms);
      run_.count("terms_paid", time_ms / terms.term_ms);
    } else if (object.owner == account_of(0xa2)) {
      time_ms *= 2;  // all that its owner had
    }
    owed_[object.owner] += meta::storage_price(terms, object.first.stored_bytes, time_ms);
  }
  co_return Result<void>{};
}

Task<Result<std::string>> Retention::check_balances(ClientProcess& client) {
  for (const auto& [account, owed] : owed_) {
    meta::GetAccount query;
    query.account = account;
    STRATOS_CO_TRY(const meta::AccountRecord record, co_await client.mesh->meta.query(query));
    const std::uint64_t taken = given(record) - record.ozone_noz;
    if (taken == owed) continue;
    co_return "retention: " + std::to_string(taken) + " noz were taken, " + std::to_string(owed) +
        " were owed";
  }
  co_return std::string();
}

void Retention::check() {
  if (objects_.empty()) return;
  SimWorld& world = run_.mesh.world();
  ClientProcess& client = run_.mesh.client("c1");
  const MonotonicTime end = run_.now() + kGoneLimit;
  bool gone = false;
  while (!gone && run_.now() < end) {
    const auto asked = world.run_task("c1", are_gone(client), 1min);
    gone = asked && *asked;
    if (!gone) world.run_for(1s);
  }
  if (!gone) run_.fail("retention: what nobody pays does not go");
  // A renewal may come between the two looks, but not every time.
  constexpr int kLooks = 3;
  std::string problem = "retention: not looked at";
  for (int look = 0; look < kLooks && !problem.empty(); ++look) {
    owed_.clear();
    const auto checked = world.run_task("c1", check_objects(client), 1min);
    if (!checked || !*checked) return run_.fail("retention: what is paid for cannot be read");
    const auto balanced = world.run_task("c1", check_balances(client), 1min);
    if (!balanced || !*balanced) return run_.fail("retention: accounts cannot be asked");
    problem = **balanced;
  }
  if (!problem.empty()) run_.fail(problem);
}

}  // namespace stratos::sim
