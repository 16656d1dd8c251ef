// What copies of objects and of parts have in common: their source.
#pragma once
#include "gateway/s3/s3_call.hpp"
#include "gateway/s3/s3_headers.hpp"

namespace stratos::gateway::s3 {

// Makes the source known; authorize_source() then decides. Errc::no_such_bucket.
Task<Result<void>> open_source(Call& call, const CopySource& source);
// Whether a source that changes meanwhile would escape the conditions or the decision.
bool pins_source(const Call& call);
// x-amz-copy-source-if-*. Errc::precondition_failed.
Result<void> check_source(const http::Headers& headers, const client::ObjectInfo& source);

}  // namespace stratos::gateway::s3
