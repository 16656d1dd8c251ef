"""boto3: multipart uploads, managed transfers and checksums."""
import base64
import hashlib
import io
import zlib

from harness import MIB, check, check_equal, pattern
from registry import case
from cases.boto_objects import body_of, expect_error

PART = 5 * MIB


def multipart_etag(parts):
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


def crc64nvme(data):
    """Bit by bit, by the definition; only for small inputs."""
    value = 0xFFFFFFFFFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    return value ^ 0xFFFFFFFFFFFFFFFF


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def encoded(number, size):
    return base64.b64encode(number.to_bytes(size, "big")).decode()


def checksums_of(data):
    """Each algorithm's value, from a source that is not the program's own."""
    return {
        "CRC32": encoded(zlib.crc32(data), 4),
        "CRC32C": encoded(crc32c(data), 4),
        "CRC64NVME": encoded(crc64nvme(data), 8),
        "SHA1": base64.b64encode(hashlib.sha1(data).digest()).decode(),
        "SHA256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
    }


@case("boto3.multipart")
def multipart(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    parts = [pattern(1, PART), pattern(2, PART + 17), pattern(3, 1000)]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a/ü", ContentType="x/y",
                                        Metadata={"k": "v"})["UploadId"]
    names = {"Bucket": bucket, "Key": "a/ü", "UploadId": upload}
    etags = {}
    s3.upload_part(**names, PartNumber=2, Body=b"will be replaced")
    for number in (3, 1, 2):
        etags[number] = s3.upload_part(**names, PartNumber=number, Body=parts[number - 1])["ETag"]
    listed = s3.list_parts(**names)["Parts"]
    check_equal([(p["PartNumber"], p["Size"], p["ETag"]) for p in listed],
                [(n, len(parts[n - 1]), etags[n]) for n in (1, 2, 3)], "parts")
    page = s3.list_parts(**names, MaxParts=1, PartNumberMarker=1)
    check_equal([p["PartNumber"] for p in page["Parts"]], [2], "a page of parts")
    expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="a/ü")
    uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    check_equal([(u["Key"], u["UploadId"]) for u in uploads], [("a/ü", upload)], "uploads")
    chosen = [{"PartNumber": n, "ETag": etags[n]} for n in (1, 2, 3)]
    done = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": chosen})
    check_equal(done["ETag"], multipart_etag(parts), "ETag of the whole")
    got = s3.get_object(Bucket=bucket, Key="a/ü")
    check(body_of(got) == b"".join(parts), "the parts in their order")
    check_equal((got["ContentType"], got["Metadata"]), ("x/y", {"k": "v"}), "metadata")
    border = s3.get_object(Bucket=bucket, Key="a/ü", Range=f"bytes={PART - 10}-{PART + 9}")
    check(body_of(border) == parts[0][-10:] + parts[1][:10], "a range over the border of two parts")
    check_equal(s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []), [], "no upload left")


@case("boto3.multipart-errors")
def multipart_errors(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    names = {"Bucket": bucket, "Key": "a", "UploadId": upload}
    etags = [s3.upload_part(**names, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]

    def complete(*pairs, **changed):
        parts = [{"PartNumber": n, "ETag": e} for n, e in pairs]
        return expect_error(changed["code"], changed["status"], s3.complete_multipart_upload,
                            **names, MultipartUpload={"Parts": parts})
    complete((1, etags[0]), (2, etags[1]), code="EntityTooSmall", status=400)
    complete((1, '"00000000000000000000000000000000"'), code="InvalidPart", status=400)
    complete((2, etags[1]), (1, etags[0]), code="InvalidPartOrder", status=400)
    complete((7, etags[0]), code="InvalidPart", status=400)
    expect_error("InvalidArgument", 400, s3.upload_part, **names, PartNumber=10001, Body=b"")
    s3.abort_multipart_upload(**names)
    expect_error("NoSuchUpload", 404, s3.upload_part, **names, PartNumber=1, Body=b"x")
    expect_error("NoSuchUpload", 404, s3.list_parts, **names)
    expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="a")


@case("boto3.part-copy")
def part_copy(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    data = pattern(5, 12 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=data)
    names = {"Bucket": bucket, "Key": "target",
             "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="target")["UploadId"]}
    ranges = [(1, 6 * MIB), (3 * MIB + 5, 11 * MIB)]
    parts = []
    for number, (first, last) in enumerate(ranges, 1):
        answer = s3.upload_part_copy(**names, PartNumber=number, CopySourceRange=f"bytes={first}-{last}",
                                     CopySource={"Bucket": bucket, "Key": "source"})
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**names, MultipartUpload={"Parts": parts})
    s3.delete_object(Bucket=bucket, Key="source")
    wanted = b"".join(data[first:last + 1] for first, last in ranges)
    check(body_of(s3.get_object(Bucket=bucket, Key="target")) == wanted, "copied ranges")


@case("boto3.managed-transfer")
def managed_transfer(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    for size in (20 * MIB, 9 * MIB + 1):
        data = pattern(size, size)
        s3.upload_fileobj(io.BytesIO(data), bucket, "k", ExtraArgs={"Metadata": {"size": str(size)}})
        sink = io.BytesIO()
        s3.download_fileobj(bucket, "k", sink)
        check(sink.getvalue() == data, f"{size} bytes by parts and back by ranges")
        check_equal(s3.head_object(Bucket=bucket, Key="k")["Metadata"], {"size": str(size)}, "metadata")


@case("boto3.checksums")
def checksums(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    data = pattern(9, 9000)
    check_equal(encoded(crc64nvme(b"123456789"), 8), encoded(0xAE8B14860A799888, 8), "CRC64NVME")
    wanted = checksums_of(data)
    for algorithm, value in wanted.items():
        field = f"Checksum{algorithm}"
        s3.put_object(Bucket=bucket, Key=algorithm, Body=data, **{field: value})
        head = s3.head_object(Bucket=bucket, Key=algorithm, ChecksumMode="ENABLED")
        check_equal(head.get(field), value, f"{field} that was stored")
        wrong = checksums_of(b"other")[algorithm]
        expect_error("BadDigest", 400, s3.put_object, Bucket=bucket, Key="wrong", Body=data,
                     **{field: wrong})
    expect_error("404", 404, s3.head_object, Bucket=bucket, Key="wrong")
    default = s3.put_object(Bucket=bucket, Key="default", Body=data)
    check_equal(default.get("ChecksumCRC32"), wanted["CRC32"], "the client's default checksum")
    got = s3.get_object(Bucket=bucket, Key="default", ChecksumMode="ENABLED")
    check(body_of(got) == data, "boto3 verified the body")
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    expect_error("BadDigest", 400, s3.put_object, Bucket=bucket, Key="wrong", Body=data,
                 ContentMD5=md5)
    expect_error("InvalidDigest", 400, s3.put_object, Bucket=bucket, Key="wrong", Body=data,
                 ContentMD5="no base64 of 16 bytes")


@case("boto3.part-checksums")
def part_checksums(context):
    """A multipart upload whose parts carry SHA-256, completed with the list of them."""
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    parts = [pattern(1, PART), pattern(2, 1000)]
    names = {"Bucket": bucket, "Key": "a"}
    names["UploadId"] = s3.create_multipart_upload(**names, ChecksumAlgorithm="SHA256")["UploadId"]
    rows = []
    for number, part in enumerate(parts, 1):
        digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
        answer = s3.upload_part(**names, PartNumber=number, Body=part, ChecksumSHA256=digest)
        check_equal(answer.get("ChecksumSHA256"), digest, "checksum of the part")
        rows.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": digest})
    done = s3.complete_multipart_upload(**names, MultipartUpload={"Parts": rows})
    joined = hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts)).digest()
    check_equal(done.get("ChecksumSHA256"), base64.b64encode(joined).decode() + "-2",
                "checksum of the whole")
