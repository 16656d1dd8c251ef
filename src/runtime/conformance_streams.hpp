// The part of the conformance suite about streams, and about cancelling what waits on them; helpers
// of the rest. For tests only: see conformance.hpp.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.hpp"
#include "runtime/sync.hpp"
#include "runtime/task_group.hpp"

namespace stratos::conformance {

constexpr Duration kLong = 30s;

inline Task<void> note_result(Task<Result<void>> task, std::vector<std::string>& out,
                              std::string name) {
  const Result<void> result = co_await std::move(task);
  out.push_back(name + (result ? ":ok" : ":" + std::string(name_of(result.error().code()))));
}

inline Task<void> echo(std::unique_ptr<Stream> stream) {
  Bytes buffer(16 * 1024);
  for (;;) {
    const auto got = co_await stream->read_some(buffer, kLong);
    if (!got || *got == 0) break;
    if (!co_await stream->write(ByteView(buffer).first(*got), kLong)) break;
  }
  stream->shutdown();
}

inline Task<void> serve_echo(Listener& listener, TaskGroup& group) {
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    group.spawn(echo(std::move(*stream)));
  }
}

inline Task<Result<Bytes>> read_exactly(Stream& stream, std::size_t count) {
  Bytes out(count);
  std::size_t have = 0;
  while (have < count) {
    STRATOS_CO_TRY(const std::size_t got,
                   co_await stream.read_some(MutableByteView(out).subspan(have), kLong));
    if (got == 0) co_return fail(Errc::connection_lost);
    have += got;
  }
  co_return out;
}

// Two connected streams.
struct Pair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> near;
  std::unique_ptr<Stream> far;
};

inline Task<void> accept_into(Listener& listener, std::unique_ptr<Stream>& out) {
  auto stream = co_await listener.accept();
  if (stream) out = std::move(*stream);
}

inline Task<Pair> make_pair(Runtime& runtime, std::string address) {
  Pair pair;
  TaskGroup group(runtime, "pair");
  pair.listener = runtime.net().listen(address).value();
  group.spawn(accept_into(*pair.listener, pair.far));
  auto near = co_await runtime.net().connect(pair.listener->address(), kLong);
  pair.near = std::move(near).value();
  co_await group.join();
  co_return pair;
}

inline Task<void> write_all(Stream& stream, ByteView data) {
  const auto written = co_await stream.write(data, kLong);
  EXPECT_TRUE(written.has_value());
}

inline Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return bytes;
}

inline Task<Result<void>> read_once(Stream& stream, Duration timeout) {
  Bytes buffer(64);
  STRATOS_CO_TRY([[maybe_unused]] const std::size_t got,
                 co_await stream.read_some(buffer, timeout));
  co_return Result<void>();
}

inline Task<Result<void>> accept_once(Listener& listener) {
  STRATOS_CO_TRY([[maybe_unused]] const auto stream, co_await listener.accept());
  co_return Result<void>();
}

inline Task<Result<void>> wait_on(WaitQueue& queue, std::optional<Duration> timeout) {
  co_return co_await queue.wait(timeout);
}

inline Task<Result<void>> sleep_for(Runtime& runtime, Duration duration) {
  co_return co_await runtime.sleep(duration);
}

inline Task<Result<int>> answer(Runtime& runtime, Duration delay, int value) {
  STRATOS_CO_CHECK(co_await runtime.sleep(delay));
  co_return value;
}

inline Task<Result<int>> fail_later(Runtime& runtime) {
  STRATOS_CO_CHECK(co_await runtime.sleep(1ms));
  co_return fail(Errc::not_found, "nothing here");
}

// Sets *ended when its frame goes away.
struct Flag {
  explicit Flag(bool& flag) : flag_(flag) {}
  ~Flag() { flag_ = true; }
  bool& flag_;
};

inline Task<Result<int>> hang(Runtime& runtime, bool& ended) {
  const Flag flag(ended);
  STRATOS_CO_CHECK(co_await runtime.sleep(1h));
  co_return 1;
}

// --- the bodies; one coroutine a test
// --------------------------------------------------------------

inline Task<void> echoes_a_mebibyte(Runtime& runtime, std::string address) {
  TaskGroup group(runtime, "echo");
  auto listener = runtime.net().listen(address).value();
  group.spawn(serve_echo(*listener, group));
  auto stream = (co_await runtime.net().connect(listener->address(), kLong)).value();
  const Bytes sent = pattern(1 << 20);
  group.spawn(write_all(*stream, sent));
  const auto received = co_await read_exactly(*stream, sent.size());
  EXPECT_TRUE(received.has_value());
  EXPECT_TRUE(received && *received == sent);
  stream->shutdown();
  Bytes rest(1);
  EXPECT_EQ((co_await stream->read_some(rest, kLong)).value(), 0U);
  listener->close();
  co_await group.join();
}

inline Task<void> writes_head_and_body_in_order(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, std::move(address));
  EXPECT_TRUE((co_await pair.near->write(as_bytes("head"), as_bytes("and body"), kLong)));
  const auto received = co_await read_exactly(*pair.far, 12);
  EXPECT_EQ(as_text(received.value()), "headand body");
}

inline Task<void> a_late_read_leaves_the_stream_usable(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, std::move(address));
  for (int round = 0; round < 3; ++round) {
    const auto late = co_await read_once(*pair.far, 2ms);
    EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
    EXPECT_TRUE((co_await pair.near->write(as_bytes("x"), kLong)));
    const auto received = co_await read_exactly(*pair.far, 1);
    EXPECT_EQ(as_text(received.value()), "x");
  }
}

inline Task<void> a_late_write_ends_the_stream(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, std::move(address));
  // More than any socket buffer holds, and nobody reads.
  const Bytes data(64 << 20);
  const auto late = co_await pair.near->write(data, 20ms);
  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
  const auto again = co_await pair.near->write(as_bytes("x"), kLong);
  EXPECT_FALSE(again.has_value());
}

inline Task<void> close_ends_a_pending_read(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, std::move(address));
  TaskGroup group(runtime, "reader");
  std::vector<std::string> results;
  group.spawn(note_result(read_once(*pair.near, kLong), results, "near"));
  group.spawn(note_result(read_once(*pair.far, kLong), results, "far"));
  co_await runtime.sleep(1ms);
  pair.near->close();
  co_await group.join();
  std::ranges::sort(results);
  EXPECT_EQ(results.back(), "near:cancelled");
  EXPECT_EQ(results.size(), 2U);
  EXPECT_FALSE((co_await pair.near->write(as_bytes("x"), kLong)).has_value());
}

inline Task<void> close_ends_a_pending_accept(Runtime& runtime, std::string address) {
  TaskGroup group(runtime, "acceptor");
  auto listener = runtime.net().listen(address).value();
  std::vector<std::string> results;
  group.spawn(note_result(accept_once(*listener), results, "accept"));
  co_await runtime.sleep(1ms);
  listener->close();
  co_await group.join();
  EXPECT_EQ(results, std::vector<std::string>{"accept:cancelled"});
  EXPECT_EQ((co_await accept_once(*listener)).error().code(), Errc::cancelled);
}

inline Task<void> refuses_where_nobody_listens(Runtime& runtime, std::string address) {
  std::string gone;
  {
    auto listener = runtime.net().listen(address).value();
    gone = listener->address();
    const auto second = runtime.net().listen(gone);
    EXPECT_EQ(second.error().code(), Errc::address_in_use);
    listener->close();
  }
  const auto stream = co_await runtime.net().connect(gone, kLong);
  EXPECT_EQ(stream.error().code(), Errc::connection_refused);
  const auto bad = co_await runtime.net().connect("no port", kLong);
  EXPECT_EQ(bad.error().code(), Errc::invalid_argument);
  EXPECT_EQ(runtime.net().listen("no port").error().code(), Errc::invalid_argument);
}

inline Task<void> cancel_ends_every_kind_of_wait(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, address);
  auto idle = runtime.net().listen(address).value();
  WaitQueue queue(runtime);
  TaskGroup group(runtime, "waits");
  std::vector<std::string> results;
  group.spawn(note_result(read_once(*pair.far, kLong), results, "read"));
  group.spawn(note_result(accept_once(*idle), results, "accept"));
  group.spawn(note_result(wait_on(queue, std::nullopt), results, "queue"));
  group.spawn(note_result(sleep_for(runtime, 1h), results, "sleep"));
  co_await runtime.sleep(1ms);
  EXPECT_EQ(group.size(), 4U);
  group.cancel();
  co_await group.join();
  std::ranges::sort(results);
  const std::vector<std::string> expected = {"accept:cancelled", "queue:cancelled",
                                             "read:cancelled", "sleep:cancelled"};
  EXPECT_EQ(results, expected);
  EXPECT_TRUE(queue.empty());
  // A read that was cancelled leaves the stream usable as a late one does.
  EXPECT_TRUE((co_await pair.near->write(as_bytes("x"), kLong)));
  EXPECT_TRUE((co_await read_exactly(*pair.far, 1)).has_value());
}

inline Task<void> keep_waiting(Runtime& runtime, Stream& stream, WaitQueue& queue,
                               std::vector<Errc>& codes) {
  codes.push_back((co_await runtime.sleep(1h)).error().code());
  codes.push_back((co_await runtime.sleep(1h)).error().code());
  codes.push_back((co_await queue.wait(std::nullopt)).error().code());
  codes.push_back((co_await read_once(stream, kLong)).error().code());
  codes.push_back((co_await with_deadline(runtime, answer(runtime, 1h, 1), 2h)).error().code());
  // Blocking work still runs, so that a cancelled task can put its things in order.
  const int sum = co_await runtime.offload([] { return 2 + 2; }, 1ms);
  EXPECT_EQ(sum, 4);
  EXPECT_TRUE(co_await cancellation_requested());
}

inline Task<void> waits_after_cancel_end_too(Runtime& runtime, std::string address) {
  Pair pair = co_await make_pair(runtime, std::move(address));
  WaitQueue queue(runtime);
  TaskGroup group(runtime, "stubborn");
  std::vector<Errc> codes;
  group.spawn(keep_waiting(runtime, *pair.near, queue, codes));
  co_await runtime.sleep(1ms);
  group.cancel();
  co_await group.join();
  EXPECT_EQ(codes, std::vector<Errc>(5, Errc::cancelled));
}

}  // namespace stratos::conformance
