"""Who may do what, and how refusals look."""
import json
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from harness import Account, check, check_equal, poll
from registry import case
from cases.boto_objects import body_of, expect_error

# What S3 offers and this gateway does not: each must say so, none may pretend.
NOT_IMPLEMENTED = (
    ("list_bucket_inventory_configurations", {}), ("list_bucket_analytics_configurations", {}),
    ("put_bucket_logging", {"BucketLoggingStatus": {}}),
    ("put_bucket_request_payment", {"RequestPaymentConfiguration": {"Payer": "Requester"}}),
    ("get_object_torrent", {"Key": "a"}),
)


@case("access.errors")
def errors(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    expect_error("NoSuchBucket", 404, s3.list_objects_v2, Bucket=context.bucket_name())
    expect_error("NoSuchBucket", 404, s3.put_object, Bucket=context.bucket_name(), Key="a", Body=b"")
    answer = expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="none")
    check(answer["ResponseMetadata"].get("RequestId"), "an error carries a request id")
    check_equal(answer["Error"].get("Key"), "none", "the key in the error")
    expect_error("BucketAlreadyOwnedByYou", 409, s3.create_bucket, Bucket=bucket)
    names = {b["Name"] for b in s3.list_buckets()["Buckets"]}
    check(bucket in names, "the bucket is listed")


@case("access.bad-bucket-names")
def bad_bucket_names(context):
    loose = context.mesh.s3()
    loose.meta.events.unregister("before-parameter-build.s3", _name_check(loose))
    for name in ("ab", "Upper-Case", "under_score", "a..b", "192.168.1.1", "-a-b-", "x" * 64):
        expect_error("InvalidBucketName", 400, loose.create_bucket, Bucket=name)


def _name_check(_client):
    from botocore.handlers import validate_bucket_name
    return validate_bucket_name


@case("access.keys")
def keys(context):
    mesh = context.mesh
    owner = mesh.account()
    bucket = context.new_bucket()
    wrong_secret = mesh.s3(Account("x", owner.access_key, "w" * 40))
    expect_error("SignatureDoesNotMatch", 403, wrong_secret.list_objects_v2, Bucket=bucket)
    unknown = mesh.s3(Account("x", "AKIAUNKNOWNUNKNOWN00", "w" * 40))
    expect_error("InvalidAccessKeyId", 403, unknown.list_objects_v2, Bucket=bucket)
    status = _status(f"{mesh.endpoint}/{bucket}/a")
    check_equal(status, 403, "a request without signature")


@case("access.accounts")
def accounts(context):
    """What one account owns another neither sees nor changes."""
    mine, other = context.mesh.s3(), context.mesh.s3(context.mesh.account(1))
    bucket = context.new_bucket(mine)
    mine.put_object(Bucket=bucket, Key="a", Body=b"mine")
    for call, more in ((other.list_objects_v2, {}), (other.get_object, {"Key": "a"}),
                       (other.put_object, {"Key": "b", "Body": b""}),
                       (other.delete_object, {"Key": "a"}), (other.delete_bucket, {})):
        expect_error("AccessDenied", 403, call, Bucket=bucket, **more)
    expect_error("BucketAlreadyExists", 409, other.create_bucket, Bucket=bucket)
    check(bucket not in {b["Name"] for b in other.list_buckets()["Buckets"]}, "not listed")
    own = context.new_bucket(other)
    expect_error("AccessDenied", 403, other.copy_object, Bucket=own, Key="x",
                 CopySource={"Bucket": bucket, "Key": "a"})
    check_equal(body_of(mine.get_object(Bucket=bucket, Key="a")), b"mine", "untouched")


def _status(url, method="GET", data=None, headers=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@case("access.presigned")
def presigned(context):
    s3 = context.mesh.s3(signature_version="s3v4")
    bucket = context.new_bucket(s3)
    names = {"Bucket": bucket, "Key": "a b/ü+"}
    put = s3.generate_presigned_url("put_object", names, ExpiresIn=60)
    check_equal(_status(put, "PUT", b"hello"), 200, "presigned PUT")
    get = s3.generate_presigned_url("get_object", names, ExpiresIn=60)
    check_equal(_status(get), 200, "presigned GET")
    check_equal(_status(get, "DELETE"), 403, "another method than signed")
    check_equal(_status(get.replace("a%20b", "a%20c")), 403, "another key than signed")
    check_equal(_status(get[:-4] + "0000"), 403, "another signature")
    soon = s3.generate_presigned_url("get_object", names, ExpiresIn=1)
    poll(lambda: _status(soon) == 403, "an expired address is refused", seconds=10, every=0.3)


@case("access.not-implemented")
def not_implemented(context):
    s3 = context.mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    for name, arguments in NOT_IMPLEMENTED:
        expect_error("NotImplemented", 501, getattr(s3, name), Bucket=bucket, **arguments)


@case("access.shared")
def shared(context):
    """Lists and policies let others in, and only so far."""
    mesh = context.mesh
    mine, other = mesh.s3(), mesh.s3(mesh.account(1))
    bucket = context.new_bucket(mine)
    mine.put_object(Bucket=bucket, Key="open", Body=b"open", ACL="public-read")
    mine.put_object(Bucket=bucket, Key="shut", Body=b"shut")
    address = f"{mesh.endpoint}/{bucket}"
    check_equal(_status(f"{address}/open"), 200, "a public object")
    check_equal(_status(f"{address}/shut"), 403, "a private object")
    mine.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket",
                       "Resource": f"arn:aws:s3:::{bucket}"}]}))
    poll(lambda: _status(address) == 200, "a policy opens the bucket", seconds=10, every=0.3)
    check_equal(len(other.list_objects_v2(Bucket=bucket)["Contents"]), 2, "listed by another")
    expect_error("AccessDenied", 403, other.get_object, Bucket=bucket, Key="shut")
    mine.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True})
    poll(lambda: _status(address) == 403, "and a block shuts it", seconds=10, every=0.3)
    check_equal(_status(f"{address}/open"), 403, "an ignored list")
    expect_error("MalformedPolicy", 400, mine.put_bucket_policy, Bucket=bucket, Policy="{}")


@contextmanager
def _names_lead_home(suffix):
    """Names below `suffix` resolve to this machine, as a wildcard DNS entry would do it."""
    original = socket.getaddrinfo

    def lookup(host, *arguments, **options):
        name = host.decode() if isinstance(host, bytes) else host
        return original("127.0.0.1" if name.endswith(suffix) else host, *arguments, **options)
    socket.getaddrinfo = lookup
    try:
        yield
    finally:
        socket.getaddrinfo = original


@case("access.virtual-host")
def virtual_host(context):
    """Buckets as host names: what SDKs do when the endpoint is a name."""
    mesh = context.mesh
    name = str(mesh.ready["s3"]["virtual_host"] or "")
    check(name, "the ready line names no domain for buckets")
    domain = urlsplit(name if "://" in name else f"http://{name}").hostname.lstrip("*.")
    port = urlsplit(mesh.endpoint).port
    with _names_lead_home(domain):
        s3 = boto3.client("s3", endpoint_url=f"http://{domain}:{port}", region_name=mesh.region,
                          aws_access_key_id=mesh.account().access_key,
                          aws_secret_access_key=mesh.account().secret_key,
                          config=Config(s3={"addressing_style": "virtual"}, proxies={}))
        bucket = context.new_bucket(s3)
        s3.put_object(Bucket=bucket, Key="a/b", Body=b"by name")
        check_equal(body_of(s3.get_object(Bucket=bucket, Key="a/b")), b"by name", "by host name")
        check_equal(s3.list_objects_v2(Bucket=bucket)["KeyCount"], 1, "listing by host name")
    check_equal(body_of(mesh.s3().get_object(Bucket=bucket, Key="a/b")), b"by name", "by path")
