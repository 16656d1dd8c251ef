// Versions in requests and answers, and the headers of tags and locks.
#pragma once
#include "gateway/s3/s3_call.hpp"

namespace stratos::gateway::s3 {

// "null", an id of ours, or nothing for the current version. Errc::no_such_version.
Result<client::VersionChoice> parse_version_id(std::string_view text);
Result<client::VersionChoice> parse_version_id(const S3Request& request);
bool names_version(const S3Request& request);
std::string version_text(const VersionId& version, bool versioned);

// Of what was read: buckets that never had versioning show none.
void add_version_header(const Call& call, http::Headers& headers, const VersionId& version,
                        bool versioned);
// Of what was written: only an id of its own is shown.
void add_new_version_header(http::Headers& headers, const VersionId& version, bool versioned);
void add_lock_headers(http::Headers& headers, const client::ObjectLock& lock);

// x-amz-tagging. Errc::invalid_argument, Errc::invalid_tag.
Result<client::Tags> parse_tag_header(const http::Headers& headers);
std::string tag_header(const client::Tags& tags);
// x-amz-object-lock-*. Errc::invalid_argument.
Result<client::ObjectLock> parse_lock_headers(const http::Headers& headers);

}  // namespace stratos::gateway::s3
