// The policy document of a form upload: until when, and with which fields, it may be sent.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/s3/form_body.hpp"

namespace stratos::gateway::s3 {

class PostPolicy {
 public:
  // From the JSON below its Base64. Errc::invalid_policy_document.
  static Result<PostPolicy> parse(std::string_view json);

  // Every condition must hold, and every field must have one but those that S3 leaves out. `bucket`
  // counts as a field. Errc::access_denied, with the reason in its message.
  Result<void> check(const Form& form, std::string_view bucket, WallTime now) const;
  std::uint64_t min_bytes() const { return min_bytes_; }
  std::uint64_t max_bytes() const { return max_bytes_; }

 private:
  struct Condition {
    std::string field;  // lower case, without the dollar
    std::string value;
    bool is_prefix = false;
  };
  struct Reader;

  WallTime expiration_;
  std::vector<Condition> conditions_;
  std::uint64_t min_bytes_ = 0;
  std::uint64_t max_bytes_ = UINT64_MAX;
};

}  // namespace stratos::gateway::s3
