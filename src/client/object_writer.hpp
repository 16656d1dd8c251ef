// ObjectWriter: turns a body into slices of segments, in bounded memory.
#pragma once
#include "client/object_client.hpp"
#include "client/segment_writer.hpp"

namespace stratos::client {

// A body that has been stored but is not visible yet.
struct StoredBody {
  std::uint64_t size = 0;
  Attributes attributes;       // from BodySource::finish
  std::optional<Bytes> small;  // the plain body itself, when it may stand in the index
  meta::SlicePage slices;      // of one key: the upload's
  std::vector<meta::SegmentCommit> segments;  // still to be committed with what refers to them
};

struct StoreOptions {
  BucketId bucket;  // whose traffic it is
  erasure::Shape coded;
  std::uint8_t copies = 3;
  bool allow_inline = true;
};

// Reads the body to its end. Segments before the last one are committed under their leases as it
// goes. `body` and `mesh` outlive the call.
Task<Result<StoredBody>> store_body(Mesh& mesh, BodySource& body, crypto::SecretKey data_key,
                                    meta::WrappedKey wrapped, StoreOptions options);

}  // namespace stratos::client
