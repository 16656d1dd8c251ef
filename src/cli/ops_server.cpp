#include "cli/ops_server.hpp"

#include <nlohmann/json.hpp>

namespace stratos::cli {
namespace {

struct Answer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

Answer ready_answer(const OpsHandler::Readiness& readiness) {
  const nlohmann::json body = {{"ready", readiness.reasons.empty()},
                               {"reasons", readiness.reasons},
                               {"warnings", readiness.warnings}};
  Answer answer;
  answer.status = readiness.reasons.empty() ? 200 : 503;
  answer.type = "application/json";
  answer.body = body.dump() + "\n";
  return answer;
}

}  // namespace

Task<void> OpsHandler::handle(http::Request& request, http::ResponseWriter& response) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  Answer answer;
  if (request.method != "GET" && request.method != "HEAD") {
    answer.status = 405;
    answer.body = "only GET\n";
  } else if (path == "/livez") {
    answer.body = "ok\n";
  } else if (path == "/readyz") {
    answer = ready_answer(readiness_());
  } else if (path == "/metrics") {
    answer.type = "text/plain; version=0.0.4";
    answer.body = metrics_.expose();
  } else {
    answer.status = 404;
    answer.body = "/livez /readyz /metrics\n";
  }
  http::Headers headers;
  headers.add("content-type", answer.type);
  Buffer body = Buffer::copy_of(as_bytes(answer.body));
  [[maybe_unused]] const Result<void> sent =
      co_await response.send(answer.status, std::move(headers), std::move(body));
}

}  // namespace stratos::cli
