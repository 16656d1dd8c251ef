#include "cli/bucket_place.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "runtime/real_runtime.hpp"

namespace stratos::cli {
namespace {

constexpr std::array kVariables = {"STRATOS_BACKUP_ACCESS_KEY", "STRATOS_BACKUP_SECRET_KEY",
                                   "STRATOS_BACKUP_REGION", "STRATOS_BACKUP_CA"};

// One bucket, two keys a page.
class SmallBucket final : public http::Handler {
 public:
  Task<void> handle(http::Request& request, http::ResponseWriter& response) override {
    const bool is_signed = request.headers.get("authorization")
                               .value_or("")
                               .starts_with("AWS4-HMAC-SHA256 Credential=key/");
    Result<Bytes> body = co_await http::read_all(*request.body, 1 << 20);
    std::string answer;
    const int status = is_signed && body ? serve(request, std::move(*body), answer) : 403;
    [[maybe_unused]] const auto sent =
        co_await response.send(status, http::Headers(), Buffer::copy_of(as_bytes(answer)));
  }

  std::map<std::string, Bytes> objects;
  bool lists_for_ever = false;
  bool answers_nonsense = false;

 private:
  int serve(const http::Request& request, Bytes body, std::string& answer) {
    const std::string& target = request.target;
    if (answers_nonsense) {
      answer = "<html>welcome</html>";
      return 200;
    }
    if (target.starts_with("/copies?")) return list(target, answer);
    if (!target.starts_with("/copies/")) return 404;
    const std::string key = target.substr(8);
    if (request.method == "PUT") objects[key] = std::move(body);
    if (request.method == "DELETE") return objects.erase(key) == 1 ? 204 : 404;
    if (!objects.contains(key)) return 404;
    if (request.method == "GET") answer = as_text(objects[key]);
    return 200;
  }
  int list(const std::string& target, std::string& answer) {
    constexpr std::string_view kToken = "&continuation-token=";
    const std::size_t token = target.find(kToken);
    std::string after;
    if (token != target.npos) {
      after = http::percent_decode(target.substr(token + kToken.size()), false).value();
    }
    answer = "<ListBucketResult>";
    int listed = 0;
    auto at = objects.upper_bound(after);
    for (; at != objects.end() && listed < 2; ++at, ++listed) {
      answer += "<Contents><Key>" + at->first + "</Key><Size>1</Size></Contents>";
    }
    if (lists_for_ever) {
      answer += "<NextContinuationToken>x</NextContinuationToken>";
    } else if (at != objects.end()) {
      answer += "<NextContinuationToken>" + std::prev(at)->first + "</NextContinuationToken>";
    }
    answer += "</ListBucketResult>";
    return 200;
  }
};

class BucketPlaceTest : public testing::Test {
 protected:
  BucketPlaceTest() {
    for (const char* const name : kVariables) ::unsetenv(name);
    ::setenv("STRATOS_BACKUP_ACCESS_KEY", "key", 1);
    ::setenv("STRATOS_BACKUP_SECRET_KEY", "secret", 1);
    server_ = block_on(runtime_, start(runtime_, service_)).value();
    url_ = "http://" + server_->address() + "/copies/";
    open("of/mesh");
  }
  ~BucketPlaceTest() override {
    block_on(runtime_, server_->stop(0s));
    runtime_.stop();
    for (const char* const name : kVariables) ::unsetenv(name);
  }
  static Task<Result<std::unique_ptr<http::Server>>> start(Runtime& runtime,
                                                           http::Handler& handler) {
    co_return http::Server::start(runtime, "127.0.0.1:0", handler, {});
  }
  void open(const std::string& prefix) {
    place_ = std::make_unique<BucketPlace>(runtime_, backup_bucket(url_ + prefix).value());
  }
  Result<void> write(const std::string& name, const std::string& text) {
    return block_on(runtime_, place_->write(name, to_bytes(as_bytes(text))));
  }
  Result<std::string> read(const std::string& name) {
    std::string text;
    ordering::BackupPlace::Accept accept = [&text](ByteView file) -> Result<void> {
      text = as_text(file);
      return {};
    };
    STRATOS_CHECK(block_on(runtime_, place_->read(name, std::move(accept))));
    return text;
  }
  Result<std::vector<std::string>> list() { return block_on(runtime_, place_->list()); }

  BlockingPool pool_{1};
  RealRuntime runtime_{pool_, "server"};
  SmallBucket service_;
  std::unique_ptr<http::Server> server_;
  std::string url_;
  std::unique_ptr<BucketPlace> place_;
};

TEST_F(BucketPlaceTest, KeepsFilesUnderItsPrefix) {
  for (const char* name : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(write(name, name));
  ASSERT_TRUE(write("b", "again"));
  EXPECT_TRUE(service_.objects.contains("of/mesh/a"));
  service_.objects["somebody/else"] = {1};
  EXPECT_EQ(list().value(), (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(read("b").value(), "again");
  EXPECT_TRUE(block_on(runtime_, place_->remove("b")));
  EXPECT_TRUE(block_on(runtime_, place_->remove("b"))) << "gone already";
  EXPECT_TRUE(block_on(runtime_, place_->tidy()));
  EXPECT_EQ(read("b").error().code(), Errc::file_not_found);
  EXPECT_EQ(list()->size(), 4U);
  open("");
  EXPECT_EQ(list().value().front(), "of/mesh/a");
}

TEST_F(BucketPlaceTest, TakesAnEmptyFileAndALargeOne) {
  ASSERT_TRUE(write("empty", ""));
  EXPECT_EQ(read("empty").value(), "");
  const std::string large(900'000, 'x');
  ASSERT_TRUE(write("large", large));
  EXPECT_EQ(read("large").value(), large);
}

TEST_F(BucketPlaceTest, SaysWhatTheServiceSays) {
  ::setenv("STRATOS_BACKUP_ACCESS_KEY", "another", 1);
  open("of/mesh");
  EXPECT_EQ(write("a", "a").error().code(), Errc::access_denied);
  EXPECT_EQ(list().error().code(), Errc::access_denied);
}

TEST_F(BucketPlaceTest, TrustsNoListing) {
  service_.answers_nonsense = true;
  EXPECT_EQ(list().error().code(), Errc::bad_encoding);
  service_.answers_nonsense = false;
  service_.lists_for_ever = true;
  EXPECT_EQ(list().error().code(), Errc::too_large);
}

TEST_F(BucketPlaceTest, FailsWithoutAService) {
  block_on(runtime_, server_->stop(0s));
  EXPECT_FALSE(write("a", "a"));
  EXPECT_FALSE(list());
}

TEST_F(BucketPlaceTest, NeedsAUrlAndKeys) {
  for (const char* url : {"http://h", "http://h/", "http://h//x", "http://h/b?x", "https://",
                          "http://u:p@h/b", "ftp://h/b"}) {
    EXPECT_EQ(backup_bucket(url).error().code(), Errc::bad_config) << url;
  }
  const BackupBucket plain = backup_bucket("http://h:81/b").value();
  EXPECT_EQ(plain.address, "h:81");
  EXPECT_EQ(plain.path.bucket, "b");
  EXPECT_EQ(plain.path.key, "");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.credentials.region, "us-east-1");
  ::setenv("STRATOS_BACKUP_REGION", "eu-1", 1);
  ::setenv("STRATOS_BACKUP_CA", "/ca.pem", 1);
  const BackupBucket secure = backup_bucket("https://h/b/c/").value();
  EXPECT_EQ(secure.address, "h:443");
  EXPECT_EQ(secure.host, "h") << "the port of the scheme is not signed";
  EXPECT_EQ(secure.path.key, "c/");
  EXPECT_EQ(secure.tls->ca_file, "/ca.pem");
  EXPECT_EQ(secure.credentials.region, "eu-1");
  ::unsetenv("STRATOS_BACKUP_SECRET_KEY");
  EXPECT_EQ(backup_bucket("http://h/b").error().code(), Errc::bad_config);
}

}  // namespace
}  // namespace stratos::cli
