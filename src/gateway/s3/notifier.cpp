#include "gateway/s3/notifier.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "gateway/s3/notification_event.hpp"
#include "net/http.hpp"
#include "runtime/sync.hpp"

namespace stratos::gateway::s3 {
namespace {

constexpr std::uint32_t kPage = 100;
constexpr std::size_t kParallel = 8;  // connections to one webhook
constexpr Duration kTakeOffEvery = 1s;
constexpr std::size_t kMaxAnswerBytes = 16 * 1024;
constexpr Duration kAnswerTimeout = 1s;  // of what follows its head

std::string label_of(const std::string& name) { return "webhook=\"" + name + "\""; }

}  // namespace

Notifier::Outcome Notifier::outcome_of(int status) {
  constexpr int kRequestTimeout = 408;
  constexpr int kTooManyRequests = 429;
  if (status >= 200 && status < 300) return Outcome::delivered;
  const bool later = status == kRequestTimeout || status == kTooManyRequests || status >= 500;
  return later ? Outcome::failed : Outcome::refused;
}

// Notices that are being delivered; workers take the next one until none is left or one failed.
struct Notifier::Page {
  std::vector<client::Notice> notices;
  std::size_t workers = 1;
  std::size_t next = 0;
  std::size_t running = 0;
  bool failed = false;
  bool refused = false;
  std::size_t delivered = 0;
  std::vector<client::NoticePlace> done;  // and not taken off yet

  bool has_next() const { return !failed && next < notices.size(); }
  void note(const client::Notice& notice, Outcome outcome) {
    failed = failed || outcome == Outcome::failed;
    refused = refused || outcome == Outcome::refused;
    if (outcome != Outcome::delivered) return;
    ++delivered;
    done.push_back(notice.place);
  }
};

// One connection to a webhook.
class Notifier::Line {
 public:
  Line(Runtime& runtime, const Webhook& webhook) : runtime_(runtime), webhook_(webhook) {}

  // The status of the answer. A kept connection that turns out to be dead is tried anew.
  Task<Result<int>> post(std::string message, Duration timeout);

 private:
  Task<Result<int>> exchange(Buffer message, Duration timeout);
  void reconnect();

  Runtime& runtime_;
  const Webhook& webhook_;
  std::optional<http::Client> client_;
  bool kept_ = false;  // the connection has served before
};

// One webhook: who waits for work on it, and how it does.
class Notifier::Lane {
 public:
  Lane(Runtime& runtime, metrics::Registry& metrics, const Webhook& webhook_in)
      : webhook(webhook_in),
        work(runtime),
        jobs(runtime),
        progress(runtime),
        delivered(metrics.counter("stratos_s3_notifications_delivered_total", label_of(name()))),
        refused(metrics.counter("stratos_s3_notifications_refused_total", label_of(name()))),
        failures(metrics.counter("stratos_s3_notifications_failed_total", label_of(name()))) {}

  const std::string& name() const { return webhook.name; }
  // Counts and tells how an attempt ended; one line for every streak.
  void note(Outcome outcome, const Result<int>& status);
  // The pause before the next round; the delivery of anything ends a streak of failures.
  Duration pause_after(const Round& round, const NotifierOptions& options, Random& random);
  bool failing() const { return failing_; }

  const Webhook& webhook;
  WaitQueue work;      // for the walk
  WaitQueue jobs;      // for the workers
  WaitQueue progress;  // of the page, for the walk
  std::shared_ptr<Page> page;
  bool stirred = false;  // since the last round began
  bool first_round = true;

 private:
  metrics::Counter& delivered;
  metrics::Counter& refused;
  metrics::Counter& failures;
  bool failing_ = false;
  std::uint32_t streak_ = 0;
};

void Notifier::Line::reconnect() {
  std::optional<http::ClientTls> tls;
  if (webhook_.ca_file) tls = http::ClientTls{*webhook_.ca_file};
  client_.emplace(runtime_, webhook_.address, std::move(tls));
}

Task<Result<int>> Notifier::Line::exchange(Buffer message, Duration timeout) {
  http::Headers headers;
  headers.add("Content-Type", "application/json");
  headers.add("User-Agent", "Stratos");
  if (!webhook_.token.empty()) headers.add("Authorization", "Bearer " + webhook_.token);
  const std::uint64_t length = message.size();
  const auto body = http::make_buffer_body(std::move(message));
  STRATOS_CO_TRY(const http::ClientResponse answer,
                 co_await client_->send("POST", webhook_.target, std::move(headers), body.get(),
                                        length, timeout));
  // What it says does not matter; a short answer is read so that the connection can be used again.
  const auto read = co_await with_deadline(runtime_, http::read_all(*answer.body, kMaxAnswerBytes),
                                           kAnswerTimeout);
  kept_ = read.has_value();
  co_return answer.status;
}

Task<Result<int>> Notifier::Line::post(std::string message, Duration timeout) {
  const Buffer body = Buffer::copy_of(as_bytes(message));
  const bool kept = std::exchange(kept_, false);
  if (!kept) reconnect();
  auto status = co_await exchange(body, timeout);
  if (!status && kept && status.error().code() == Errc::connection_lost) {
    reconnect();
    status = co_await exchange(body, timeout);
  }
  co_return status;
}

void Notifier::Lane::note(Outcome outcome, const Result<int>& status) {
  if (outcome == Outcome::delivered) {
    delivered.add(1);
    if (std::exchange(failing_, false)) log::info("webhook_recovered", {{"webhook", name()}});
    return;
  }
  (outcome == Outcome::refused ? refused : failures).add(1);
  if (std::exchange(failing_, true)) return;
  const std::string what =
      status ? "answered " + std::to_string(*status) : status.error().to_string();
  log::warn("webhook_failing",
            {{"webhook", name()}, {"address", webhook.address}, {"error", what}});
}

Duration Notifier::Lane::pause_after(const Round& round, const NotifierOptions& options,
                                     Random& random) {
  constexpr std::uint32_t kMostDoublings = 16;
  streak_ = !round.failed || round.delivered > 0 ? 0 : std::min(streak_ + 1, kMostDoublings);
  Duration pause = options.poll;
  if (round.failed) {
    const std::uint32_t doublings = streak_ == 0 ? 0 : streak_ - 1;
    pause = std::min(options.first_retry * (std::int64_t{1} << doublings), options.last_retry);
  }
  // Half of it is drawn, so that gateways do not come together.
  const auto half = static_cast<std::uint64_t>(pause.count()) / 2;
  return pause - Duration(static_cast<std::int64_t>(random.below(half + 1)));
}

Notifier::Notifier(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
                   NotifierOptions options)
    : runtime_(runtime),
      objects_(objects),
      metrics_(metrics),
      options_(std::move(options)),
      origin_(runtime.random().next_u64() | 1),
      pending_(metrics.gauge("stratos_s3_notifications_pending")),
      let_go_(metrics.gauge("stratos_s3_notifications_let_go")) {
  for (const Webhook& webhook : options_.webhooks) {
    lanes_.push_back(std::make_unique<Lane>(runtime_, metrics_, webhook));
  }
}

Notifier::~Notifier() = default;

void Notifier::start(TaskGroup& group) {
  for (const auto& lane : lanes_) {
    for (std::size_t number = 0; number < kParallel; ++number) group.spawn(serve(*lane, number));
    group.spawn(run(*lane));
  }
}

bool Notifier::knows(std::string_view webhook) const {
  return std::ranges::find(options_.webhooks, webhook, &Webhook::name) != options_.webhooks.end();
}

void Notifier::wake() {
  for (const auto& lane : lanes_) {
    lane->stirred = true;
    lane->work.wake_all();
  }
}

Task<void> Notifier::run(Lane& lane) {
  while (true) {
    lane.stirred = false;
    const Round round = co_await walk(lane);
    lane.first_round = lane.first_round && round.failed;
    const Duration pause = lane.pause_after(round, options_, runtime_.random());
    Result<void> waited;
    if (round.failed) {
      waited = co_await runtime_.sleep(pause);
    } else if (!lane.stirred) {
      waited = co_await lane.work.wait(pause);
    }
    if (!waited && waited.error().code() == Errc::cancelled) co_return;
  }
}

// What another gateway will deliver in a moment is left to it, but for what a process before this
// one may have left.
bool Notifier::is_mine(const Lane& lane, const client::Notice& notice) {
  if (notice.origin == origin_ || lane.first_round) return true;
  const std::int64_t age_ms = runtime_.wall_now().ms - notice.time.ms;
  return std::chrono::milliseconds(age_ms) >= options_.patience;
}

Task<Notifier::Round> Notifier::walk(Lane& lane) {
  Round round;
  client::NoticePlace after;
  bool more = true;
  while (more) {
    auto page = co_await objects_.list_notices(lane.name(), after, kPage);
    if (!page) {
      round.failed = true;
      co_return round;
    }
    note_totals(page->totals);
    more = page->more && !page->notices.empty();
    if (more) after = page->notices.back().place;
    std::erase_if(page->notices,
                  [&](const client::Notice& notice) { return !is_mine(lane, notice); });
    const auto delivered = co_await deliver(lane, std::move(page->notices), round);
    if (!delivered) {
      round.failed = true;
      co_return round;
    }
  }
  co_return round;
}

Task<void> Notifier::serve(Lane& lane, std::size_t number) {
  Line line(runtime_, lane.webhook);
  while (true) {
    const std::shared_ptr<Page> page = lane.page;
    if (!page || number >= page->workers || !page->has_next()) {
      if (!co_await lane.jobs.wait(std::nullopt)) co_return;
      continue;
    }
    const client::Notice& notice = page->notices[page->next++];
    ++page->running;
    const Result<int> status =
        co_await line.post(event_message(notice, options_.region), options_.timeout);
    --page->running;
    if (!status && status.error().code() == Errc::cancelled) co_return;
    const Outcome outcome = status ? outcome_of(*status) : Outcome::failed;
    lane.note(outcome, status);
    page->note(notice, outcome);
    lane.progress.wake_all();
  }
}

Task<Result<void>> Notifier::take_off(Lane& lane, Page& page) {
  if (page.done.empty()) co_return Result<void>{};
  std::vector<client::NoticePlace> places = std::move(page.done);
  page.done.clear();
  co_return co_await objects_.take_off_notices(lane.name(), std::move(places));
}

// An error ends the round: nothing more would pass now.
Task<Result<void>> Notifier::deliver(Lane& lane, std::vector<client::Notice> notices,
                                     Round& round) {
  const auto page = std::make_shared<Page>();
  page->notices = std::move(notices);
  // Few go in order, many at once; a webhook that fails is not pressed.
  const bool many = page->notices.size() >= 2 * kParallel && !lane.failing();
  page->workers = many ? kParallel : 1;
  lane.page = page;
  lane.jobs.wake_all();
  MonotonicTime taken_off = runtime_.now();
  while (page->has_next() || page->running > 0) {
    const auto waited = co_await lane.progress.wait(kTakeOffEvery);
    if (!waited && waited.error().code() == Errc::cancelled) co_return fail(Errc::cancelled);
    if (runtime_.now() - taken_off < kTakeOffEvery) continue;
    const auto taken = co_await take_off(lane, *page);
    page->failed = page->failed || !taken;
    taken_off = runtime_.now();
  }
  lane.page.reset();
  round.delivered += page->delivered;
  round.failed = round.failed || page->refused;
  STRATOS_CO_CHECK(co_await take_off(lane, *page));
  co_return page->failed ? fail(Errc::unavailable, "webhook " + lane.name()) : Result<void>{};
}

void Notifier::note_totals(const meta::NoticeTotals& totals) {
  const std::uint64_t let_go = totals.dropped + totals.expired;
  pending_.set(static_cast<std::int64_t>(totals.pending));
  let_go_.set(static_cast<std::int64_t>(let_go));
  if (let_go > let_go_before_.value_or(let_go)) {
    log::warn("notifications_let_go",
              {{"count", let_go - *let_go_before_}, {"pending", totals.pending}});
  }
  let_go_before_ = let_go;
}

}  // namespace stratos::gateway::s3
