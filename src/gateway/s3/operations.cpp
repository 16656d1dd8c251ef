#include "gateway/s3/operations.hpp"

#include <array>

namespace stratos::gateway::s3 {
namespace {

constexpr std::array<OperationHandler, static_cast<std::size_t>(Operation::unsupported)> kHandlers =
    [] {
      std::array<OperationHandler, static_cast<std::size_t>(Operation::unsupported)> table{};
      const auto set = [&table](Operation operation, OperationHandler handler) {
        table[static_cast<std::size_t>(operation)] = handler;
      };
      set(Operation::list_buckets, list_buckets);
      set(Operation::create_bucket, create_bucket);
      set(Operation::delete_bucket, delete_bucket);
      set(Operation::head_bucket, head_bucket);
      set(Operation::get_bucket_location, get_bucket_location);
      set(Operation::get_bucket_versioning, get_bucket_versioning);
      set(Operation::list_objects, list_objects);
      set(Operation::list_objects_v2, list_objects_v2);
      set(Operation::list_object_versions, list_object_versions);
      set(Operation::list_multipart_uploads, list_multipart_uploads);
      set(Operation::delete_objects, delete_objects);
      set(Operation::get_object, get_object);
      set(Operation::head_object, head_object);
      set(Operation::put_object, put_object);
      set(Operation::delete_object, delete_object);
      set(Operation::copy_object, copy_object);
      set(Operation::get_object_attributes, get_object_attributes);
      set(Operation::create_multipart_upload, create_multipart_upload);
      set(Operation::upload_part, upload_part);
      set(Operation::upload_part_copy, upload_part_copy);
      set(Operation::complete_multipart_upload, complete_multipart_upload);
      set(Operation::abort_multipart_upload, abort_multipart_upload);
      set(Operation::list_parts, list_parts);
      set(Operation::post_object, post_object);
      set(Operation::get_bucket_acl, get_bucket_acl);
      set(Operation::put_bucket_acl, put_bucket_acl);
      set(Operation::get_object_acl, get_object_acl);
      set(Operation::put_object_acl, put_object_acl);
      set(Operation::get_bucket_policy, get_bucket_config);
      set(Operation::put_bucket_policy, put_bucket_config);
      set(Operation::delete_bucket_policy, delete_bucket_config);
      set(Operation::get_bucket_policy_status, get_bucket_policy_status);
      set(Operation::get_bucket_cors, get_bucket_config);
      set(Operation::put_bucket_cors, put_bucket_config);
      set(Operation::delete_bucket_cors, delete_bucket_config);
      set(Operation::get_public_access_block, get_bucket_config);
      set(Operation::put_public_access_block, put_bucket_config);
      set(Operation::delete_public_access_block, delete_bucket_config);
      set(Operation::get_ownership_controls, get_bucket_config);
      set(Operation::put_ownership_controls, put_bucket_config);
      set(Operation::delete_ownership_controls, delete_bucket_config);
      set(Operation::get_bucket_tagging, get_bucket_config);
      set(Operation::put_bucket_tagging, put_bucket_config);
      set(Operation::delete_bucket_tagging, delete_bucket_config);
      set(Operation::get_bucket_encryption, get_bucket_config);
      set(Operation::put_bucket_encryption, put_bucket_config);
      set(Operation::delete_bucket_encryption, delete_bucket_config);
      set(Operation::get_bucket_notification, get_bucket_notification);
      set(Operation::put_bucket_notification, put_bucket_notification);
      set(Operation::get_bucket_logging, get_unset_config);
      set(Operation::get_bucket_accelerate, get_unset_config);
      set(Operation::get_bucket_request_payment, get_unset_config);
      set(Operation::get_bucket_lifecycle, get_bucket_config);
      set(Operation::put_bucket_lifecycle, put_bucket_config);
      set(Operation::delete_bucket_lifecycle, delete_bucket_config);
      set(Operation::get_bucket_website, get_bucket_config);
      set(Operation::put_bucket_website, put_bucket_config);
      set(Operation::delete_bucket_website, delete_bucket_config);
      set(Operation::get_bucket_replication, get_unset_config);
      set(Operation::put_bucket_versioning, put_bucket_versioning);
      set(Operation::get_object_lock_configuration, get_object_lock_configuration);
      set(Operation::put_object_lock_configuration, put_object_lock_configuration);
      set(Operation::get_object_tagging, get_object_tagging);
      set(Operation::put_object_tagging, put_object_tagging);
      set(Operation::delete_object_tagging, delete_object_tagging);
      set(Operation::get_object_retention, get_object_retention);
      set(Operation::put_object_retention, put_object_retention);
      set(Operation::get_object_legal_hold, get_object_legal_hold);
      set(Operation::put_object_legal_hold, put_object_legal_hold);
      set(Operation::get_object_paid_through, get_object_paid_through);
      set(Operation::put_object_paid_through, put_object_paid_through);
      set(Operation::get_bucket_renewal, get_bucket_renewal);
      set(Operation::put_bucket_renewal, put_bucket_renewal);
      set(Operation::delete_bucket_renewal, delete_bucket_renewal);
      return table;
    }();

}  // namespace

OperationHandler handler_of(Operation operation) {
  return operation == Operation::unsupported ? nullptr
                                             : kHandlers[static_cast<std::size_t>(operation)];
}

bool needs_bucket(Operation operation) {
  return operation != Operation::list_buckets && operation != Operation::create_bucket;
}

bool decides_by_item(Operation operation) {
  return operation == Operation::delete_objects || operation == Operation::post_object;
}

}  // namespace stratos::gateway::s3
