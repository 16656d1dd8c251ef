// The commands of versioning, tags and object lock; see meta/commands.hpp.
#pragma once
#include "meta/commands.hpp"

namespace stratos::meta {

// Errc::invalid_bucket_state for suspending it where object lock is on.
struct SetVersioning {
  static constexpr Verb kVerb = Verb::set_versioning;
  using Reply = BucketRecord;
  std::string bucket;
  Versioning versioning = Versioning::enabled;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.versioning);
  }
};
// Turns object lock on and sets, or with mode none removes, the default retention.
// Errc::invalid_bucket_state unless versioning is enabled.
struct SetObjectLock {
  static constexpr Verb kVerb = Verb::set_object_lock;
  using Reply = BucketRecord;
  std::string bucket;
  DefaultRetention retention;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.retention);
  }
};

// The version that a command changed.
struct ChangedVersion {
  VersionId version;
  bool versioned = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.version);
    field(2, self.versioned);
  }
};

// Replaces what the owner says about a version that stays as it is otherwise, its time included.
// Errc::precondition_failed when there is no such version any more.
struct SetAttributes {
  static constexpr Verb kVerb = Verb::set_attributes;
  using Reply = ChangedVersion;
  std::string bucket;
  std::string key;
  VersionId version;
  Bytes sealed_attributes;
  Bytes sealed_summary;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
    field(4, self.sealed_attributes);
    field(5, self.sealed_summary);
  }
};

// These change the version that they name, or the current one. All: Errc::no_such_object,
// Errc::object_deleted, Errc::no_such_version, Errc::delete_marker.
struct PutTags {
  static constexpr Verb kVerb = Verb::put_tags;
  using Reply = ChangedVersion;
  std::string bucket;
  std::string key;
  std::optional<VersionId> version;  // zero: the null version
  Bytes sealed_tags;
  Cause cause;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
    field(4, self.sealed_tags);
    field(5, self.cause);
  }
};
// A retention that runs may be extended; anything else needs the bypass, and cannot be had under
// compliance: Errc::object_locked. Errc::no_object_lock, Errc::invalid_argument for a time that is
// not in the future.
struct PutRetention {
  static constexpr Verb kVerb = Verb::put_retention;
  using Reply = ChangedVersion;
  std::string bucket;
  std::string key;
  std::optional<VersionId> version;
  LockMode mode = LockMode::none;  // none: ends the retention
  WallTime retain_until;
  bool bypass_governance = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
    field(4, self.mode);
    field(5, self.retain_until);
    field(6, self.bypass_governance);
  }
};
// Errc::no_object_lock.
struct PutHold {
  static constexpr Verb kVerb = Verb::put_hold;
  using Reply = ChangedVersion;
  std::string bucket;
  std::string key;
  std::optional<VersionId> version;
  bool hold = false;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.version);
    field(4, self.hold);
  }
};

}  // namespace stratos::meta
