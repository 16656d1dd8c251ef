// Every record that is stored or sent: what decodes has one encoding, which decodes to the same.
#include <array>

#include "base/assert.hpp"
#include "fuzz_target.hpp"
#include "meta/audit_commands.hpp"
#include "meta/node_orders.hpp"
#include "meta/notices.hpp"
#include "meta/queries.hpp"
#include "meta/service_meter.hpp"
#include "meta/settlement_wire.hpp"
#include "meta/wire.hpp"

using namespace stratos;
using namespace stratos::meta;

namespace {

template <class R>
void round_trip(ByteView bytes) {
  const auto record = codec::decode<R>(bytes);
  if (!record) return;
  const Bytes encoded = codec::encode(*record);
  STRATOS_ASSERT(encoded.size() <= bytes.size(), "an encoding is the shortest one");
  const auto again = codec::decode<R>(encoded);
  STRATOS_ASSERT(again.has_value(), "what was encoded decodes");
  STRATOS_ASSERT(codec::encode(*again) == encoded, "a record has one encoding");
}

template <class... R>
constexpr auto round_trips() {
  return std::array{&round_trip<R>...};
}

constexpr auto kRecords = round_trips<
    Params, AccountRecord, AccessKeyRecord, BucketRecord, SlicePage, ListRow, VersionRecord,
    SegmentRecord, UploadRecord, PartRecord, NodeRecord, NodeTable, GrantRecord, NodeLedger, Event,
    Receipt, Limit, SignedLimit, Order, Entry, ItemList, ItemResults, CreateAccount,
    CreateAccessKey, CreateBucket, DeleteBucket, CommitSegments, AddHolder, PutObject, DeleteObject,
    CopyObject, CreateUpload, PutPart, CompleteUpload, AbortUpload, RegisterNode, SetNodeState,
    ReserveGrant, TrimFeed, SubmitRequest, SubmitReply, QueryRequest, QueryReply, AllocateRequest,
    AllocateReply, LimitsRequest, LimitsReply, NodeStatusReply, RegisterRequest, RegisterReply,
    HeartbeatRequest, HeartbeatReply, FeedRequest, FeedReply, ConfirmRequest, ConfirmReply,
    InventoryRequest, InventoryReply, GetObject, GetObject::Reply, ListObjects, ListObjects::Reply,
    ListParts::Reply, ListUploads, ListUploads::Reply, GetNodes::Reply, GetHealth::Reply,
    HandInRequest, Split, HandInSplit, SettleOrders, SignReport, SettledNode, SessionShare,
    HandInConflict, value::VolumeReport, value::SignedReport, GetUsage, GetUsage::Reply,
    RecordAudits, ScoreNodes, ReinstateNode, NodeHistory, ContainedAudit, AuditRequest, AuditReply,
    ServiceReport, GetScores::Reply, SetBucketConfig, NoticeRules, Notice, NoticeQueue,
    NoticeTotals, TakeOffNotices, ListNotices, ListNotices::Reply>();

}  // namespace

// The first byte names the record's type.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  kRecords[data[0] % kRecords.size()](ByteView(data + 1, size - 1));
  return 0;
}
