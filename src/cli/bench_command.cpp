// stratos bench: PUT and GET of one object size against the running mesh, beside what this machine
// could do at most, measured in the same run.

#include <algorithm>
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
};

struct Phase {
  std::vector<std::int64_t> latencies_ns;
  std::uint64_t errors = 0;
  std::string first_error;
  double seconds = 0;
};

// One coroutine's requests, on a connection of its own.
struct Load {
  Runtime* runtime = nullptr;
  std::string address;
  gateway::s3::Credentials credentials;
  Buffer body;
  bool put = false;
  MonotonicTime until;
  std::uint64_t* next = nullptr;  // number of the next object to put
  std::uint64_t objects = 0;      // to get from
  Phase* phase = nullptr;
};

const char* const kBucket = "stratos-bench";

Task<Result<void>> one_request(Load* load, http::Client* client, std::uint64_t number) {
  const std::string target = "/" + std::string(kBucket) + "/o" + std::to_string(number);
  const std::string method = load->put ? "PUT" : "GET";
  http::Headers headers;
  headers.set("host", load->address);
  STRATOS_CO_CHECK(gateway::s3::sign_request(method, target, headers, "UNSIGNED-PAYLOAD",
                                             load->credentials, load->runtime->wall_now()));
  std::unique_ptr<http::BodyReader> body;
  if (load->put) body = http::make_buffer_body(load->body);
  STRATOS_CO_TRY(http::ClientResponse response,
                 co_await client->send(method, target, headers, body.get(),
                                       load->put ? load->body.size() : 0, 60s));
  std::uint64_t received = 0;
  while (true) {
    STRATOS_CO_TRY(const Buffer data, co_await response.body->read(1 << 20));
    if (data.empty()) break;
    received += data.size();
  }
  if (response.status != 200) {
    co_return fail(Errc::unavailable, "HTTP " + std::to_string(response.status));
  }
  if (!load->put && received != load->body.size()) co_return fail(Errc::body_incomplete, target);
  co_return Result<void>{};
}

Task<void> run_load(std::shared_ptr<Load> load) {
  http::Client client(*load->runtime, load->address);
  while (load->runtime->now() < load->until) {
    const std::uint64_t number =
        load->put ? (*load->next)++ : load->runtime->random().below(load->objects);
    const MonotonicTime start = load->runtime->now();
    const Result<void> done = co_await one_request(load.get(), &client, number);
    if (done) {
      load->phase->latencies_ns.push_back((load->runtime->now() - start).count());
    } else if (load->phase->errors++ == 0) {
      load->phase->first_error = done.error().to_string();
    }
  }
}

Task<void> run_phase(std::shared_ptr<Load> pattern, std::uint32_t parallel) {
  TaskGroup group(*pattern->runtime, "bench");
  const MonotonicTime start = pattern->runtime->now();
  for (std::uint32_t i = 0; i < parallel; ++i) group.spawn(run_load(pattern));
  co_await group.join();
  pattern->phase->seconds = std::chrono::duration<double>(pattern->runtime->now() - start).count();
}

json summary(const char* name, const Arguments& arguments, Phase& phase, double bound_mb_s) {
  std::ranges::sort(phase.latencies_ns);
  const auto percentile = [&phase](double q) {
    if (phase.latencies_ns.empty()) return 0.0;
    const auto at =
        static_cast<std::size_t>(q * static_cast<double>(phase.latencies_ns.size() - 1));
    return static_cast<double>(phase.latencies_ns[at]) / 1e6;
  };
  const double ops = static_cast<double>(phase.latencies_ns.size()) / phase.seconds;
  const double mb = ops * static_cast<double>(arguments.size) / 1e6;
  json row = {{"phase", name},
              {"size", arguments.size},
              {"parallel", arguments.parallel},
              {"ops_s", ops},
              {"MB_s", mb},
              {"p50_ms", percentile(0.5)},
              {"p99_ms", percentile(0.99)},
              {"errors", phase.errors},
              {"bound_MB_s", bound_mb_s},
              {"of_bound", bound_mb_s > 0 ? mb / bound_mb_s : 0}};
  if (!phase.first_error.empty()) row["first_error"] = phase.first_error;
  return row;
}

void print_row(const Session& session, const json& row) {
  if (session.output.json) {
    print_json(row);
    return;
  }
  std::array<char, 256> line{};
  std::snprintf(
      line.data(), line.size(),
      "%s %s x %u: %.0f /s, %.1f MB/s (bound %.0f MB/s), p50 %.2f ms, p99 %.2f ms, %llu errors",
      row["phase"].get<std::string>().c_str(),
      human_bytes(row["size"].get<std::uint64_t>()).c_str(), row["parallel"].get<unsigned>(),
      row["ops_s"].get<double>(), row["MB_s"].get<double>(), row["bound_MB_s"].get<double>(),
      row["p50_ms"].get<double>(), row["p99_ms"].get<double>(),
      static_cast<unsigned long long>(row["errors"].get<std::uint64_t>()));
  print_line(line.data());
}

Result<void> bench(const Session& session, const Arguments& arguments) {
  MeshFolder folder = session.folder();
  STRATOS_TRY(const auto s3, S3Session::open(folder, session.account));
  STRATOS_TRY(const MeshSettings settings, folder.stored_settings());
  STRATOS_TRY(const MachineBound bound, measure_machine(folder.path(), settings.k, settings.m));
  if (session.output.json) print_json(bound.to_json());
  const Result<void> made = s3->create_bucket(kBucket);
  if (!made && made.error().code() != Errc::already_exists) return made;

  std::uint64_t next = 0;
  auto load = std::make_shared<Load>();
  load->runtime = &s3->runtime();
  load->address = s3->address();
  load->credentials = s3->credentials();
  load->body = Buffer::allocate(arguments.size);
  SeededRandom(1).fill(load->body.mutable_view());
  load->next = &next;
  for (const bool put : {true, false}) {
    Phase phase;
    load->put = put;
    load->phase = &phase;
    load->objects = next;
    const auto length = Duration(static_cast<std::int64_t>(arguments.seconds * 1e9));
    load->until = s3->runtime().now() + length;
    if (!put && next == 0) break;
    block_on(s3->runtime(), run_phase(load, arguments.parallel));
    print_row(session, summary(put ? "PUT" : "GET", arguments, phase,
                               put ? bound.put_mb_s : bound.get_mb_s));
  }
  for (std::uint64_t i = 0; i < next; ++i) {
    STRATOS_CHECK(s3->remove({kBucket, "o" + std::to_string(i)}));
  }
  return s3->delete_bucket(kBucket);
}

}  // namespace

void add_bench_command(CLI::App& app, Session& session) {
  CLI::App& sub = *app.add_subcommand("bench", "Measure PUT and GET beside the machine's bound");
  auto arguments = std::make_shared<Arguments>();
  sub.add_option("--size", arguments->size, "Object size, such as 4096, 1MiB")
      ->transform(CLI::AsSizeValue(false));
  sub.add_option("--parallel", arguments->parallel, "Requests at once")->check(CLI::Range(1, 1024));
  sub.add_option("--seconds", arguments->seconds, "Of each phase")->check(CLI::Range(0.1, 3600.0));
  on_chosen(sub, session, [&session, arguments] { return bench(session, *arguments); });
}

}  // namespace stratos::cli
