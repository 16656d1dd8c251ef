// stratos bench: requests of one kind and size after another against the running mesh, beside what
// this machine could do at most and, when one is named, beside another S3 service under the same
// load; all in the same run.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/machine_bound.hpp"
#include "cli/s3_session.hpp"
#include "runtime/task_group.hpp"

namespace stratos::cli {
namespace {

using nlohmann::json;

struct Arguments {
  std::uint64_t size = 1 << 20;
  std::uint32_t parallel = 8;
  double seconds = 5;
  std::vector<std::string> phases = {"put", "get"};
  std::string peer;
};

enum class Kind : std::uint8_t { put, get, head, list, remove };
constexpr std::array<std::pair<std::string_view, Kind>, 4> kKinds = {
    {{"put", Kind::put}, {"get", Kind::get}, {"head", Kind::head}, {"list", Kind::list}}};

struct Phase {
  std::vector<std::int64_t> latencies_ns;
  std::vector<std::int64_t> first_byte_ns;  // until the head of the answer
  std::uint64_t errors = 0;
  std::string first_error;
  double seconds = 0;
};

// A service under load.
struct Service {
  std::string name;
  std::string address;
  gateway::s3::Credentials credentials;
  std::uint64_t objects = 0;  // that were put
};

// What the coroutines of a phase share; each has a connection of its own.
struct Load {
  Runtime* runtime = nullptr;
  Service* service = nullptr;
  Kind kind = Kind::put;
  Buffer body;
  MonotonicTime until;
  std::uint64_t next = 0;  // of puts and removals
  Phase phase;
};

const char* const kBucket = "stratos-bench";
constexpr std::uint64_t kListedAtOnce = 1000;

std::string_view method_of(Kind kind) {
  switch (kind) {
    case Kind::put:
      return "PUT";
    case Kind::head:
      return "HEAD";
    case Kind::remove:
      return "DELETE";
    case Kind::get:
    case Kind::list:
      return "GET";
  }
  return {};
}

std::string target_of(const Load& load, std::uint64_t number) {
  const std::string bucket = "/" + std::string(kBucket);
  const std::string key = "o" + std::to_string(number);
  if (load.kind != Kind::list) return bucket + "/" + key;
  return bucket + "?list-type=2&max-keys=" + std::to_string(kListedAtOnce) + "&start-after=" + key;
}

// Sends one signed request and reads its answer to the end; the bytes of the body.
Task<Result<std::uint64_t>> exchange(Load& load, http::Client& client, std::string method,
                                     std::string target, MonotonicTime& first_byte) {
  http::Headers headers;
  headers.set("host", load.service->address);
  STRATOS_CO_CHECK(gateway::s3::sign_request(method, target, headers, "UNSIGNED-PAYLOAD",
                                             load.service->credentials, load.runtime->wall_now()));
  std::unique_ptr<http::BodyReader> body;
  if (load.kind == Kind::put) body = http::make_buffer_body(load.body);
  STRATOS_CO_TRY(
      http::ClientResponse response,
      co_await client.send(method, target, headers, body.get(), body ? load.body.size() : 0, 60s));
  first_byte = load.runtime->now();
  std::uint64_t received = 0;
  while (true) {
    STRATOS_CO_TRY(const Buffer data, co_await response.body->read(1 << 20));
    if (data.empty()) break;
    received += data.size();
  }
  if (response.status / 100 == 2) co_return received;
  co_return fail(Errc::unavailable, "HTTP " + std::to_string(response.status));
}

Task<Result<void>> one_request(Load& load, http::Client& client, MonotonicTime& first_byte) {
  const bool counted = load.kind == Kind::put || load.kind == Kind::remove;
  const std::uint64_t number =
      counted ? load.next++ : load.runtime->random().below(load.service->objects);
  const std::string target = target_of(load, number);
  std::string method(method_of(load.kind));
  STRATOS_CO_TRY(const std::uint64_t received,
                 co_await exchange(load, client, std::move(method), target, first_byte));
  if (load.kind == Kind::get && received != load.body.size()) {
    co_return fail(Errc::body_incomplete, target);
  }
  co_return Result<void>{};
}

bool goes_on(const Load& load) {
  if (load.kind == Kind::remove) return load.next < load.service->objects;
  return load.runtime->now() < load.until;
}

Task<void> run_load(std::shared_ptr<Load> load) {
  http::Client client(*load->runtime, load->service->address);
  while (goes_on(*load)) {
    const MonotonicTime start = load->runtime->now();
    MonotonicTime first_byte;
    const Result<void> done = co_await one_request(*load, client, first_byte);
    if (done) {
      load->phase.latencies_ns.push_back((load->runtime->now() - start).count());
      load->phase.first_byte_ns.push_back((first_byte - start).count());
    } else if (load->phase.errors++ == 0) {
      load->phase.first_error = done.error().to_string();
    }
  }
}

Task<void> run_phase(std::shared_ptr<Load> load, std::uint32_t parallel) {
  TaskGroup group(*load->runtime, "bench");
  const MonotonicTime start = load->runtime->now();
  for (std::uint32_t i = 0; i < parallel; ++i) group.spawn(run_load(load));
  co_await group.join();
  load->phase.seconds = std::chrono::duration<double>(load->runtime->now() - start).count();
}

double percentile_ms(std::vector<std::int64_t>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  return static_cast<double>(sorted[at]) / 1e6;
}

json summary(std::string_view phase_name, const Service& service, const Arguments& arguments,
             Phase& phase, double bound_mb_s) {
  std::ranges::sort(phase.latencies_ns);
  std::ranges::sort(phase.first_byte_ns);
  const double ops = static_cast<double>(phase.latencies_ns.size()) / phase.seconds;
  json row = {{"phase", phase_name},
              {"service", service.name},
              {"size", arguments.size},
              {"parallel", arguments.parallel},
              {"ops_s", ops},
              {"p50_ms", percentile_ms(phase.latencies_ns, 0.5)},
              {"p99_ms", percentile_ms(phase.latencies_ns, 0.99)},
              {"first_byte_p50_ms", percentile_ms(phase.first_byte_ns, 0.5)},
              {"errors", phase.errors}};
  if (bound_mb_s > 0) {
    const double mb = ops * static_cast<double>(arguments.size) / 1e6;
    row["MB_s"] = mb;
    row["bound_MB_s"] = bound_mb_s;
    row["of_bound"] = mb / bound_mb_s;
  }
  if (!phase.first_error.empty()) row["first_error"] = phase.first_error;
  return row;
}

void print_row(const Session& session, const json& row) {
  if (session.output.json) {
    print_json(row);
    return;
  }
  std::array<char, 128> rate{};
  if (row.contains("MB_s")) {
    std::snprintf(rate.data(), rate.size(), ", %.1f MB/s (bound %.0f MB/s)",
                  row["MB_s"].get<double>(), row["bound_MB_s"].get<double>());
  }
  std::array<char, 384> line{};
  std::snprintf(
      line.data(), line.size(),
      "%s %s %s x %u: %.0f /s%s, p50 %.2f ms, p99 %.2f ms, first byte %.2f ms, %llu errors",
      row["service"].get<std::string>().c_str(), row["phase"].get<std::string>().c_str(),
      human_bytes(row["size"].get<std::uint64_t>()).c_str(), row["parallel"].get<unsigned>(),
      row["ops_s"].get<double>(), rate.data(), row["p50_ms"].get<double>(),
      row["p99_ms"].get<double>(), row["first_byte_p50_ms"].get<double>(),
      static_cast<unsigned long long>(row["errors"].get<std::uint64_t>()));
  print_line(line.data());
}

// The other service; its keys come from the environment, never from the command line.
Result<Service> peer_of(const Arguments& arguments, const gateway::s3::Credentials& own) {
  const char* key = std::getenv("STRATOS_PEER_ACCESS_KEY");
  const char* secret = std::getenv("STRATOS_PEER_SECRET_KEY");
  if (key == nullptr || secret == nullptr) {
    return fail(Errc::bad_config,
                "--peer needs STRATOS_PEER_ACCESS_KEY and STRATOS_PEER_SECRET_KEY");
  }
  return Service{"peer", arguments.peer, {key, secret, own.region}, 0};
}

class Bench {
 public:
  Bench(const Session& session, const Arguments& arguments, Runtime& runtime, MachineBound bound)
      : session_(session), arguments_(arguments), runtime_(runtime), bound_(bound) {
    body_ = Buffer::allocate(arguments.size);
    SeededRandom(1).fill(body_.mutable_view());
  }

  // Creates or removes the bucket.
  Result<void> bucket(Service& service, std::string method) {
    return block_on(runtime_, ask(load_of(service, Kind::list), std::move(method)));
  }
  void run(Service& service, Kind kind) {
    if (kind != Kind::put && service.objects == 0) return;
    auto load = load_of(service, kind);
    load->until = runtime_.now() + Duration(static_cast<std::int64_t>(arguments_.seconds * 1e9));
    load->next = kind == Kind::put ? service.objects : 0;
    block_on(runtime_, run_phase(load, arguments_.parallel));
    if (kind == Kind::put) service.objects = load->next;
    double bound = 0;
    if (kind == Kind::put) bound = bound_.put_mb_s;
    if (kind == Kind::get) bound = bound_.get_mb_s;
    if (kind == Kind::remove) return;
    const std::string_view name = kind == Kind::list ? "LIST" : method_of(kind);
    print_row(session_, summary(name, service, arguments_, load->phase, bound));
  }

 private:
  std::shared_ptr<Load> load_of(Service& service, Kind kind) const {
    auto load = std::make_shared<Load>();
    load->runtime = &runtime_;
    load->service = &service;
    load->kind = kind;
    load->body = body_;
    return load;
  }
  Task<Result<void>> ask(std::shared_ptr<Load> load, std::string method) {
    http::Client client(runtime_, load->service->address);
    MonotonicTime first_byte;
    std::string target = "/" + std::string(kBucket);
    STRATOS_CO_CHECK(
        co_await exchange(*load, client, std::move(method), std::move(target), first_byte));
    co_return Result<void>{};
  }

  const Session& session_;
  const Arguments& arguments_;
  Runtime& runtime_;
  MachineBound bound_;
  Buffer body_;
};

Result<void> bench(const Session& session, const Arguments& arguments) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto s3, S3Session::open(folder, session.account));
  STRATOS_TRY(const MeshSettings settings, folder.stored_settings());
  std::vector<Service> services;
  services.push_back({"stratos", s3->address(), s3->credentials(), 0});
  if (!arguments.peer.empty()) {
    STRATOS_TRY(services.emplace_back(), peer_of(arguments, s3->credentials()));
  }
  STRATOS_TRY(const MachineBound bound, measure_machine(folder.path(), settings.k, settings.m));
  if (session.output.json) print_json(bound.to_json());
  Bench runner(session, arguments, s3->runtime(), bound);
  for (Service& service : services) {
    // It may be left from a run that was broken off.
    if (!runner.bucket(service, "PUT")) STRATOS_CHECK(runner.bucket(service, "HEAD"));
  }
  for (const std::string& phase : arguments.phases) {
    const auto* kind = std::ranges::find(kKinds, phase, &std::pair<std::string_view, Kind>::first);
    for (Service& service : services) runner.run(service, kind->second);
  }
  for (Service& service : services) {
    runner.run(service, Kind::remove);
    STRATOS_CHECK(runner.bucket(service, "DELETE"));
  }
  return {};
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
  CLI::App& sub = *app.add_subcommand("bench", "Measure requests beside the machine's bound");
  auto arguments = std::make_shared<Arguments>();
  sub.add_option("--size", arguments->size, "Object size, such as 4096, 1MiB")
      ->transform(CLI::AsSizeValue(false));
  sub.add_option("--parallel", arguments->parallel, "Requests at once")->check(CLI::Range(1, 1024));
  sub.add_option("--seconds", arguments->seconds, "Of each phase")->check(CLI::Range(0.1, 3600.0));
  sub.add_option("--phases", arguments->phases, "put, get, head, list; with commas, in order")
      ->delimiter(',')
      ->check(CLI::IsMember({"put", "get", "head", "list"}));
  sub.add_option("--peer", arguments->peer,
                 "HOST:PORT of another S3 service, put under the same load; its keys are "
                 "STRATOS_PEER_ACCESS_KEY and STRATOS_PEER_SECRET_KEY");
  on_chosen(sub, session, [&session, arguments] { return bench(session, *arguments); });
}

}  // namespace stratos::cli
