// Answers browsers: a bucket's objects as the pages of a website, to anybody.
#include "gateway/s3/operations.hpp"
#include "gateway/s3/s3_error.hpp"
#include "gateway/s3/website.hpp"

namespace stratos::gateway::s3 {
namespace {

// A page that tells nothing of what the bucket holds.
Task<Result<void>> answer_page(Call& call, int status, http::Headers headers, std::string page) {
  call.undecided = false;
  headers.add("Content-Type", "text/html; charset=utf-8");
  if (call.request.method == "HEAD") page.clear();
  co_return co_await answer(call, status, std::move(headers), std::move(page));
}

Task<Result<void>> answer_error_page(Call& call, Error error) {
  const S3Error& known = s3_error_of(error.code());
  http::Headers headers;
  co_return co_await answer_page(call, known.http_status, std::move(headers),
                                 error_page(known.http_status, known.code, public_message(error)));
}

Task<Result<void>> lead_to(Call& call, WebsiteTarget target) {
  http::Headers headers;
  headers.add("Location", std::move(target.location));
  co_return co_await answer_page(call, target.status, std::move(headers),
                                 error_page(target.status, "Moved", "The page stands elsewhere."));
}

// The object, as anybody may read it.
Task<Result<void>> read_page(Call& call, std::string key) {
  STRATOS_CO_CHECK(validate_key(key));
  call.s3.key = std::move(key);
  call.undecided = true;
  Result<void> done =
      call.request.method == "HEAD" ? co_await head_object(call) : co_await get_object(call);
  const bool missing = !done && (done.error().code() == Errc::no_such_object ||
                                 done.error().code() == Errc::object_deleted);
  // Who may not list the bucket is not told what is missing.
  if (missing) STRATOS_CO_CHECK(check_missing(call));
  co_return done;
}

// Whether "folder" was asked for where "folder/" has an index document.
Task<bool> is_folder(Call& call, const WebsiteRules& rules, std::string path) {
  if (path.empty() || path.ends_with('/')) co_return false;
  const auto found = co_await call.objects().head(call.s3.bucket, path + "/" + rules.index_suffix);
  call.undecided = true;
  co_return found&& authorize_object(call, *found);
}

Task<Result<void>> answer_failed(Call& call, const WebsiteRules& rules, std::string path,
                                 Error error) {
  const int status = s3_error_of(error.code()).http_status;
  if ((status == 404 || status == 403) && co_await is_folder(call, rules, path)) {
    WebsiteTarget folder{"/" + http::percent_encode(path, true) + "/", 302};
    co_return co_await lead_to(call, std::move(folder));
  }
  const std::string key = key_of_path(rules, path);
  auto route = find_route(rules, key, status, call.headers().get("host").value_or(""));
  if (route) co_return co_await lead_to(call, std::move(*route));
  if (status < 400 || status > 499 || rules.error_key.empty()) {
    co_return co_await answer_error_page(call, std::move(error));
  }
  call.read_status = status;
  // Neither a range nor a condition is about the page of an error.
  http::Headers plain;
  plain.add("Host", std::string(call.headers().get("host").value_or("")));
  call.request.headers = std::move(plain);
  const auto page = co_await read_page(call, rules.error_key);
  if (page || call.response.head_sent()) co_return page;
  co_return co_await answer_error_page(call, std::move(error));
}

Task<Result<void>> serve_page(Call& call) {
  if (call.request.method != "GET" && call.request.method != "HEAD") {
    co_return fail(Errc::method_not_allowed);
  }
  STRATOS_CO_TRY(call.s3.target, http::parse_target(call.request.target));
  // Pages are read as they are, whatever the query says.
  call.s3.target.query.clear();
  call.s3.virtual_host = true;
  STRATOS_CO_CHECK(validate_bucket_name(call.s3.bucket));
  STRATOS_CO_TRY(call.rules, co_await call.backend.access.rules_of(call.s3.bucket));
  call.bucket = call.rules->info;
  const auto document = call.rules->documents.find(client::ConfigKind::website);
  if (document == call.rules->documents.end()) co_return fail(Errc::no_such_website);
  STRATOS_CO_TRY(const WebsiteRules rules, parse_website(document->second));
  call.s3.operation =
      call.request.method == "HEAD" ? Operation::head_object : Operation::get_object;
  call.identity = Identity{};
  const std::string path = call.s3.target.path.substr(1);
  if (auto all = redirect_of_all(rules, path)) co_return co_await lead_to(call, std::move(*all));
  const std::string key = key_of_path(rules, path);
  auto route = find_route(rules, key, 0, call.headers().get("host").value_or(""));
  if (route) co_return co_await lead_to(call, std::move(*route));
  Result<void> done = co_await read_page(call, key);
  if (done || call.response.head_sent()) co_return done;
  co_return co_await answer_failed(call, rules, path, std::move(done).error());
}

}  // namespace

Task<Result<void>> serve_website(Call& call) {
  Result<void> done = co_await serve_page(call);
  if (done || call.response.head_sent()) co_return done;
  co_return co_await answer_error_page(call, std::move(done).error());
}

}  // namespace stratos::gateway::s3
