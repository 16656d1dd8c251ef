#include "meta/service_meter.hpp"

#include <gtest/gtest.h>

namespace stratos::meta {
namespace {

crypto::MachineKey reader(std::uint64_t n) {
  SeededRandom random(n);
  return crypto::MachineSigner::draw(random).public_key();
}
ServiceReport report(std::uint64_t reads, std::uint64_t us_each, std::uint64_t kib = 0,
                     std::uint64_t bulk_us = 0) {
  ServiceReport made;
  made.nodes.push_back({NodeId(1), reads, reads * us_each, kib, bulk_us});
  return made;
}

TEST(ServiceMeter, AddsUpWhatOneReaderSays) {
  ServiceMeter meter;
  ASSERT_TRUE(meter.note(reader(1), report(10, 100, 2000, 1'000'000)));
  ASSERT_TRUE(meter.note(reader(1), report(30, 200, 2000, 3'000'000)));
  const auto services = meter.take();
  ASSERT_EQ(services.size(), 1U);
  EXPECT_EQ(services.at(NodeId(1)).node, NodeId(1));
  EXPECT_EQ(services.at(NodeId(1)).reads, 40U);
  EXPECT_EQ(services.at(NodeId(1)).read_us, 7000U);
  EXPECT_EQ(services.at(NodeId(1)).bulk_kib, 4000U);
  EXPECT_EQ(services.at(NodeId(1)).bulk_us, 4'000'000U);
  EXPECT_TRUE(meter.take().empty());
}

TEST(ServiceMeter, LetsNoSingleReaderDecideAmongThree) {
  ServiceMeter meter;
  ASSERT_TRUE(meter.note(reader(1), report(10, 1000)));
  ASSERT_TRUE(meter.note(reader(2), report(10, 1100)));
  ASSERT_TRUE(meter.note(reader(3), report(1'000'000, 9'000'000)));
  const NodeService service = meter.take().at(NodeId(1));
  EXPECT_EQ(service.reads, 100'000U);
  EXPECT_EQ(service.read_us / service.reads, 1100U);
}

TEST(ServiceMeter, StaysWithinWhatMayBeOrdered) {
  ServiceMeter meter;
  ServiceReport wild;
  wild.nodes.push_back({NodeId(1), ~0ULL, ~0ULL, ~0ULL, ~0ULL});
  wild.nodes.push_back({NodeId(1), 1, ~0ULL, 1, ~0ULL});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(meter.note(reader(1), wild));
  const NodeService service = meter.take().at(NodeId(1));
  for (const std::uint64_t number :
       {service.reads, service.read_us, service.bulk_kib, service.bulk_us}) {
    EXPECT_LE(number, NodeService::kMaxCount);
  }
  ServiceReport large;
  large.nodes.resize(ServiceReport::kMax + 1);
  EXPECT_EQ(meter.note(reader(1), large).error().code(), Errc::too_large);
}

}  // namespace
}  // namespace stratos::meta
