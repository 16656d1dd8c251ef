// What each operation does: one handler for each row of the table of operations.
#pragma once
#include "gateway/s3/s3_call.hpp"

namespace stratos::gateway::s3 {

// Answers the call, or returns the error to be answered. The caller is known and may do this; the
// bucket, where the operation works on an existing one, stands in the call with its rules.
using OperationHandler = Task<Result<void>> (*)(Call& call);
// Null for Operation::unsupported.
OperationHandler handler_of(Operation operation);
// Whether the operation works on a bucket that exists.
bool needs_bucket(Operation operation);
// Whether the caller's right is decided for each item of the request.
bool decides_by_item(Operation operation);

Task<Result<void>> list_buckets(Call& call);
Task<Result<void>> create_bucket(Call& call);
Task<Result<void>> delete_bucket(Call& call);
Task<Result<void>> head_bucket(Call& call);
Task<Result<void>> get_bucket_location(Call& call);
Task<Result<void>> get_bucket_versioning(Call& call);

// One document of the bucket's configuration: which, the call's operation says.
Task<Result<void>> get_bucket_config(Call& call);
Task<Result<void>> put_bucket_config(Call& call);
Task<Result<void>> delete_bucket_config(Call& call);
// What S3 says of features that were never set up.
Task<Result<void>> get_unset_config(Call& call);
Task<Result<void>> get_bucket_notification(Call& call);
Task<Result<void>> put_bucket_notification(Call& call);
Task<Result<void>> get_bucket_policy_status(Call& call);

Task<Result<void>> get_bucket_acl(Call& call);
Task<Result<void>> put_bucket_acl(Call& call);
Task<Result<void>> get_object_acl(Call& call);
Task<Result<void>> put_object_acl(Call& call);

// Answers as the website of call.s3.bucket, errors included; asks for no signature.
Task<Result<void>> serve_website(Call& call);

// Answers OPTIONS of browsers; asks for no signature.
Task<Result<void>> answer_preflight(Call& call);
Task<Result<void>> put_bucket_versioning(Call& call);
Task<Result<void>> get_object_lock_configuration(Call& call);
Task<Result<void>> put_object_lock_configuration(Call& call);

Task<Result<void>> list_objects(Call& call);
Task<Result<void>> list_objects_v2(Call& call);
Task<Result<void>> list_object_versions(Call& call);

Task<Result<void>> get_object(Call& call);
Task<Result<void>> head_object(Call& call);
Task<Result<void>> get_object_attributes(Call& call);

Task<Result<void>> get_object_tagging(Call& call);
Task<Result<void>> put_object_tagging(Call& call);
Task<Result<void>> delete_object_tagging(Call& call);
Task<Result<void>> get_object_retention(Call& call);
Task<Result<void>> put_object_retention(Call& call);
Task<Result<void>> get_object_legal_hold(Call& call);
Task<Result<void>> put_object_legal_hold(Call& call);
Task<Result<void>> get_object_paid_through(Call& call);
Task<Result<void>> put_object_paid_through(Call& call);
Task<Result<void>> get_bucket_renewal(Call& call);
Task<Result<void>> put_bucket_renewal(Call& call);
Task<Result<void>> delete_bucket_renewal(Call& call);

Task<Result<void>> put_object(Call& call);
Task<Result<void>> post_object(Call& call);
Task<Result<void>> copy_object(Call& call);
Task<Result<void>> delete_object(Call& call);
Task<Result<void>> delete_objects(Call& call);

Task<Result<void>> create_multipart_upload(Call& call);
Task<Result<void>> upload_part(Call& call);
Task<Result<void>> upload_part_copy(Call& call);
Task<Result<void>> complete_multipart_upload(Call& call);
Task<Result<void>> abort_multipart_upload(Call& call);
Task<Result<void>> list_parts(Call& call);
Task<Result<void>> list_multipart_uploads(Call& call);

}  // namespace stratos::gateway::s3
