// The numbers of the verbs; never reused. Table: docs/formats/index.md.
#pragma once
#include <cstdint>

namespace stratos::meta {

enum class Verb : std::uint16_t {
  create_account = 1,
  create_access_key = 2,
  create_bucket = 3,
  delete_bucket = 4,
  put_object = 5,
  delete_object = 6,
  copy_object = 7,
  create_upload = 8,
  put_part = 9,
  complete_upload = 10,
  abort_upload = 11,
  commit_segments = 12,
  add_holder = 13,
  register_node = 14,
  set_node_state = 15,
  reserve_grant = 16,
  trim_feed = 17,
  lose_holder = 18,
  delete_access_key = 19,
  enable_features = 20,
  rotate_meta_key = 21,
  set_versioning = 24,
  set_object_lock = 25,
  put_tags = 26,
  put_retention = 27,
  put_hold = 28,
  record_audits = 29,
  score_nodes = 30,
  reinstate_node = 31,
  begin_generation = 32,
  resume_drops = 33,
  settle_orders = 34,
  hand_in_split = 35,
  sign_report = 36,
  set_bucket_config = 40,
  set_attributes = 41,
  take_off_notices = 42,
  attach_holders = 44,
  credit_account = 50,
  extend_payment = 51,
  set_renewal = 52,
};

}  // namespace stratos::meta
