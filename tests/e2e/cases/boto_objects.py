"""boto3 with its default checksums: objects, ranges, conditions, copies, listings, deletion."""
import datetime
import hashlib
import urllib.parse

from botocore.exceptions import ClientError

from harness import MIB, check, check_equal, pattern
from registry import case

UNIT = 65_520
# Around the borders of inline bodies, units, replicated copies and stripes.
SIZES = (0, 1, 1023, 4096, 4097, UNIT - 1, UNIT, UNIT + 1, 128 * 1024, 128 * 1024 + 1,
         4 * UNIT - 1, 4 * UNIT, 4 * UNIT + 1, MIB, 5 * MIB + 3)


def expect_error(code, status, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        check_equal(error.response["Error"]["Code"], code, f"error of {call.__name__}")
        check_equal(error.response["ResponseMetadata"]["HTTPStatusCode"], status, "its status")
        return error.response
    check(False, f"{call.__name__} should have failed with {code}")
    return None


def body_of(answer):
    return answer["Body"].read()


@case("boto3.sizes")
def sizes(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    for size in SIZES:
        data = pattern(size, size)
        put = s3.put_object(Bucket=bucket, Key=f"k{size}", Body=data)
        check_equal(put["ETag"], f'"{hashlib.md5(data).hexdigest()}"', f"ETag of {size} bytes")
    for size in SIZES:
        got = s3.get_object(Bucket=bucket, Key=f"k{size}")
        check_equal(got["ContentLength"], size, "length")
        check(body_of(got) == pattern(size, size), f"{size} bytes come back as they were")


@case("boto3.metadata")
def metadata(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x" * 5000, ContentType="text/x-odd; charset=utf-8",
                  CacheControl="max-age=5", ContentDisposition='attachment; filename="a.txt"',
                  ContentLanguage="de", Metadata={"colour": "blue", "empty": ""})
    for answer in (s3.head_object(Bucket=bucket, Key="a"), s3.get_object(Bucket=bucket, Key="a")):
        check_equal(answer["Metadata"], {"colour": "blue", "empty": ""}, "user metadata")
        check_equal(answer["ContentType"], "text/x-odd; charset=utf-8", "content type")
        check_equal(answer["CacheControl"], "max-age=5", "cache control")
        check_equal(answer["ContentDisposition"], 'attachment; filename="a.txt"', "disposition")
        check_equal(answer["ContentLanguage"], "de", "language")
        check_equal(answer["ContentLength"], 5000, "length")
        age = datetime.datetime.now(datetime.timezone.utc) - answer["LastModified"]
        check(abs(age.total_seconds()) < 60, f"LastModified is {age} ago")
    s3.put_object(Bucket=bucket, Key="a", Body=b"new")
    check_equal(s3.head_object(Bucket=bucket, Key="a")["Metadata"], {}, "metadata after overwriting")


@case("boto3.ranges")
def ranges(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    for size in (3000, 100_000, 3 * MIB + 17):
        key, data = f"k{size}", pattern(size, size)
        s3.put_object(Bucket=bucket, Key=key, Body=data)
        wanted = [(0, 0), (0, 999), (size - 1, size - 1), (size // 2, size // 2 + 1500), (17, size - 1)]
        wanted += [(at, at + 1) for at in (UNIT - 1, 4 * UNIT - 1) if at + 1 < size]
        for first, last in wanted:
            last = min(last, size - 1)
            got = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")
            check_equal(got["ResponseMetadata"]["HTTPStatusCode"], 206, "status of a range")
            check_equal(got["ContentRange"], f"bytes {first}-{last}/{size}", "Content-Range")
            check(body_of(got) == data[first:last + 1], f"range {first}-{last} of {size}")
        open_end = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes={size - 100}-")
        check(body_of(open_end) == data[-100:], "open range")
        suffix = s3.get_object(Bucket=bucket, Key=key, Range="bytes=-7")
        check(body_of(suffix) == data[-7:], "suffix range")
        beyond = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=5-{size + 1000}")
        check(body_of(beyond) == data[5:], "range that reaches beyond the end")
        expect_error("InvalidRange", 416, s3.get_object, Bucket=bucket, Key=key,
                     Range=f"bytes={size}-{size + 5}")


@case("boto3.conditions")
def conditions(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["ETag"]
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="a", IfMatch=etag)), b"one", "If-Match")
    expect_error("PreconditionFailed", 412, s3.get_object, Bucket=bucket, Key="a", IfMatch='"0"')
    expect_error("304", 304, s3.get_object, Bucket=bucket, Key="a", IfNoneMatch=etag)
    expect_error("304", 304, s3.head_object, Bucket=bucket, Key="a", IfNoneMatch=etag)
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="a", IfNoneMatch='"0"')), b"one", "body")
    expect_error("304", 304, s3.get_object, Bucket=bucket, Key="a", IfModifiedSince=now + hour)
    expect_error("PreconditionFailed", 412, s3.get_object, Bucket=bucket, Key="a",
                 IfUnmodifiedSince=now - hour)
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="a", IfModifiedSince=now - hour)), b"one",
                "modified since")


@case("boto3.conditional-writes")
def conditional_writes(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"one", IfNoneMatch="*")
    expect_error("PreconditionFailed", 412, s3.put_object, Bucket=bucket, Key="a", Body=b"two",
                 IfNoneMatch="*")
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="a")), b"one", "the first write stands")
    etag = s3.head_object(Bucket=bucket, Key="a")["ETag"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"three", IfMatch=etag)
    expect_error("PreconditionFailed", 412, s3.put_object, Bucket=bucket, Key="a", Body=b"four",
                 IfMatch=etag)
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="a")), b"three", "the last write stands")


@case("boto3.copy")
def copy(context):
    s3 = context.mesh.s3()
    source, target = context.new_bucket(s3), context.new_bucket(s3)
    for size in (100, 100_000, 3 * MIB):
        key, data = f"dir/ä +%{size}", pattern(size, size)
        s3.put_object(Bucket=source, Key=key, Body=data, Metadata={"a": "1"}, ContentType="x/y")
        s3.copy_object(Bucket=target, Key="kept", CopySource={"Bucket": source, "Key": key})
        kept = s3.get_object(Bucket=target, Key="kept")
        check(body_of(kept) == data, f"copy of {size} bytes")
        check_equal((kept["Metadata"], kept["ContentType"]), ({"a": "1"}, "x/y"), "copied metadata")
        s3.copy_object(Bucket=target, Key="new", CopySource={"Bucket": source, "Key": key},
                       MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="z/z")
        new = s3.head_object(Bucket=target, Key="new")
        check_equal((new["Metadata"], new["ContentType"]), ({"b": "2"}, "z/z"), "replaced metadata")
        # A copy shares nothing visible with its source.
        s3.delete_object(Bucket=source, Key=key)
        check(body_of(s3.get_object(Bucket=target, Key="kept")) == data, "copy outlives its source")
    expect_error("NoSuchKey", 404, s3.copy_object, Bucket=target, Key="x",
                 CopySource={"Bucket": source, "Key": "none"})


def _listing_keys(context):
    keys = [f"a/{i:04}" for i in range(context.size(120, 1500))]
    keys += [f"b/{i % 7}/{i}" for i in range(60)]
    return keys + ["c", "c+d e%20f", "c/ünï/😀", "z&<>'\"", "日本/語", "~", "a"]


@case("boto3.listings")
def listings(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    keys = _listing_keys(context)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    wanted = sorted(keys, key=lambda k: k.encode())
    for name in ("list_objects_v2", "list_objects"):
        pages = list(s3.get_paginator(name).paginate(Bucket=bucket, PaginationConfig={"PageSize": 37}))
        found = [row for page in pages for row in page.get("Contents", [])]
        check_equal([row["Key"] for row in found], wanted, f"{name}: keys in the order of their bytes")
        check(all(row["Size"] == len(row["Key"].encode()) for row in found), "sizes")
        check(all(len(page.get("Contents", [])) <= 37 for page in pages), "pages of at most 37")
        pages = s3.get_paginator(name).paginate(Bucket=bucket, Delimiter="/",
                                                PaginationConfig={"PageSize": 3})
        prefixes = [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])]
        check_equal(prefixes, ["a/", "b/", "c/", "日本/"], f"{name}: common prefixes")
        answer = getattr(s3, name)(Bucket=bucket, Prefix="b/", Delimiter="/")
        check_equal([p["Prefix"] for p in answer["CommonPrefixes"]],
                    [f"b/{i}/" for i in range(7)], f"{name}: prefixes below a prefix")
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="c", MaxKeys=2, FetchOwner=True)
    check_equal([r["Key"] for r in after["Contents"]], ["c+d e%20f", "c/ünï/😀"], "StartAfter")
    check("Owner" in after["Contents"][0] and after["IsTruncated"], "owner and truncation")
    check_equal(s3.list_objects_v2(Bucket=bucket, Prefix="none").get("KeyCount"), 0, "empty listing")
    first = s3.list_objects(Bucket=bucket, Marker="c", MaxKeys=1)
    check_equal(first["Contents"][0]["Key"], "c+d e%20f", "Marker")


@case("boto3.odd-keys")
def odd_keys(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    keys = ["/", "//", "a//b", "./a", "../a", "a/./b", " ", "  a  ", "a\tb", "a\nb", "%2F", "%", "+",
            "?x=1", "#x", "a;b", "k" * 1024, "ä" * 512, "=&", "\u0085", "\ufeffx", "trailing/", "a\\b"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in keys:
        got = s3.get_object(Bucket=bucket, Key=key)
        check_equal(body_of(got), key.encode(), f"body of {key!r:.40}")
    listed = s3.list_objects_v2(Bucket=bucket, EncodingType="url")
    found = [urllib.parse.unquote_plus(row["Key"]) for row in listed["Contents"]]
    check_equal(sorted(found), sorted(keys), "listed keys")
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    s3.delete_bucket(Bucket=bucket)
    expect_error("KeyTooLongError", 400, s3.put_object, Bucket=context.new_bucket(s3),
                 Key="k" * 1025, Body=b"")


@case("boto3.deletion")
def deletion(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"a/{i}<&>" for i in range(context.size(100, 1000))]
    for key in keys + ["kept"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    expect_error("BucketNotEmpty", 409, s3.delete_bucket, Bucket=bucket)
    asked = [{"Key": key} for key in keys[:-1]] + [{"Key": "never there"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": asked})
    check_equal(sorted(row["Key"] for row in answer["Deleted"]),
                sorted(row["Key"] for row in asked), "deleted keys")
    check(not answer.get("Errors"), "no errors")
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": keys[-1]}], "Quiet": True})
    check(not quiet.get("Deleted"), "a quiet deletion names nothing")
    check_equal([r["Key"] for r in s3.list_objects_v2(Bucket=bucket)["Contents"]], ["kept"], "rest")
    s3.delete_object(Bucket=bucket, Key="kept")
    s3.delete_object(Bucket=bucket, Key="kept")
    expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="kept")
    expect_error("404", 404, s3.head_object, Bucket=bucket, Key="kept")
    s3.delete_bucket(Bucket=bucket)
    expect_error("404", 404, s3.head_bucket, Bucket=bucket)


@case("boto3.overwrite-is-atomic")
def overwriting(context):
    """A reader meets the old or the new bytes, never a mixture."""
    import threading
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    versions = [pattern(i, 700_000) for i in range(context.size(12, 60))]
    digests = {hashlib.sha256(v).hexdigest() for v in versions}
    s3.put_object(Bucket=bucket, Key="a", Body=versions[0])
    done, wrong = threading.Event(), []

    def read():
        reader = context.mesh.s3()
        while not done.is_set():
            found = hashlib.sha256(body_of(reader.get_object(Bucket=bucket, Key="a"))).hexdigest()
            if found not in digests:
                wrong.append(found)
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for version in versions:
        s3.put_object(Bucket=bucket, Key="a", Body=version)
    done.set()
    for thread in readers:
        thread.join()
    check(not wrong, f"{len(wrong)} reads met bytes that nobody wrote")
    check(body_of(s3.get_object(Bucket=bucket, Key="a")) == versions[-1], "the last write is read")
