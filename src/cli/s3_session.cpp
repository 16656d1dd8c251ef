#include "cli/s3_session.hpp"

#include <algorithm>
#include <pugixml.hpp>

namespace stratos::cli {
namespace {

constexpr Duration kTimeout = 120s;
constexpr std::uint64_t kSlowestUpload = 1 << 20;  // bytes a second
constexpr std::size_t kChunkBytes = 1 << 20;
constexpr std::size_t kMaxAnswerBytes = 16 << 20;

// Feeds a blocking source to an HTTP request.
class SourceBody final : public http::BodyReader {
 public:
  SourceBody(Runtime& runtime, S3Session::Source source, std::uint64_t size)
      : runtime_(runtime), source_(std::move(source)), size_(size) {}
  Task<Result<Buffer>> read(std::size_t max_bytes) override {
    auto work = [this, max_bytes] { return source_(max_bytes); };
    co_return co_await runtime_.offload(std::move(work), 100us);
  }
  std::optional<std::uint64_t> length() const override { return size_; }

 private:
  Runtime& runtime_;
  S3Session::Source source_;
  std::uint64_t size_;
};

}  // namespace

struct S3Session::Request {
  std::string method;
  std::string target;
  http::Headers headers;
  Source source;
  std::uint64_t size = 0;
  const Sink* sink = nullptr;
  std::function<void(std::uint64_t)> total;
};

S3Session::S3Session(std::string address, gateway::s3::Credentials credentials)
    : pool_(2),
      runtime_(pool_, "s3"),
      address_(std::move(address)),
      credentials_(std::move(credentials)) {}

S3Session::~S3Session() {
  const auto drop = [](std::unique_ptr<http::Client> client) -> Task<void> {
    client.reset();
    co_return;
  };
  block_on(runtime_, drop(std::move(client_)));
  runtime_.stop();
}

Result<std::unique_ptr<S3Session>> S3Session::open(const MeshFolder& folder,
                                                   const std::string& account) {
  STRATOS_TRY(const MeshRun run, folder.run());
  constexpr std::string_view kScheme = "http://";
  if (!run.s3_endpoint.starts_with(kScheme)) {
    return fail(Errc::not_found, "the mesh in " + folder.path() + " runs without an S3 gateway");
  }
  STRATOS_TRY(const std::vector<MeshAccount> accounts, folder.accounts());
  const auto found = std::ranges::find_if(accounts, [&account](const MeshAccount& candidate) {
    return account.empty() || candidate.name == account;
  });
  if (found == accounts.end()) return fail(Errc::not_found, "account " + account);
  gateway::s3::Credentials credentials;
  credentials.access_key_id = found->access_key;
  credentials.secret = found->secret_key;
  credentials.region = "us-east-1";
  if (const auto settings = folder.stored_settings()) credentials.region = settings->region;
  std::string address = run.s3_endpoint.substr(kScheme.size());
  return std::unique_ptr<S3Session>(new S3Session(std::move(address), std::move(credentials)));
}

Task<Result<S3Session::Answer>> S3Session::exchange_task(std::shared_ptr<Request> request) {
  if (!client_) client_ = std::make_unique<http::Client>(runtime_, address_);
  request->headers.set("host", address_);
  STRATOS_CO_CHECK(gateway::s3::sign_request(request->method, request->target, request->headers,
                                             "UNSIGNED-PAYLOAD", credentials_,
                                             runtime_.wall_now()));
  std::unique_ptr<SourceBody> body;
  if (request->source) {
    body = std::make_unique<SourceBody>(runtime_, request->source, request->size);
  }
  const Duration timeout = kTimeout + std::chrono::seconds(request->size / kSlowestUpload);
  STRATOS_CO_TRY(http::ClientResponse response,
                 co_await client_->send(request->method, request->target, request->headers,
                                        body.get(), request->size, timeout));
  Answer answer;
  answer.status = response.status;
  answer.headers = std::move(response.headers);
  const bool stream = request->sink != nullptr && answer.status < 300;
  if (stream && request->total) request->total(response.body->length().value_or(0));
  // The answer to HEAD names a body that is not sent.
  if (!stream && request->method != "HEAD") {
    STRATOS_CO_TRY(answer.body, co_await http::read_all(*response.body, kMaxAnswerBytes));
  }
  while (stream) {
    STRATOS_CO_TRY(Buffer data, co_await response.body->read(kChunkBytes));
    if (data.empty()) break;
    STRATOS_CO_CHECK((*request->sink)(data.view()));
  }
  if (answer.status >= 300) co_return fail(error_of_answer(answer.status, answer.body));
  co_return answer;
}

Result<S3Session::Answer> S3Session::exchange(Request request) {
  return block_on(runtime_, exchange_task(std::make_shared<Request>(std::move(request))));
}

Result<void> S3Session::create_bucket(const std::string& name) {
  Request request;
  request.method = "PUT";
  request.target = object_target({name, ""});
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

Result<void> S3Session::delete_bucket(const std::string& name) {
  Request request;
  request.method = "DELETE";
  request.target = object_target({name, ""});
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

Result<std::vector<std::string>> S3Session::list_buckets() {
  Request request;
  request.method = "GET";
  request.target = "/";
  STRATOS_TRY(const Answer answer, exchange(std::move(request)));
  pugi::xml_document document;
  document.load_buffer(answer.body.data(), answer.body.size());
  std::vector<std::string> names;
  for (const pugi::xml_node bucket :
       document.child("ListAllMyBucketsResult").child("Buckets").children("Bucket")) {
    names.emplace_back(bucket.child_value("Name"));
  }
  return names;
}

Result<S3Listing> S3Session::list(const S3Path& path, bool recursive, const std::string& token) {
  Request request;
  request.method = "GET";
  request.target = listing_target(path, recursive, token);
  STRATOS_TRY(const Answer answer, exchange(std::move(request)));
  return parse_listing(answer.body);
}

Result<void> S3Session::remove(const S3Path& path) {
  Request request;
  request.method = "DELETE";
  request.target = object_target(path);
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

Result<http::Headers> S3Session::head(const S3Path& path) {
  Request request;
  request.method = "HEAD";
  request.target = object_target(path);
  STRATOS_TRY(Answer answer, exchange(std::move(request)));
  return std::move(answer.headers);
}

Result<void> S3Session::get(const S3Path& path, const Sink& sink,
                            const std::function<void(std::uint64_t)>& total) {
  Request request;
  request.method = "GET";
  request.target = object_target(path);
  request.sink = &sink;
  request.total = total;
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

Result<void> S3Session::put(const S3Path& path, Source source, std::uint64_t size) {
  Request request;
  request.method = "PUT";
  request.target = object_target(path);
  request.source = std::move(source);
  request.size = size;
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

Result<std::string> S3Session::document(const std::string& method, const S3Path& path,
                                        const std::string& subresource, const std::string& body) {
  Request request;
  request.method = method;
  request.target = object_target(path) + "?" + subresource;
  if (!body.empty()) {
    request.size = body.size();
    request.source = [rest = Buffer::copy_of(as_bytes(body))](std::size_t max) mutable {
      Buffer part = rest.slice(0, std::min(max, rest.size()));
      rest = rest.slice(part.size());
      return Result<Buffer>(std::move(part));
    };
  }
  STRATOS_TRY(const Answer answer, exchange(std::move(request)));
  return std::string(as_text(answer.body));
}

Result<void> S3Session::copy(const S3Path& from, const S3Path& to) {
  Request request;
  request.method = "PUT";
  request.target = object_target(to);
  request.headers.add("x-amz-copy-source", object_target(from));
  STRATOS_CHECK(exchange(std::move(request)));
  return {};
}

}  // namespace stratos::cli
