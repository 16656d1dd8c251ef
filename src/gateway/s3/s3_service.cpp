#include "gateway/s3/s3_service.hpp"

#include "base/log.hpp"
#include "base/trace_context.hpp"
#include "gateway/client_waits.hpp"
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_error.hpp"
#include "gateway/s3/s3_metrics.hpp"
#include "gateway/s3/s3_versions.hpp"

namespace stratos::gateway::s3 {
namespace {

// What a request may take at most, its body and answer included.
constexpr std::uint64_t kRequestMemory = 64 * 1024;
constexpr std::uint64_t kUploadMemory = 8 << 20;
constexpr std::uint64_t kDownloadMemory = 2 << 20;
// Requests that move no more are measured: how long others take depends on their size.
constexpr std::uint64_t kMeasuredBytes = 64 * 1024;
constexpr Duration kRefusalLogInterval = 1s;

std::uint64_t memory_of(const http::Request& request) {
  const std::uint64_t body =
      std::min(request.body->length().value_or(kUploadMemory), kUploadMemory);
  return kRequestMemory + std::max(body, request.method == "GET" ? kDownloadMemory : 0);
}

// Counts one running request.
class Running {
 public:
  explicit Running(metrics::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Running() { gauge_.add(-1); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  metrics::Gauge& gauge_;
};

void add_cors_headers(Call& call) {
  const auto origin = call.headers().get("origin");
  if (!origin || call.rules->cors.empty()) return;
  const auto method = call.headers().get("access-control-request-method");
  const CorsQuestion question{*origin, method.value_or(call.request.method), {}};
  const CorsRule* rule = find_cors_rule(call.rules->cors, question);
  if (rule) call.cors = cors_headers(*rule, question, false);
}

// The bucket, and whether the caller may do with it what the operation does.
Task<Result<void>> open_bucket(Call& call) {
  STRATOS_CO_TRY(call.rules, co_await call.backend.access.rules_of(call.s3.bucket));
  call.bucket = call.rules->info;
  add_cors_headers(call);
  STRATOS_CO_CHECK(check_owner_header(call, "x-amz-expected-bucket-owner", call.bucket.owner));
  if (decides_by_item(call.s3.operation)) co_return Result<void>{};
  const AccessRule* rule = access_rule_of(call.s3.operation);
  call.undecided = rule && rule->on_object;
  if (call.undecided) co_return Result<void>{};
  if (rule) {
    const AccessRule asked = names_version(call.s3) ? of_version(*rule) : *rule;
    co_return authorize(call, *call.rules, asked.action, call.s3.key, asked.permission);
  }
  const std::string action = "s3:" + std::string(name_of(call.s3.operation));
  co_return authorize(call, *call.rules, action, call.s3.key, std::nullopt);
}

bool is_missing(Errc code) {
  return code == Errc::no_such_object || code == Errc::no_such_version ||
         code == Errc::object_deleted || code == Errc::delete_marker;
}

Task<Result<void>> serve(Call& call) {
  Backend& backend = call.backend;
  call.s3.bucket =
      bucket_of_host(call.headers().get("host").value_or(""), backend.options.website_domains);
  if (!call.s3.bucket.empty()) co_return co_await serve_website(call);
  STRATOS_CO_TRY(call.s3, parse_request(call.request, backend.options.base_domains));
  if (call.request.method == "OPTIONS") co_return co_await answer_preflight(call);
  STRATOS_CO_TRY(call.identity, co_await backend.access.authenticate(call.request, call.s3));
  const OperationHandler handler = handler_of(call.s3.operation);
  const bool bucket_exists = needs_bucket(call.s3.operation);
  if (call.anonymous() && (!handler || !bucket_exists)) co_return fail(Errc::access_denied);
  if (!handler) co_return fail(Errc::not_implemented);
  if (bucket_exists) STRATOS_CO_CHECK(co_await open_bucket(call));
  STRATOS_CO_CHECK(check_headers_implemented(call.headers()));
  Result<void> done = co_await handler(call);
  if (done) wake_notifier(call);
  if (!done && is_missing(done.error().code())) STRATOS_CO_CHECK(check_missing(call));
  co_return done;
}

// What S3 adds to some of its errors.
void add_details(Call& call, Errc code) {
  const auto add = [&call](std::string name, std::string value) {
    call.error_details.emplace_back(std::move(name), std::move(value));
  };
  const std::string_view s3_code = s3_error_of(code).code;
  if (s3_code == "NoSuchKey") add("Key", call.s3.key);
  const bool names_bucket = !call.error_details.empty();
  if (!names_bucket && (s3_code == "NoSuchBucket" || s3_code.starts_with("BucketA"))) {
    add("BucketName", call.s3.bucket);
  }
  if (s3_code == "NoSuchUpload") {
    const std::string* id = call.s3.query("uploadId");
    add("UploadId", id ? *id : std::string());
  }
  if (code == Errc::object_deleted || code == Errc::delete_marker) {
    call.error_headers.add("x-amz-delete-marker", "true");
  }
  if (code == Errc::delete_marker) call.error_headers.add("Allow", "DELETE");
  if (code == Errc::malformed_authorization) add("Region", call.backend.options.region);
}

Task<void> answer_error(Call& call, const Error& error) {
  if (call.response.head_sent()) co_return;  // the connection ends instead
  call.undecided = false;
  call.source_undecided = false;
  add_details(call, error.code());
  ErrorContext context;
  const std::string_view target = call.request.target;
  context.resource = target.substr(0, target.find('?'));
  context.request_id = call.request.request_id;
  for (const auto& [name, value] : call.error_details) context.extras.emplace_back(name, value);
  http::Headers headers = std::move(call.error_headers);
  headers.add("Content-Type", "application/xml");
  const int status = s3_error_of(error.code()).http_status;
  std::string document = error_document(error, context);
  // A peer that is gone is no news.
  [[maybe_unused]] const auto sent =
      co_await answer(call, status, std::move(headers), std::move(document));
}

log::Level level_of(int status) {
  if (status == 0 || status == 501 || (status >= 400 && status < 500)) return log::Level::info;
  return status == 503 ? log::Level::warn : log::Level::error;
}

void log_failure(const Call& call, const Error& error, Duration duration) {
  const int status = s3_error_of(error.code()).http_status;
  const auto duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  log::write(level_of(status), "s3_request_failed",
             {{"request_id", call.request.request_id},
              {"op", name_of(call.s3.operation)},
              {"bucket", call.s3.bucket},
              {"key", call.s3.key},
              {"status", status},
              {"code", s3_error_of(error.code()).code},
              {"head_sent", call.status != status},
              {"error", error.to_string()},
              {"remote", call.request.remote},
              {"duration_ms", duration_ms}});
}

// Of the caller's `traceparent`; anything else than a single valid one begins a new trace.
TraceContext trace_of(const http::Request& request, Random& random) {
  std::optional<TraceContext> parent;
  std::size_t count = 0;
  for (const auto& [name, value] : request.headers.items()) {
    if (!http::equal_ignoring_case(name, "traceparent")) continue;
    ++count;
    if (const auto parsed = parse_traceparent(value)) parent = *parsed;
  }
  return next_span(count == 1 ? parent : std::nullopt, random);
}

}  // namespace

struct Service::State {
  State(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& registry,
        ServiceOptions options)
      : backend(runtime, objects, std::move(options)),
        admission(runtime, registry, backend.options.admission, kOperations),
        metrics(registry),
        ids(runtime.random().next_u64()) {}

  static constexpr std::size_t kOperations = static_cast<std::size_t>(Operation::unsupported) + 1;

  void log_refusal(MonotonicTime now);
  void record(const Call& call, Duration duration);

  Backend backend;
  Admission admission;
  ServiceMetrics metrics;
  SeededRandom ids;            // of spans and new traces
  std::uint64_t refusals = 0;  // since the last line about them
  MonotonicTime refusals_logged;
};

// One line a second: under overload there is no time for more.
void Service::State::log_refusal(MonotonicTime now) {
  ++refusals;
  if (now - refusals_logged < kRefusalLogInterval) return;
  log::warn("s3_requests_refused", {{"count", std::exchange(refusals, 0)},
                                    {"running", admission.running()},
                                    {"limit", admission.limit().value()},
                                    {"memory_bytes", admission.memory_bytes()}});
  refusals_logged = now;
}

void Service::State::record(const Call& call, Duration duration) {
  ServiceMetrics::Outcome outcome;
  outcome.operation = call.s3.operation;
  outcome.status = call.status;
  outcome.duration = duration;
  outcome.bytes_in = call.bytes_in;
  outcome.bytes_out = call.bytes_out;
  metrics.record(outcome);
}

Service::Service(Runtime& runtime, client::ObjectClient& objects, metrics::Registry& metrics,
                 ServiceOptions options)
    : state_(std::make_unique<State>(runtime, objects, metrics, std::move(options))) {}

Service::~Service() = default;

Task<void> Service::handle(http::Request& request, http::ResponseWriter& response) {
  State& state = *state_;
  Runtime& runtime = state.backend.runtime;
  const MonotonicTime begun = runtime.now();
  const TraceScope trace(trace_of(request, state.ids));
  auto ticket = co_await state.admission.enter(memory_of(request));
  if (!ticket) {
    Call refused{.backend = state.backend, .request = request, .response = response};
    co_await answer_error(refused, ticket.error());
    const MonotonicTime now = runtime.now();
    state.log_refusal(now);
    state.record(refused, now - begun);
    co_return;
  }
  const Running running(state.metrics.running());
  TicketedBody body(*request.body, **ticket);
  TicketedResponse out(response, **ticket);
  http::BodyReader* const given = std::exchange(request.body, &body);
  Call call{.backend = state.backend, .request = request, .response = out};
  const Result<void> done = co_await serve(call);
  if (!done) co_await answer_error(call, done.error());
  request.body = given;
  const Duration duration = runtime.now() - begun;
  if (!done) log_failure(call, done.error(), duration);
  if (done && std::max(call.bytes_in, call.bytes_out) <= kMeasuredBytes) {
    (*ticket)->learn(static_cast<std::size_t>(call.s3.operation));
  }
  state.record(call, duration);
}

}  // namespace stratos::gateway::s3
