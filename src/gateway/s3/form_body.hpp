// multipart/form-data as browsers upload it (RFC 7578): small fields, then one file, streamed.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.hpp"

namespace stratos::gateway::s3 {

// Of all fields together, and of the head of one part.
constexpr std::size_t kMaxFormBytes = 64 << 10;
constexpr std::size_t kMaxFormFields = 100;

struct Form {
  std::vector<std::pair<std::string, std::string>> fields;  // as sent, in order
  std::string file_name;
  std::string file_type;  // Content-Type of the file's part

  // The first field of that name, in any case.
  const std::string* find(std::string_view name) const;
};

// The boundary of "multipart/form-data; boundary=…"; nullopt for other types.
std::optional<std::string> form_boundary(std::string_view content_type);

// Reads the fields, then is the body of the file. Memory: the fields and two reads of 64 KiB.
class FormBody final : public http::BodyReader {
 public:
  // `raw` outlives this.
  FormBody(http::BodyReader& raw, std::string_view boundary);

  // Up to the first byte of the part named "file". Once, before read(). Errc::malformed_form.
  Task<Result<Form>> read_form();
  // Sizes of the file outside of these are Errc::entity_too_small or entity_too_large at its end.
  void limit(std::uint64_t min_bytes, std::uint64_t max_bytes) {
    min_bytes_ = min_bytes;
    max_bytes_ = max_bytes;
  }

  Task<Result<Buffer>> read(std::size_t max_bytes) override;
  std::optional<std::uint64_t> length() const override { return std::nullopt; }

 private:
  // More of the raw body; Errc::malformed_form at its end.
  Task<Result<void>> fill();
  // Takes what stands before `mark`, which goes too, at most kMaxFormBytes.
  Task<Result<std::string>> take_until(std::string mark);
  Task<Result<bool>> next_part();

  http::BodyReader& raw_;
  std::string delimiter_;  // CRLF, two dashes, the boundary
  std::string pending_;
  std::size_t used_ = 0;  // of pending_
  std::uint64_t min_bytes_ = 0;
  std::uint64_t max_bytes_ = UINT64_MAX;
  std::uint64_t given_ = 0;
  bool ended_ = false;
};

}  // namespace stratos::gateway::s3
