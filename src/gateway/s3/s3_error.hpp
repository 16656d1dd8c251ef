// How the program's errors look to S3 clients: code, status, message and the XML document.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace stratos::gateway::s3 {

struct S3Error {
  std::string_view code;  // what clients branch on
  int http_status;
  std::string_view message;
};

// Every code has an answer; those without a row of their own get one by their kind.
const S3Error& s3_error_of(Errc code);

// False for 304, which has no body.
bool has_error_body(Errc code);

// Where an error happened; `extras` become elements of their own (BucketName, Key, Region, …).
struct ErrorContext {
  std::string_view resource;
  std::string_view request_id;
  std::vector<std::pair<std::string_view, std::string_view>> extras;
};

// The text shown to the client: the error's own when it speaks of the request, the table's when it
// would speak of our insides.
std::string_view public_message(const Error& error);
std::string error_document(const Error& error, const ErrorContext& context);
// The <Error> of one item in a DeleteResult needs only these.
std::string_view s3_code_of(const Error& error);

}  // namespace stratos::gateway::s3
