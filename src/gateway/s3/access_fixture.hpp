// A service asked by two accounts and by nobody in particular.
#pragma once
#include "gateway/s3/acl.hpp"
#include "gateway/s3/service_fixture.hpp"

namespace stratos::gateway::s3 {

class S3Access : public ServiceFixture {
 protected:
  Answer as(int user, std::string method, std::string target, HeaderList headers = {},
            std::string body = {}) {
    Ask wanted;
    wanted.method = std::move(method);
    wanted.target = std::move(target);
    wanted.headers = std::move(headers);
    wanted.body = std::move(body);
    wanted.user = user;
    return ask(wanted);
  }
  Answer anonymous(std::string method, std::string target, HeaderList headers = {},
                   std::string body = {}) {
    Ask wanted;
    wanted.method = std::move(method);
    wanted.target = std::move(target);
    wanted.headers = std::move(headers);
    wanted.body = std::move(body);
    wanted.sign = false;
    return ask(wanted);
  }
  void policy(const std::string& action, const std::string& effect = "Allow",
              const std::string& more = "") {
    const std::string text =
        R"({"Statement":[{"Effect":")" + effect + R"(","Principal":"*","Action":")" + action +
        R"(","Resource":["arn:aws:s3:::box","arn:aws:s3:::box/*"])" + more + "}]}";
    ASSERT_EQ(ask("PUT", "/box?policy", {}, text).status, 204);
  }
  static std::string id(int user) { return account_text(account(user)); }
};

}  // namespace stratos::gateway::s3
