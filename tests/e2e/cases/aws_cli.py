"""The AWS command line: the one of Debian, and a new one whose checksums are on by default."""
import base64
import hashlib
import json
import time
import zlib

from harness import MIB, check, check_equal, pattern, run, tree_of, write_tree
from registry import case


class Aws:
    def __init__(self, context, client):
        account = context.mesh.account()
        config = context.home / "aws"
        # Version 1 presigns with the old signature unless told; version 2 knows only the new one.
        config.write_text("[default]\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n")
        self.program = context.clients[client]
        self.endpoint = context.mesh.endpoint
        self.env = {**context.env, "AWS_CONFIG_FILE": str(config), "AWS_PAGER": "",
                    "AWS_SHARED_CREDENTIALS_FILE": str(context.home / "none"),
                    "AWS_ACCESS_KEY_ID": account.access_key,
                    "AWS_SECRET_ACCESS_KEY": account.secret_key,
                    "AWS_DEFAULT_REGION": context.mesh.region,
                    "AWS_EC2_METADATA_DISABLED": "true"}

    def __call__(self, *arguments, **options):
        return run([self.program, "--endpoint-url", self.endpoint, *arguments], env=self.env,
                   **options).stdout.decode()

    def api(self, *arguments):
        return json.loads(self("s3api", *arguments, "--output", "json") or "{}")


def files_case(context, client):
    aws = Aws(context, client)
    bucket = context.bucket_name()
    aws("s3", "mb", f"s3://{bucket}")
    big = context.folder / "big"
    big.write_bytes(pattern(1, 20 * MIB))
    aws("s3", "cp", big, f"s3://{bucket}/dir/big", "--no-progress")
    aws("s3", "cp", f"s3://{bucket}/dir/big", context.folder / "back", "--no-progress")
    check((context.folder / "back").read_bytes() == big.read_bytes(), "20 MiB up and down")
    listing = aws("s3", "ls", f"s3://{bucket}", "--recursive")
    check(f"{20 * MIB} dir/big" in listing, f"the listing shows size and key: {listing}")
    check(bucket in aws("s3", "ls"), "the list of buckets shows the bucket")
    streamed = run([aws.program, "--endpoint-url", aws.endpoint, "s3", "cp", "-",
                    f"s3://{bucket}/stream"], env=aws.env, stdin=pattern(2, 3 * MIB))
    check_equal(streamed.returncode, 0, "upload from a pipe")
    aws("s3", "cp", f"s3://{bucket}/stream", f"s3://{bucket}/copy")
    aws("s3", "mv", f"s3://{bucket}/copy", f"s3://{bucket}/moved")
    run([aws.program, "--endpoint-url", aws.endpoint, "s3", "cp", f"s3://{bucket}/none",
         context.folder / "none"], env=aws.env, ok=(1,))
    aws("s3", "rb", f"s3://{bucket}", "--force")
    check(bucket not in aws("s3", "ls"), "the bucket is gone")


def sync_case(context, client):
    aws = Aws(context, client)
    bucket = context.bucket_name()
    aws("s3", "mb", f"s3://{bucket}")
    source, back = context.folder / "source", context.folder / "back"
    write_tree(source, {f"d{i % 5}/ä {i}+.bin": pattern(i, i * 997) for i in range(40)})
    write_tree(source, {"empty": b"", "one": b"1"})
    started = time.monotonic()
    aws("s3", "sync", source, f"s3://{bucket}/tree", "--no-progress")
    check(time.monotonic() - started < 30, "no request waited for its timeout")
    aws("s3", "sync", f"s3://{bucket}/tree", back, "--no-progress")
    check_equal(tree_of(back), tree_of(source), "the tree that came back")
    check_equal(aws("s3", "sync", source, f"s3://{bucket}/tree", "--no-progress").strip(), "",
                "a second sync has nothing to do")
    (source / "one").unlink()
    write_tree(source, {"two": b"22"})
    aws("s3", "sync", source, f"s3://{bucket}/tree", "--delete", "--no-progress")
    keys = {r["Key"] for r in aws.api("list-objects-v2", "--bucket", bucket)["Contents"]}
    check_equal(keys, {f"tree/{name}" for name in tree_of(source)}, "keys after sync --delete")
    aws("s3", "rm", f"s3://{bucket}", "--recursive")
    aws("s3", "rb", f"s3://{bucket}")


def presign_case(context, client):
    aws = Aws(context, client)
    bucket = context.new_bucket()
    data = pattern(3, 100_000)
    (context.folder / "f").write_bytes(data)
    aws("s3", "cp", context.folder / "f", f"s3://{bucket}/a b+c", "--no-progress")
    url = aws("s3", "presign", f"s3://{bucket}/a b+c", "--expires-in", "60").strip()
    curl = [context.clients["curl"], "-sS", "--fail", "--noproxy", "*"]
    check(run([*curl, url], env=context.env).stdout == data, "curl on a presigned address")
    part = run([*curl, "-r", "10-19", url], env=context.env).stdout
    check_equal(part, data[10:20], "a range of it")
    run([*curl, url + "0"], env=context.env, ok=(22,))


def api_case(context, client):
    aws = Aws(context, client)
    bucket = context.new_bucket()
    data = pattern(4, 70_000)
    path = context.folder / "f"
    path.write_bytes(data)
    wanted = {"CRC32": base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode(),
              "SHA1": base64.b64encode(hashlib.sha1(data).digest()).decode(),
              "SHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()}
    for algorithm, value in wanted.items():
        names = ("--bucket", bucket, "--key", algorithm)
        put = aws.api("put-object", *names, "--body", path, "--checksum-algorithm", algorithm)
        check_equal(put.get(f"Checksum{algorithm}"), value, f"{algorithm} of put-object")
        head = aws.api("head-object", *names, "--checksum-mode", "ENABLED")
        check_equal(head.get(f"Checksum{algorithm}"), value, f"{algorithm} of head-object")
        aws.api("get-object", *names, "--checksum-mode", "ENABLED", context.folder / "back")
        check((context.folder / "back").read_bytes() == data, "body")
    failed = run([aws.program, "--endpoint-url", aws.endpoint, "s3api", "put-object", "--bucket",
                  bucket, "--key", "wrong", "--body", path, "--content-md5",
                  base64.b64encode(hashlib.md5(b"other").digest()).decode()],
                 env=aws.env, ok=(254, 255))
    check("BadDigest" in failed.stderr, f"a wrong MD5 is refused: {failed.stderr}")


for _client in ("aws", "aws-new"):
    for _name, _body in (("files", files_case), ("sync", sync_case), ("presign", presign_case),
                         ("api", api_case)):
        case(f"{_client}.{_name}", needs=(_client, "boto3", "curl"))(
            lambda context, body=_body, client=_client: body(context, client))
