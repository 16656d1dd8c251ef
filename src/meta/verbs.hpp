// How each verb changes the state. Pure: the outcome depends on the state, the command and the
// block alone. A verb that returns an error has changed nothing that counts (the caller rolls
// back).
#pragma once
#include "meta/audit_commands.hpp"
#include "meta/inventory.hpp"
#include "meta/keys.hpp"
#include "meta/node_wire.hpp"
#include "meta/state.hpp"
#include "meta/upload_commands.hpp"
#include "meta/version_commands.hpp"
#include "meta/zone_commands.hpp"

namespace stratos::meta {

// Where in the order a command stands.
struct Context {
  State& state;
  const Params& params;
  Height height;
  std::uint32_t index = 0;  // of the item within the block
  WallTime time;

  VersionId version_id() const;
  Epoch epoch() const;
};

// Runs one command; the bytes are its encoded reply.
Result<Bytes> execute(Context& context, Verb verb, ByteView command);

// Does what fell due until about `budget` rows were freed; the rest waits for later blocks.
void sweep(Context& context, std::size_t budget);

// --- shared by the verbs -------------------------------------------------------------------------

Result<BucketRecord> require_bucket(const State& state, std::string_view name);
const Profile* find_profile(const Params& params, std::string_view name);
void emit(Context& context, Event event);

// Bounds of what a command brings: Errc::invalid_argument, Errc::too_large.
Result<void> check_bound(ByteView bytes, std::size_t max, std::string_view what);
Result<void> check_object_key(std::string_view key);
Result<void> check_wrapped_key(const WrappedKey& key);
Result<void> check_macs(const std::vector<Bytes>& macs);
Result<void> check_sealed(ByteView attributes, ByteView summary);
// Also that the slices add up to `size`.
Result<void> check_slices(const SlicePage& page, std::uint64_t size);

// Segments: created without references, counted by slices, freed by the step to zero.
Result<void> commit_segments(Context& context, const std::vector<SegmentCommit>& segments);
Result<void> add_references(Context& context, const std::vector<Slice>& slices);
// Both; Errc::invalid_argument when a segment is committed that no slice uses.
Result<void> commit_and_refer(Context& context, const std::vector<SegmentCommit>& segments,
                              const std::vector<Slice>& slices);
void drop_references(Context& context, const std::vector<Slice>& slices);
void free_segment(Context& context, const SegmentRecord& segment);
// Feed, inventory and ledger of a node, for a fragment that it is to keep or to drop.
void tell_node(Context& context, NodeId node, FeedKind kind, const InventoryLeaf& leaf);

// Whether placement sees no difference; else the table is to be renewed, once a command.
bool placed_alike(const Context& context, const NodeRecord& a, const NodeRecord& b);
void renew_table(Context& context);
void emit_node_state(Context& context, const NodeRecord& node);
// The history of a node that leaves the state it was in.
void note_state(Context& context, const NodeRecord& before, NodeState after);

Result<void> check_tags(ByteView sealed_tags);
// Of what is to be stored with it: Errc::no_object_lock, Errc::invalid_argument.
Result<void> check_lock(const Context& context, const BucketRecord& bucket, const ObjectLock& lock);

// The current version of a key, unless that is a delete marker.
std::optional<VersionRecord> current_version(const State& state, BucketId bucket,
                                             std::string_view key);
// Delete markers too.
std::optional<VersionRecord> newest_version(const State& state, BucketId bucket,
                                            std::string_view key);
// The version named (zero: the null version) or the newest, delete markers too.
std::optional<VersionRecord> find_version(const State& state, BucketId bucket, std::string_view key,
                                          const std::optional<VersionId>& version);
// The same for readers. Errc::no_such_object, Errc::object_deleted (the current one is a marker),
// Errc::no_such_version, Errc::delete_marker.
Result<VersionRecord> require_version(const State& state, const BucketRecord& bucket,
                                      std::string_view key,
                                      const std::optional<VersionId>& version);
Result<void> check_condition(const State& state, BucketId bucket, std::string_view key,
                             const Precondition& condition);
// Stores `version` (whose slices are referenced already) as current. What was current is removed or
// kept, as the bucket's versioning has it. Where storage has terms the first is paid: the stored
// bytes come with `version`. Returns the version as stored. Errc::ozone_exhausted.
Result<VersionRecord> make_current(Context& context, const BucketRecord& bucket,
                                   std::string_view key, VersionRecord version,
                                   Bytes sealed_summary, std::vector<SlicePage> pages);
// Removes a version; many pages are freed over later blocks. The next older one becomes current
// when it was.
void remove_version(Context& context, BucketId bucket, std::string_view key,
                    const VersionRecord& version);
// Puts a delete marker over the key, as versioning that is enabled or suspended has it.
VersionRecord add_marker(Context& context, const BucketRecord& bucket, std::string_view key);

Result<Bytes> run(Context& context, const CreateAccount& command);
Result<Bytes> run(Context& context, const CreateAccessKey& command);
Result<Bytes> run(Context& context, const DeleteAccessKey& command);
Result<Bytes> run(Context& context, const CreateBucket& command);
Result<Bytes> run(Context& context, const DeleteBucket& command);
Result<Bytes> run(Context& context, const SetBucketConfig& command);
Result<Bytes> run(Context& context, const SetAttributes& command);
Result<Bytes> run(Context& context, const PutObject& command);
Result<Bytes> run(Context& context, const DeleteObject& command);
Result<Bytes> run(Context& context, const CopyObject& command);
Result<Bytes> run(Context& context, const CreateUpload& command);
Result<Bytes> run(Context& context, const PutPart& command);
Result<Bytes> run(Context& context, const CompleteUpload& command);
Result<Bytes> run(Context& context, const AbortUpload& command);
Result<Bytes> run(Context& context, const CommitSegments& command);
Result<Bytes> run(Context& context, const AddHolder& command);
Result<Bytes> run(Context& context, const LoseHolder& command);
Result<Bytes> run(Context& context, const RegisterNode& command);
Result<Bytes> run(Context& context, const SetNodeState& command);
Result<Bytes> run(Context& context, const ReserveGrant& command);
Result<Bytes> run(Context& context, const TrimFeed& command);
Result<Bytes> run(Context& context, const SetVersioning& command);
Result<Bytes> run(Context& context, const SetObjectLock& command);
Result<Bytes> run(Context& context, const PutTags& command);
Result<Bytes> run(Context& context, const PutRetention& command);
Result<Bytes> run(Context& context, const PutHold& command);
Result<Bytes> run(Context& context, const RecordAudits& command);
Result<Bytes> run(Context& context, const ScoreNodes& command);
Result<Bytes> run(Context& context, const ReinstateNode& command);
Result<Bytes> run(Context& context, const BeginGeneration& command);
Result<Bytes> run(Context& context, const ResumeDrops& command);
Result<Bytes> run(Context& context, const EnableFeatures& command);
Result<Bytes> run(Context& context, const RotateMetaKey& command);
Result<Bytes> run(Context& context, const AttachHolders& command);
GetScores::Reply answer_scores(const State& state);

// Frees an upload's parts, all that are left or a good number of them; the rest falls due in later
// blocks. Returns how many rows it freed.
std::size_t free_upload(Context& context, const UploadId& upload);

}  // namespace stratos::meta
