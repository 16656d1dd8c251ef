#include "gateway/s3/policy.hpp"

#include <gtest/gtest.h>

#include <map>

#include "gateway/s3/acl.hpp"
#include "gateway/s3/json_reader.hpp"
#include "gateway/s3/policy_values.hpp"

namespace stratos::gateway::s3 {
namespace {

AccountId account(std::uint8_t n) {
  AccountId id;
  id.value[19] = n;
  return id;
}

// One statement with the given members; single quotes stand for double ones.
std::string one(std::string members) {
  std::string text = "{'Version':'2012-10-17','Statement':[{" + members + "}]}";
  std::ranges::replace(text, '\'', '"');
  return text;
}
const std::string kAllowAll =
    "'Effect':'Allow','Principal':'*','Action':'s3:*','Resource':'arn:aws:s3:::box/*'";
std::string allow_if(const std::string& condition) {
  return one(kAllowAll + ",'Condition':{" + condition + "}");
}

struct Asked {
  std::optional<AccountId> who;
  std::string action = "s3:GetObject";
  std::string resource = "box/key";
  std::map<std::string, std::vector<std::string>> values;
};

Effect evaluate(const std::string& text, const Asked& asked = {}) {
  const auto policy = Policy::parse(text, "box");
  EXPECT_TRUE(policy) << policy.error().to_string() << "\n" << text;
  if (!policy) return Effect::none;
  const ConditionValues values = [&asked](std::string_view key) {
    const auto found = asked.values.find(std::string(key));
    return found == asked.values.end() ? std::vector<std::string>{} : found->second;
  };
  return policy->evaluate({asked.who, asked.action, asked.resource, values});
}

TEST(Policies, AllowWhatTheyNameAndNothingElse) {
  const std::string text =
      one("'Effect':'Allow','Principal':'*','Action':['s3:GetObject','s3:Put*'],"
          "'Resource':['arn:aws:s3:::box/a/*','arn:aws:s3:::box/?']");
  EXPECT_EQ(evaluate(text, {.resource = "box/a/b/c"}), Effect::allow);
  EXPECT_EQ(evaluate(text, {.resource = "box/x"}), Effect::allow);
  EXPECT_EQ(evaluate(text, {.resource = "box/xy"}), Effect::none);
  EXPECT_EQ(evaluate(text, {.resource = "box"}), Effect::none);
  EXPECT_EQ(evaluate(text, {.action = "s3:PutObjectAcl", .resource = "box/x"}), Effect::allow);
  EXPECT_EQ(evaluate(text, {.action = "s3:GetObjectAcl", .resource = "box/x"}), Effect::none);
  EXPECT_EQ(evaluate(text, {.action = "s3:getobject", .resource = "box/x"}), Effect::allow);
}

TEST(Policies, DenyOutranksAllow) {
  std::string text =
      "{'Statement':[{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'},"
      "{'Effect':'Deny','Principal':'*','Action':'s3:DeleteObject',"
      "'Resource':'arn:aws:s3:::box/keep*'}]}";
  std::ranges::replace(text, '\'', '"');
  EXPECT_EQ(evaluate(text), Effect::allow);
  EXPECT_EQ(evaluate(text, {.action = "s3:DeleteObject", .resource = "box/keep1"}), Effect::deny);
  EXPECT_EQ(evaluate(text, {.action = "s3:DeleteObject", .resource = "box/other"}), Effect::allow);
}

TEST(Policies, NameAccountsInAllTheirForms) {
  const std::string id = account_text(account(7));
  for (const std::string& name : {id, account(7).hex(), "arn:aws:iam::" + id + ":root",
                                  "arn:aws:iam::" + account(7).hex() + ":root"}) {
    const std::string text =
        one("'Effect':'Allow','Principal':{'AWS':['" + name + "']},'Action':'s3:*','Resource':'*'");
    EXPECT_EQ(evaluate(text, {.who = account(7)}), Effect::allow) << name;
    EXPECT_EQ(evaluate(text, {.who = account(8)}), Effect::none) << name;
    EXPECT_EQ(evaluate(text), Effect::none) << name;
  }
  const std::string stranger =
      one("'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::tenant:root'},"
          "'Action':'s3:*','Resource':'*'");
  EXPECT_EQ(evaluate(stranger, {.who = account(7)}), Effect::none);
  const std::string user = one("'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::" + id +
                               ":user/x'},'Action':'s3:*','Resource':'*'");
  EXPECT_EQ(evaluate(user, {.who = account(7)}), Effect::none) << "there are no users in accounts";
}

TEST(Policies, MayNameByExclusion) {
  const std::string id = account_text(account(7));
  const std::string others = one("'Effect':'Deny','NotPrincipal':{'AWS':'" + id +
                                 "'},'NotAction':'s3:ListBucket',"
                                 "'NotResource':'arn:aws:s3:::box/open/*'");
  EXPECT_EQ(evaluate(others, {.who = account(8)}), Effect::deny);
  EXPECT_EQ(evaluate(others), Effect::deny);
  EXPECT_EQ(evaluate(others, {.who = account(7)}), Effect::none);
  EXPECT_EQ(evaluate(others, {.action = "s3:ListBucket"}), Effect::none);
  EXPECT_EQ(evaluate(others, {.resource = "box/open/door"}), Effect::none);
}

TEST(Policies, CompareTexts) {
  const auto with = [](std::string value) {
    return Asked{.values = {{"s3:prefix", {std::move(value)}}}};
  };
  const std::string equals = allow_if("'StringEquals':{'s3:prefix':['a','b']}");
  EXPECT_EQ(evaluate(equals, with("b")), Effect::allow);
  EXPECT_EQ(evaluate(equals, with("B")), Effect::none);
  EXPECT_EQ(evaluate(equals), Effect::none) << "no value fits nothing";
  const std::string differs = allow_if("'StringNotEquals':{'s3:prefix':['a','b']}");
  EXPECT_EQ(evaluate(differs, with("b")), Effect::none);
  EXPECT_EQ(evaluate(differs, with("c")), Effect::allow);
  EXPECT_EQ(evaluate(differs), Effect::allow) << "no value differs from all";
  const std::string like = allow_if("'StringLike':{'S3:Prefix':'a*z?'}");
  EXPECT_EQ(evaluate(like, with("abczd")), Effect::allow);
  EXPECT_EQ(evaluate(like, with("abcz")), Effect::none);
  const std::string any_case = allow_if("'StringEqualsIgnoreCase':{'s3:prefix':'AbC'}");
  EXPECT_EQ(evaluate(any_case, with("aBc")), Effect::allow);
  const std::string if_exists = allow_if("'StringEqualsIfExists':{'s3:prefix':'a'}");
  EXPECT_EQ(evaluate(if_exists), Effect::allow);
  EXPECT_EQ(evaluate(if_exists, with("b")), Effect::none);
}

TEST(Policies, CompareNumbersDatesFlagsAndAddresses) {
  const auto with = [](std::string key, std::string value) {
    return Asked{.values = {{std::move(key), {std::move(value)}}}};
  };
  const std::string keys = allow_if("'NumericLessThanEquals':{'s3:max-keys':10}");
  EXPECT_EQ(evaluate(keys, with("s3:max-keys", "10")), Effect::allow);
  EXPECT_EQ(evaluate(keys, with("s3:max-keys", "11")), Effect::none);
  EXPECT_EQ(evaluate(keys, with("s3:max-keys", "ten")), Effect::none);
  const std::string until = allow_if("'DateLessThan':{'aws:CurrentTime':'2026-11-21T00:00:00Z'}");
  EXPECT_EQ(evaluate(until, with("aws:currenttime", "1795219199")), Effect::allow);
  EXPECT_EQ(evaluate(until, with("aws:currenttime", "1795219200")), Effect::none);
  const std::string tls = allow_if("'Bool':{'aws:SecureTransport':true}");
  EXPECT_EQ(evaluate(tls, with("aws:securetransport", "false")), Effect::none);
  EXPECT_EQ(evaluate(tls, with("aws:securetransport", "true")), Effect::allow);
  const std::string inside = allow_if("'IpAddress':{'aws:SourceIp':['10.1.0.0/16','::1']}");
  EXPECT_EQ(evaluate(inside, with("aws:sourceip", "10.1.255.1")), Effect::allow);
  EXPECT_EQ(evaluate(inside, with("aws:sourceip", "10.2.0.1")), Effect::none);
  EXPECT_EQ(evaluate(inside, with("aws:sourceip", "::1")), Effect::allow);
  const std::string outside = allow_if("'NotIpAddress':{'aws:SourceIp':'10.1.0.0/16'}");
  EXPECT_EQ(evaluate(outside, with("aws:sourceip", "10.1.255.1")), Effect::none);
  const std::string absent = allow_if("'Null':{'s3:x-amz-acl':'true'}");
  EXPECT_EQ(evaluate(absent), Effect::allow);
  EXPECT_EQ(evaluate(absent, with("s3:x-amz-acl", "private")), Effect::none);
}

TEST(Policies, QuantifySetsOfValues) {
  const auto with = [](std::vector<std::string> tags) {
    return Asked{.values = {{"s3:requestobjecttagkeys", std::move(tags)}}};
  };
  const std::string all =
      allow_if("'ForAllValues:StringEquals':{'s3:RequestObjectTagKeys':['a','b']}");
  EXPECT_EQ(evaluate(all, with({"a", "b"})), Effect::allow);
  EXPECT_EQ(evaluate(all, with({"a", "c"})), Effect::none);
  EXPECT_EQ(evaluate(all), Effect::allow);
  const std::string any =
      allow_if("'ForAnyValue:StringEquals':{'s3:RequestObjectTagKeys':['a','b']}");
  EXPECT_EQ(evaluate(any, with({"c", "a"})), Effect::allow);
  EXPECT_EQ(evaluate(any, with({"c"})), Effect::none);
  EXPECT_EQ(evaluate(any), Effect::none);
}

TEST(Policies, HoldAllTheirConditionsAtOnce) {
  const std::string text = allow_if(
      "'StringEquals':{'s3:prefix':'a','s3:delimiter':'/'},'Bool':{'aws:SecureTransport':'false'}");
  Asked asked{.values = {{"s3:prefix", {"a"}},
                         {"s3:delimiter", {"/"}},
                         {"aws:securetransport", {"false"}}}};
  EXPECT_EQ(evaluate(text, asked), Effect::allow);
  asked.values["s3:delimiter"] = {"|"};
  EXPECT_EQ(evaluate(text, asked), Effect::none);
}

TEST(Policies, KnowWhetherTheyArePublic) {
  const auto is_public = [](const std::string& text) {
    return Policy::parse(text, "box").value().is_public();
  };
  EXPECT_TRUE(is_public(one(kAllowAll)));
  EXPECT_TRUE(is_public(allow_if("'StringEquals':{'s3:prefix':'a'}")));
  EXPECT_FALSE(is_public(allow_if("'IpAddress':{'aws:SourceIp':'10.0.0.0/24'}")));
  EXPECT_TRUE(is_public(allow_if("'IpAddress':{'aws:SourceIp':'0.0.0.0/0'}")));
  EXPECT_TRUE(is_public(allow_if("'NotIpAddress':{'aws:SourceIp':'10.0.0.0/24'}")));
  EXPECT_FALSE(is_public(one("'Effect':'Deny','Principal':'*','Action':'s3:*','Resource':'*'")));
  EXPECT_FALSE(is_public(one("'Effect':'Allow','Principal':{'AWS':'" + account_text(account(1)) +
                             "'},'Action':'s3:*','Resource':'*'")));
}

TEST(Policies, RefuseWhatTheyCannotObey) {
  const std::string principal = "'Effect':'Allow','Principal':'*',";
  const std::vector<std::string> bad = {
      "",
      "{",
      "[]",
      "{}",
      "{'Statement':[]}",
      "{'Version':'2013-01-01','Statement':[{" + kAllowAll + "}]}",
      "{'Statement':[{" + kAllowAll + "}],'Extra':1}",
      one(kAllowAll + ",'Sid':7"),
      one(kAllowAll + ",'Effect':'Allow'"),
      one(kAllowAll + ",'NotAction':'s3:*'"),
      one(kAllowAll + ",'Other':'x'"),
      one("'Principal':'*','Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','Action':'s3:*','Resource':'*'"),
      one("'Effect':'allow','Principal':'*','Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','NotPrincipal':{'AWS':'*'},'Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','Principal':'me','Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','Principal':{'AWS':'me'},'Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','Principal':{'Service':'x'},'Action':'s3:*','Resource':'*'"),
      one("'Effect':'Allow','Principal':{},'Action':'s3:*','Resource':'*'"),
      one(principal + "'Action':'ec2:*','Resource':'*'"),
      one(principal + "'Action':[],'Resource':'*'"),
      one(principal + "'Action':{'a':1},'Resource':'*'"),
      one(principal + "'Action':'s3:*','Resource':'box/*'"),
      one(principal + "'Action':'s3:*','Resource':'arn:aws:s3:::other/*'"),
      one(principal + "'Action':'s3:*','Resource':'arn:aws:s3:::box/${aws:username}'"),
      allow_if("'StringMatches':{'s3:prefix':'a'}"),
      allow_if("'NullIfExists':{'s3:prefix':'true'}"),
      allow_if("'StringEquals':{'s3:nonsense':'a'}"),
      allow_if("'StringEquals':{'aws:PrincipalOrgID':'a'}"),
      allow_if("'StringEquals':{}"),
      allow_if("'StringEquals':{'s3:prefix':[]}"),
      allow_if("'NumericEquals':{'s3:max-keys':'ten'}"),
      allow_if("'IpAddress':{'aws:SourceIp':'10.0.0.0/33'}"),
      allow_if("'Bool':{'aws:SecureTransport':'yes'}"),
      allow_if("'DateEquals':{'aws:CurrentTime':'tomorrow'}"),
  };
  for (std::string text : bad) {
    std::ranges::replace(text, '\'', '"');
    const auto policy = Policy::parse(text, "box");
    ASSERT_FALSE(policy) << text;
    EXPECT_EQ(policy.error().code(), Errc::malformed_policy) << text;
  }
  const std::string large = one(kAllowAll + ",'Sid':'" + std::string(kMaxPolicyBytes, 'x') + "'");
  EXPECT_FALSE(Policy::parse(large, "box"));
}

TEST(Wildcards, FitRunsAndSingleCharacters) {
  struct Case {
    std::string_view pattern, text;
    bool fits;
  };
  for (const Case& c : std::vector<Case>{{"", "", true},
                                         {"*", "", true},
                                         {"", "a", false},
                                         {"?", "", false},
                                         {"a*b*c", "aXbYbZc", true},
                                         {"a*b*c", "aXbYbZ", false},
                                         {"*.jpg", "x.jpg", true},
                                         {"a**b", "ab", true},
                                         {"?b", "ab", true},
                                         {"?b", "b", false}}) {
    EXPECT_EQ(matches_wildcard(c.pattern, c.text), c.fits) << c.pattern << " " << c.text;
  }
}

TEST(AddressRanges, HoldAddressesOfTheirFamily) {
  EXPECT_TRUE(in_address_range("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(in_address_range("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(in_address_range("0.0.0.0/0", "200.1.1.1"));
  EXPECT_TRUE(in_address_range("1.2.3.4", "1.2.3.4"));
  EXPECT_TRUE(in_address_range("2001:db8::/32", "2001:db8:1::1"));
  EXPECT_FALSE(in_address_range("2001:db8::/32", "2001:db9::1"));
  EXPECT_FALSE(in_address_range("0.0.0.0/0", "::1"));
  EXPECT_TRUE(in_address_range("10.0.0.0/8", "::ffff:10.0.0.1"));
  EXPECT_TRUE(in_address_range("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"));
  EXPECT_TRUE(in_address_range("::/0", "1::"));
  EXPECT_TRUE(in_address_range("64:ff9b::1.2.3.4", "64:ff9b::102:304"));
  for (std::string_view bad : {"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", "::g",
                               "12345::", "1:2:3:4:5:6:7::8", "::1.2.3"}) {
    EXPECT_FALSE(in_address_range("::/0", bad)) << bad;
  }
  for (std::string_view bad : {"", "10.0.0", "10.0.0.0/", "10.0.0.0/33", "x/8", "10.0.0.0/-1"}) {
    EXPECT_FALSE(in_address_range(bad, "10.0.0.0")) << bad;
  }
}

TEST(PolicyDates, AreDaysMomentsOrSeconds) {
  EXPECT_EQ(parse_policy_date("2026-11-21")->ms, 1'795'219'200'000);
  EXPECT_EQ(parse_policy_date("2026-11-21T00:00:01Z")->ms, 1'795'219'201'000);
  EXPECT_EQ(parse_policy_date("2026-11-21T00:00:01.500Z")->ms, 1'795'219'201'000);
  EXPECT_EQ(parse_policy_date("1795219200")->ms, 1'795'219'200'000);
  for (std::string_view bad : {"", "2026-13-01", "2026-11-21T", "2026-11-21T00:00Z", "-1",
                               "2026-11-21T00:00:01", "2026-11-21T25:00:01Z"}) {
    EXPECT_FALSE(parse_policy_date(bad)) << bad;
  }
}

TEST(JsonReader, BoundsSizeDepthAndNames) {
  EXPECT_TRUE(parse_json(R"({"a":[1,2,{"b":null}]})", {}));
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})", {}));
  EXPECT_TRUE(parse_json(R"({"a":{"a":1},"b":{"a":2}})", {}));
  EXPECT_FALSE(parse_json("{\"a\":\"\xff\"}", {}));
  EXPECT_FALSE(parse_json(R"({"a":1} x)", {}));
  EXPECT_FALSE(parse_json(R"({"a":1)", {}));
  EXPECT_TRUE(parse_json(std::string(16, '[') + std::string(16, ']'), {}));
  EXPECT_FALSE(parse_json(std::string(40, '[') + std::string(40, ']'), {}));
  EXPECT_FALSE(parse_json("[1,2,3]", {.max_bytes = 6}));
}

}  // namespace
}  // namespace stratos::gateway::s3
