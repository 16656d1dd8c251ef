// What may be read of the committed index. Each query is a record with a path and a reply.
#pragma once
#include "kv/store.hpp"
#include "meta/inventory.hpp"
#include "meta/node_wire.hpp"
#include "meta/placement.hpp"
#include "meta/records.hpp"

namespace stratos::meta {

struct GetBucket {
  static constexpr std::string_view kPath = "bucket";
  using Reply = BucketRecord;
  std::string name;
  static void fields(auto& self, auto&& field) { field(1, self.name); }
};
// A bucket with everything that its owner set about it.
struct GetBucketConfigs {
  static constexpr std::string_view kPath = "bucket_configs";
  struct Reply {
    BucketRecord bucket;
    std::vector<BucketConfig> configs;  // by kind
    static void fields(auto& self, auto&& field) {
      field(1, self.bucket);
      field(2, self.configs);
    }
  };
  std::string name;
  static void fields(auto& self, auto&& field) { field(1, self.name); }
};
struct GetAccount {
  static constexpr std::string_view kPath = "account";
  using Reply = AccountRecord;
  AccountId account;
  static void fields(auto& self, auto&& field) { field(1, self.account); }
};
struct ListBuckets {
  static constexpr std::string_view kPath = "buckets";
  struct Reply {
    std::vector<BucketRecord> buckets;
    static void fields(auto& self, auto&& field) { field(1, self.buckets); }
  };
  AccountId owner;
  static void fields(auto& self, auto&& field) { field(1, self.owner); }
};
// Names of buckets, in order, that have a document of a kind. Looks at a bounded number of buckets:
// a page may be empty and yet not the last.
struct ListConfigured {
  static constexpr std::string_view kPath = "configured";
  static constexpr std::size_t kBucketsLookedAt = 1000;
  struct Reply {
    std::vector<std::string> buckets;
    std::string next;  // goes on after this one; empty at the end
    static void fields(auto& self, auto&& field) {
      field(1, self.buckets);
      field(2, self.next);
    }
  };
  ConfigKind kind{};
  std::string after;
  static void fields(auto& self, auto&& field) {
    field(1, self.kind);
    field(2, self.after);
  }
};
struct GetAccessKey {
  static constexpr std::string_view kPath = "access_key";
  using Reply = AccessKeyRecord;
  std::string access_key;
  static void fields(auto& self, auto&& field) { field(1, self.access_key); }
};

// The access keys of an account. Looks at a number of all keys at once: ask again with `next` until
// it is empty.
struct ListAccessKeys {
  static constexpr std::string_view kPath = "access_keys";
  static constexpr std::size_t kKeysLookedAt = 10'000;
  struct Reply {
    std::vector<std::string> access_keys;
    std::string next;
    static void fields(auto& self, auto&& field) {
      field(1, self.access_keys);
      field(2, self.next);
    }
  };
  AccountId account;
  std::string after;
  static void fields(auto& self, auto&& field) {
    field(1, self.account);
    field(2, self.after);
  }
};

// The version named, or the current one, with what is needed to read its beginning in one round
// trip. Errc::no_such_object, Errc::object_deleted, Errc::no_such_version, Errc::delete_marker.
struct GetObject {
  static constexpr std::string_view kPath = "object";
  static constexpr std::size_t kSegmentsIncluded = 4;
  struct Reply {
    BucketId bucket;
    VersionRecord version;
    std::optional<Bytes> inline_body;
    std::vector<SegmentRecord> segments;  // of the first slices
    static void fields(auto& self, auto&& field) {
      field(1, self.bucket);
      field(2, self.version);
      field(3, self.inline_body);
      field(4, self.segments);
    }
  };
  std::string bucket;
  std::string key;
  bool with_data = false;            // inline body and segments too
  std::optional<VersionId> version;  // zero: the null version
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.with_data);
    field(4, self.version);
  }
};
struct GetSlicePage {
  static constexpr std::string_view kPath = "slice_page";
  using Reply = SlicePage;
  BucketId bucket;
  VersionId version;
  std::uint32_t page = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.version);
    field(3, self.page);
  }
};
struct GetSegments {
  static constexpr std::string_view kPath = "segments";
  struct Reply {
    std::vector<SegmentRecord> segments;  // absent ones left out
    static void fields(auto& self, auto&& field) { field(1, self.segments); }
  };
  std::vector<SegmentId> ids;  // at most 100
  static void fields(auto& self, auto&& field) { field(1, self.ids); }
};

struct ListObjects {
  static constexpr std::string_view kPath = "list";
  struct Row {
    std::string key;
    ListRow row;
    static void fields(auto& self, auto&& field) {
      field(1, self.key);
      field(2, self.row);
    }
  };
  struct Reply {
    std::vector<Row> rows;
    std::vector<std::string> common_prefixes;
    bool truncated = false;
    std::string next;
    static void fields(auto& self, auto&& field) {
      field(1, self.rows);
      field(2, self.common_prefixes);
      field(3, self.truncated);
      field(4, self.next);
    }
  };
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string start_after;  // a common prefix is skipped with all keys below it
  std::uint32_t max_keys = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.prefix);
    field(3, self.delimiter);
    field(4, self.start_after);
    field(5, self.max_keys);
  }
};

struct GetUpload {
  static constexpr std::string_view kPath = "upload";
  using Reply = UploadRecord;
  std::string bucket;
  std::string key;
  UploadId upload;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
  }
};
struct ListParts {
  static constexpr std::string_view kPath = "parts";
  struct Reply {
    UploadRecord upload;
    std::vector<PartRecord> parts;
    bool more = false;  // also set when the reply would grow past 1 MiB
    static void fields(auto& self, auto&& field) {
      field(1, self.upload);
      field(2, self.parts);
      field(3, self.more);
    }
  };
  std::string bucket;
  std::string key;
  UploadId upload;
  std::uint32_t after = 0;
  std::uint32_t limit = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.key);
    field(3, self.upload);
    field(4, self.after);
    field(5, self.limit);
  }
};
struct ListUploads {
  static constexpr std::string_view kPath = "uploads";
  struct Reply {
    std::vector<UploadRecord> uploads;
    std::vector<std::string> common_prefixes;
    bool truncated = false;  // also set when the reply would grow past 1 MiB
    std::string next_key;
    UploadId next_upload;
    static void fields(auto& self, auto&& field) {
      field(1, self.uploads);
      field(2, self.common_prefixes);
      field(3, self.truncated);
      field(4, self.next_key);
      field(5, self.next_upload);
    }
  };
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;
  UploadId upload_marker;  // zero: after all uploads of key_marker
  std::uint32_t limit = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.bucket);
    field(2, self.prefix);
    field(3, self.delimiter);
    field(4, self.key_marker);
    field(5, self.upload_marker);
    field(6, self.limit);
  }
};

struct GetNodes {
  static constexpr std::string_view kPath = "nodes";
  struct Reply {
    std::vector<NodeRecord> nodes;
    std::vector<NodeLedger> ledgers;  // beside the nodes
    static void fields(auto& self, auto&& field) {
      field(1, self.nodes);
      field(2, self.ledgers);
    }
  };
  static void fields(auto&, auto&&) {}
};
// Which fragment of a node's inventory holds a byte, with the path to the ledger's root: see
// verify_inventory_path(). Errc::no_such_node, Errc::invalid_argument for a position beyond it.
struct GetInventoryPlace {
  static constexpr std::string_view kPath = "inventory_place";
  struct Reply {
    InventoryNode root;
    InventoryLeaf leaf;
    std::uint64_t offset = 0;  // of the position in the leaf's fragment
    std::vector<InventoryStep> path;
    static void fields(auto& self, auto&& field) {
      field(1, self.root);
      field(2, self.leaf);
      field(3, self.offset);
      field(4, self.path);
    }
  };
  NodeId node;
  std::uint64_t position = 0;
  static void fields(auto& self, auto&& field) {
    field(1, self.node);
    field(2, self.position);
  }
};
struct GetNodeTable {
  static constexpr std::string_view kPath = "node_table";
  using Reply = NodeTable;
  std::uint64_t version = 0;  // 0: the newest
  static void fields(auto& self, auto&& field) { field(1, self.version); }
};
struct GetParams {
  static constexpr std::string_view kPath = "params";
  using Reply = Params;
  static void fields(auto&, auto&&) {}
};
struct GetEvents {
  static constexpr std::string_view kPath = "events";
  struct Reply {
    std::vector<Event> events;
    bool too_old = false;  // events after `after` are gone already
    static void fields(auto& self, auto&& field) {
      field(1, self.events);
      field(2, self.too_old);
    }
  };
  std::uint64_t after = 0;
  std::uint32_t limit = 1000;
  static void fields(auto& self, auto&& field) {
    field(1, self.after);
    field(2, self.limit);
  }
};

// How safe the data is now. The margin of a segment is how many more of its holders may be lost
// before it cannot be read: fragments on nodes that are up, less k.
struct GetHealth {
  static constexpr std::string_view kPath = "health";
  struct Margin {
    std::int32_t margin = 0;
    std::uint64_t segments = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.margin);
      field(2, self.segments);
    }
  };
  // How many failure domains have a node that is up, at one level of the network's spread.
  struct Level {
    std::string level;
    std::uint32_t domains_up = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.level);
      field(2, self.domains_up);
    }
  };
  // How many of them, at every level, a write of the profile needs to be at full.
  struct Need {
    std::string profile;
    std::uint32_t domains = 0;
    static void fields(auto& self, auto&& field) {
      field(1, self.profile);
      field(2, self.domains);
    }
  };
  struct Reply {
    std::uint64_t segments = 0;
    std::uint64_t at_full = 0;
    std::vector<Margin> by_margin;
    std::uint64_t below_full = 0;     // what repair will have to do
    std::uint64_t unrepairable = 0;   // for want of free failure domains
    std::uint64_t lost = 0;           // fewer than k fragments on nodes that have not left
    std::uint64_t unreadable = 0;     // fewer than k fragments on nodes that are up
    std::uint32_t domains_up = 0;     // the smallest over the levels
    std::uint64_t missing_bytes = 0;  // of fragments that are not on a node that is up
    std::vector<Level> levels;
    std::vector<Need> needs;
    NoticeTotals notices;
    static void fields(auto& self, auto&& field) {
      field(1, self.segments);
      field(2, self.at_full);
      field(3, self.by_margin);
      field(4, self.below_full);
      field(5, self.unrepairable);
      field(6, self.lost);
      field(7, self.unreadable);
      field(8, self.domains_up);
      field(9, self.missing_bytes);
      field(10, self.levels);
      field(11, self.needs);
      field(12, self.notices);
    }
  };
  static void fields(auto&, auto&&) {}
};

// Runs the query named `path` on a state that does not change meanwhile.
// Errc::unknown_method for an unknown path.
Result<Bytes> run_query(const kv::Reader& state, std::string_view path, ByteView request);

}  // namespace stratos::meta
