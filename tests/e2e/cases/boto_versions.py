"""boto3: versions, delete markers, object lock, tags, parts by number."""
import datetime

from harness import MIB, check, check_equal, pattern
from registry import case
from cases.boto_objects import body_of, expect_error


@case("boto3.versions")
def versions(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    sizes = (10, 200_000, MIB + 1)
    ids = [s3.put_object(Bucket=bucket, Key="a", Body=pattern(n, n))["VersionId"] for n in sizes]
    for size, version in zip(sizes, ids):
        got = s3.get_object(Bucket=bucket, Key="a", VersionId=version)
        check(body_of(got) == pattern(size, size), f"the version of {size} bytes comes back")
    marker = s3.delete_object(Bucket=bucket, Key="a")
    check(marker["DeleteMarker"], "a marker is made")
    expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="a")
    expect_error("MethodNotAllowed", 405, s3.get_object, Bucket=bucket, Key="a",
                 VersionId=marker["VersionId"])
    listed = s3.list_object_versions(Bucket=bucket)
    check_equal([v["VersionId"] for v in listed["Versions"]], ids[::-1], "newest first")
    check_equal(len(listed["DeleteMarkers"]), 1, "markers")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, MaxKeys=1)
    found = [v["VersionId"] for page in pages for v in page.get("Versions", [])]
    check_equal(found, ids[::-1], "the same in pages")
    s3.delete_object(Bucket=bucket, Key="a", VersionId=marker["VersionId"])
    check_equal(s3.head_object(Bucket=bucket, Key="a")["VersionId"], ids[2], "what is current again")
    s3.copy_object(Bucket=bucket, Key="a",
                   CopySource={"Bucket": bucket, "Key": "a", "VersionId": ids[0]})
    check(body_of(s3.get_object(Bucket=bucket, Key="a")) == pattern(10, 10), "an old one copied back")


@case("boto3.locks")
def locks(context):
    s3 = context.mesh.s3()
    bucket = context.bucket_name()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    version = s3.put_object(Bucket=bucket, Key="a", Body=b"x", ObjectLockMode="GOVERNANCE",
                            ObjectLockRetainUntilDate=until)["VersionId"]
    names = {"Bucket": bucket, "Key": "a", "VersionId": version}
    expect_error("AccessDenied", 403, s3.delete_object, **names)
    s3.put_object_legal_hold(Bucket=bucket, Key="a", LegalHold={"Status": "ON"})
    expect_error("AccessDenied", 403, s3.delete_object, **names, BypassGovernanceRetention=True)
    s3.put_object_legal_hold(Bucket=bucket, Key="a", LegalHold={"Status": "OFF"})
    s3.delete_object(**names, BypassGovernanceRetention=True)
    s3.delete_bucket(Bucket=bucket)


@case("boto3.tags")
def tags(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Tagging="colour=blue&empty=")
    wanted = [{"Key": "colour", "Value": "blue"}, {"Key": "empty", "Value": ""}]
    check_equal(s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"], wanted, "tags")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    check_equal(s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"], wanted, "tags of the copy")
    s3.delete_object_tagging(Bucket=bucket, Key="b")
    check_equal(s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"], [], "tags removed")


@case("boto3.parts-by-number")
def parts_by_number(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    sizes = {1: 5 * MIB, 2: 5 * MIB + 1, 5: 17}
    parts = []
    for number, size in sizes.items():
        tag = s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=number,
                             Body=pattern(number, size))["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload,
                                 MultipartUpload={"Parts": parts})
    for number, size in sizes.items():
        got = s3.get_object(Bucket=bucket, Key="a", PartNumber=number)
        check_equal(got["PartsCount"], 3, "number of parts")
        check(body_of(got) == pattern(number, size), f"part {number} comes back")
    told = s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["ObjectParts"])
    check_equal([p["Size"] for p in told["ObjectParts"]["Parts"]], list(sizes.values()), "sizes")
