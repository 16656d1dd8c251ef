// Who may run, who waits and how long, under simulated time.
#include "gateway/admission.hpp"

#include <gtest/gtest.h>

#include "gateway/client_waits.hpp"
#include "runtime/task_group.hpp"
#include "sim/sim_world.hpp"

namespace stratos::sim {
namespace {

using gateway::Admission;
using gateway::AdmissionOptions;
using gateway::TicketedBody;

constexpr std::uint64_t kMiB = 1 << 20;
using TicketResult = Result<std::unique_ptr<Admission::Ticket>>;

class AdmissionTest : public ::testing::Test {
 protected:
  // `at_once` run, and no more whatever is learnt.
  void begin(std::size_t at_once, AdmissionOptions options = {}) {
    options.limit = {.min = at_once, .max = at_once, .initial = at_once};
    admission_ = std::make_unique<Admission>(runtime_, metrics_, options, 1);
  }
  void run(Task<void> task) { EXPECT_TRUE(world_.run_task("gateway", std::move(task), 1h)); }
  // Enters, and leaves after a while.
  static Task<void> pass(Runtime& runtime, Admission& admission, Duration stay, int& admitted) {
    const TicketResult ticket = co_await admission.enter(0);
    if (!ticket) co_return;
    ++admitted;
    [[maybe_unused]] const auto slept = co_await runtime.sleep(stay);
  }

  SimWorld world_{1};
  SimRuntime& runtime_ = world_.start("gateway");
  metrics::Registry metrics_;
  std::unique_ptr<Admission> admission_;
};

TEST_F(AdmissionTest, RefusesAfterAShortWaitWhatFindsNoPlace) {
  begin(2, {.longest_wait = 30ms});
  run([](Runtime& runtime, Admission& admission) -> Task<void> {
    const TicketResult first = co_await admission.enter(0);
    const TicketResult second = co_await admission.enter(0);
    EXPECT_TRUE(first && second);
    const MonotonicTime begun = runtime.now();
    const TicketResult third = co_await admission.enter(0);
    EXPECT_FALSE(third);
    if (!third) EXPECT_EQ(third.error().code(), Errc::slow_down);
    EXPECT_EQ(runtime.now() - begun, 30ms);
    EXPECT_EQ(admission.running(), 2U);
  }(runtime_, *admission_));
  EXPECT_EQ(metrics_.counter("stratos_gateway_refused_requests_total").value(), 1U);
}

TEST_F(AdmissionTest, GivesPlacesThatBecomeFreeToThoseThatWait) {
  begin(1, {.longest_wait = 20s});
  int admitted = 0;
  run([](Runtime& runtime, Admission& admission, int& count) -> Task<void> {
    TaskGroup group(runtime, "passes");
    for (int i = 0; i < 20; ++i) group.spawn(pass(runtime, admission, 1ms, count));
    co_await group.join();
    EXPECT_EQ(admission.running(), 0U);
  }(runtime_, *admission_, admitted));
  EXPECT_EQ(admitted, 20);
}

TEST_F(AdmissionTest, WaitsLessWhileItIsCrowded) {
  begin(1, {.longest_wait = 20ms, .crowded_wait = 1ms, .client_patience = 20s});
  int admitted = 0;
  run([](Runtime& runtime, Admission& admission, int& count) -> Task<void> {
    const TicketResult busy = co_await admission.enter(0);
    TaskGroup group(runtime, "passes");
    // Somebody always waits.
    for (int i = 0; i < 100; ++i) {
      group.spawn(pass(runtime, admission, 0ms, count));
      EXPECT_TRUE(co_await runtime.sleep(500us));
    }
    const MonotonicTime begun = runtime.now();
    const TicketResult late = co_await admission.enter(0);
    EXPECT_FALSE(late);
    EXPECT_EQ(runtime.now() - begun, 1ms);
    co_await group.join();
  }(runtime_, *admission_, admitted));
  EXPECT_EQ(admitted, 0);
}

TEST_F(AdmissionTest, RefusesAtOnceWhatFindsNoRoomInTheQueue) {
  begin(1, {.max_waiting = 2, .longest_wait = 20s});
  int admitted = 0;
  run([](Runtime& runtime, Admission& admission, int& count) -> Task<void> {
    TicketResult busy = co_await admission.enter(0);
    TaskGroup group(runtime, "passes");
    for (int i = 0; i < 2; ++i) group.spawn(pass(runtime, admission, 0ms, count));
    EXPECT_TRUE(co_await runtime.sleep(5ms));
    EXPECT_FALSE(co_await admission.enter(0));
    busy->reset();
    co_await group.join();
  }(runtime_, *admission_, admitted));
  EXPECT_EQ(admitted, 2);
}

TEST_F(AdmissionTest, BoundsTheMemoryOfAllTogether) {
  begin(100, {.memory_bytes = 10 * kMiB});
  run([](Admission& admission) -> Task<void> {
    TicketResult large = co_await admission.enter(8 * kMiB);
    EXPECT_FALSE(co_await admission.enter(4 * kMiB));
    const TicketResult small = co_await admission.enter(2 * kMiB);
    EXPECT_TRUE(small);
    EXPECT_EQ(admission.memory_bytes(), 10 * kMiB);
    large->reset();
    EXPECT_TRUE(co_await admission.enter(8 * kMiB));
    EXPECT_EQ(admission.memory_bytes(), 2 * kMiB);
  }(*admission_));
}

TEST_F(AdmissionTest, BoundsHowManyAreOpen) {
  begin(100, {.max_open = 1});
  run([](Admission& admission) -> Task<void> {
    TicketResult one = co_await admission.enter(0);
    EXPECT_FALSE(co_await admission.enter(0));
    one->reset();
    EXPECT_TRUE(co_await admission.enter(0));
  }(*admission_));
}

TEST_F(AdmissionTest, GivesThePlacesOfThoseThatWaitForTheirClientsToOthers) {
  begin(2, {.longest_wait = 20s, .client_patience = 5ms});
  run([](Admission& admission) -> Task<void> {
    TicketResult slow = co_await admission.enter(0);
    TicketResult slower = co_await admission.enter(0);
    (*slow)->begin_client_wait();
    (*slower)->begin_client_wait();
    (*slower)->begin_client_wait();
    const TicketResult third = co_await admission.enter(0);
    const TicketResult fourth = co_await admission.enter(0);
    EXPECT_TRUE(third && fourth);
    EXPECT_EQ(admission.running(), 2U);
    // What its client answers goes on at once.
    (*slow)->end_client_wait();
    EXPECT_EQ(admission.running(), 3U);
    (*slower)->end_client_wait();
    EXPECT_EQ(admission.running(), 3U);
    slow->reset();
    slower->reset();
    EXPECT_EQ(admission.running(), 2U);
  }(*admission_));
  EXPECT_EQ(admission_->running(), 0U);
}

TEST_F(AdmissionTest, CountsWorkWithoutTheWaitsForTheClient) {
  begin(2);
  run([](Runtime& runtime, Admission& admission) -> Task<void> {
    const TicketResult ticket = co_await admission.enter(0);
    const MonotonicTime begun = runtime.now();
    (*ticket)->begin_client_wait();
    EXPECT_TRUE(co_await runtime.sleep(30ms));
    (*ticket)->end_client_wait();
    EXPECT_EQ((*ticket)->worked(), runtime.now() - begun - 30ms);
  }(runtime_, *admission_));
}

TEST_F(AdmissionTest, EndsWithTheTaskThatWaits) {
  begin(1, {.longest_wait = 20s});
  int admitted = 0;
  run([](Runtime& runtime, Admission& admission, int& count) -> Task<void> {
    const TicketResult busy = co_await admission.enter(kMiB);
    TaskGroup group(runtime, "passes");
    group.spawn(pass(runtime, admission, 0ms, count));
    EXPECT_TRUE(co_await runtime.sleep(2ms));
    group.cancel();
    co_await group.join();
    EXPECT_EQ(admission.running(), 1U);
    EXPECT_EQ(admission.memory_bytes(), kMiB);
  }(runtime_, *admission_, admitted));
  EXPECT_EQ(admitted, 0);
}

// A body that comes after a while.
class LateBody final : public http::BodyReader {
 public:
  LateBody(Runtime& runtime, Admission& admission) : runtime_(runtime), admission_(admission) {}
  Task<Result<Buffer>> read(std::size_t) override {
    STRATOS_CO_CHECK(co_await runtime_.sleep(10ms));
    // Another request takes the place meanwhile.
    EXPECT_TRUE(co_await admission_.enter(0));
    co_return Buffer();
  }
  std::optional<std::uint64_t> length() const override { return 0; }

 private:
  Runtime& runtime_;
  Admission& admission_;
};

TEST_F(AdmissionTest, ATicketedBodyTellsItsTicket) {
  begin(1, {.longest_wait = 20s, .client_patience = 5ms});
  run([](Runtime& runtime, Admission& admission) -> Task<void> {
    const TicketResult ticket = co_await admission.enter(0);
    LateBody late(runtime, admission);
    TicketedBody body(late, **ticket);
    EXPECT_TRUE(co_await body.read(1));
    EXPECT_EQ(admission.running(), 1U);
    EXPECT_LT((*ticket)->worked(), 10ms);
  }(runtime_, *admission_));
}

}  // namespace
}  // namespace stratos::sim
