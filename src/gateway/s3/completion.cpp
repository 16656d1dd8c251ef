#include "gateway/s3/completion.hpp"

#include <algorithm>
#include <charconv>

namespace stratos::gateway::s3 {
namespace {

auto invalid_part(std::uint32_t number) {
  return fail(Errc::invalid_part,
              "Part " + std::to_string(number) +
                  " could not be found, or its entity tag or checksum does not match.");
}

Result<ChecksumType> parse_checksum_type(std::string_view name) {
  if (name == "COMPOSITE") return ChecksumType::composite;
  if (name == "FULL_OBJECT") return ChecksumType::full_object;
  return fail(Errc::invalid_request, "Value for x-amz-checksum-type header is invalid.");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, size);
  if (error != std::errc() || stop != end) {
    return fail(Errc::invalid_argument, "x-amz-mp-object-size is not a number");
  }
  return size;
}

std::optional<Checksum> checksum_of(const client::PartInfo& part) {
  auto known = known_checksum(part.checksums);
  return known ? std::optional<Checksum>(std::move(known->checksum)) : std::nullopt;
}

// The stored parts that were chosen, in order.
Result<std::vector<const client::PartInfo*>> choose(std::span<const CompletedPart> wanted,
                                                    std::span<const client::PartInfo> stored) {
  std::vector<const client::PartInfo*> chosen;
  chosen.reserve(wanted.size());
  for (const CompletedPart& part : wanted) {
    const auto found = std::ranges::lower_bound(stored, part.number, {}, &client::PartInfo::number);
    if (found == stored.end() || found->number != part.number) return invalid_part(part.number);
    const auto etag = client::ETag::parse(part.etag);
    if (!etag || *etag != found->etag) return invalid_part(part.number);
    if (part.checksum && checksum_of(*found) != part.checksum) return invalid_part(part.number);
    chosen.push_back(&*found);
  }
  return chosen;
}

struct ChecksumPlan {
  ChecksumAlgorithm algorithm;
  ChecksumType type;
};

// What the upload asked for; else what all its parts happen to have, if that can be combined.
std::optional<ChecksumPlan> plan_checksum(const client::UploadInfo& upload,
                                          const client::PartInfo& first) {
  if (!upload.checksum_algorithm.empty()) {
    const auto algorithm = parse_checksum_algorithm(upload.checksum_algorithm);
    if (!algorithm) return std::nullopt;
    const auto type = resolve_checksum_type(*algorithm, upload.checksum_type);
    return type ? std::optional(ChecksumPlan{*algorithm, *type}) : std::nullopt;
  }
  const auto checksum = checksum_of(first);
  if (!checksum || !info_of(checksum->algorithm).may_be_full_object) return std::nullopt;
  return ChecksumPlan{checksum->algorithm, ChecksumType::full_object};
}

// nullopt when a part lacks its own.
std::optional<Checksum> combine(ChecksumPlan plan, std::span<const client::PartInfo* const> parts) {
  std::vector<PartChecksum> values;
  values.reserve(parts.size());
  for (const client::PartInfo* part : parts) {
    auto checksum = checksum_of(*part);
    if (!checksum || checksum->algorithm != plan.algorithm) return std::nullopt;
    values.push_back({std::move(checksum->value), part->size});
  }
  return plan.type == ChecksumType::composite ? composite_checksum(plan.algorithm, values)
                                              : full_object_checksum(plan.algorithm, values);
}

Result<void> check_promise(const CompletionPromise& promise, std::uint64_t size,
                           std::optional<ChecksumPlan> plan,
                           const std::optional<Checksum>& checksum) {
  if (promise.size_bytes && *promise.size_bytes != size) {
    return fail(Errc::invalid_request,
                "The provided 'x-amz-mp-object-size' header does not match what was computed");
  }
  if (promise.checksum_type && (!plan || plan->type != *promise.checksum_type)) {
    return fail(Errc::invalid_request, "The upload was created with another checksum type");
  }
  if (!promise.algorithm) return {};
  if (!checksum || checksum->algorithm != *promise.algorithm) {
    return fail(Errc::invalid_request, "The parts have no " +
                                           std::string(info_of(*promise.algorithm).name) +
                                           " checksums to compute the object's from");
  }
  // Some clients leave the number of parts out.
  if (promise.checksum == checksum->text() || promise.checksum == to_base64(checksum->value)) {
    return {};
  }
  return fail(Errc::bad_digest, "The checksum you specified did not match the calculated one.");
}

}  // namespace

Result<CompletionPromise> parse_completion_promise(const http::Headers& headers) {
  CompletionPromise promise;
  if (const auto size = headers.get("x-amz-mp-object-size")) {
    STRATOS_TRY(promise.size_bytes, parse_size(*size));
  }
  if (const auto type = headers.get("x-amz-checksum-type")) {
    STRATOS_TRY(promise.checksum_type, parse_checksum_type(*type));
  }
  for (const ChecksumInfo& info : all_checksums()) {
    const auto value = headers.get(info.header);
    if (!value) continue;
    if (promise.algorithm) {
      return fail(Errc::invalid_request,
                  "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                  "allowed.");
    }
    promise.algorithm = info.algorithm;
    promise.checksum = *value;
  }
  return promise;
}

Result<Completion> plan_completion(const client::UploadInfo& upload,
                                   std::span<const CompletedPart> wanted,
                                   std::span<const client::PartInfo> stored,
                                   const CompletionPromise& promise) {
  STRATOS_ASSERT(!wanted.empty(), "a completion has parts");
  STRATOS_TRY(const auto chosen, choose(wanted, stored));
  Completion completion;
  std::uint64_t size = 0;
  completion.parts.reserve(chosen.size());
  for (const client::PartInfo* part : chosen) {
    completion.parts.push_back({part->number, part->etag});
    size += part->size;
  }
  const auto plan = plan_checksum(upload, *chosen.front());
  std::optional<Checksum> checksum;
  if (plan) checksum = combine(*plan, chosen);
  STRATOS_CHECK(check_promise(promise, size, plan, checksum));
  if (checksum) completion.checksums.push_back(to_client(*checksum, plan->type));
  completion.etag = etag_of_parts(wanted).value();
  return completion;
}

std::optional<client::ETag> etag_of_parts(std::span<const CompletedPart> wanted) {
  std::vector<crypto::Md5Digest> digests;
  digests.reserve(wanted.size());
  for (const CompletedPart& part : wanted) {
    const auto etag = client::ETag::parse(part.etag);
    if (!etag || etag->parts != 0) return std::nullopt;
    digests.push_back(etag->md5);
  }
  return client::ETag::parse(multipart_etag(digests));
}

}  // namespace stratos::gateway::s3
