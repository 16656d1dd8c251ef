"""Start, stop, restart, the operator's endpoints and the program's own client commands."""
import json
import pathlib
import stat
import urllib.error
import urllib.request

from harness import poll, MIB, check, check_equal, pattern
from registry import case
from cases.boto_objects import body_of


def fetch(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@case("lifecycle.ready-line", needs=())
def ready_line(context):
    mesh = context.new_mesh("--accounts", "2")
    ready = mesh.ready
    for name in ("event", "s3", "accounts", "nodes", "console", "rpc"):
        check(name in ready, f"the line has no {name}")
    for name in ("endpoint", "region", "virtual_host"):
        check(ready["s3"].get(name), f"s3 has no {name}")
    check_equal(len(ready["nodes"]), 8, "nodes by default")
    check_equal(len({n["id"] for n in ready["nodes"]}), 8, "different ids")
    check_equal(len(ready["accounts"]), 2, "accounts")
    for account in ready["accounts"]:
        check(account["address"].startswith("0x") and len(account["address"]) == 42, "an address")
    check(all(pathlib.Path(n["dir"]).is_dir() for n in ready["nodes"]), "folders of the nodes")
    context.figure("ready", mesh.ready_seconds, "s")
    context.figure("stop", mesh.stop(), "s")
    rest = mesh.process.stdout.read()
    check_equal(rest, b"", "nothing else on stdout")


@case("lifecycle.endpoints", needs=())
def endpoints(context):
    base = context.mesh.operations_endpoint
    check_equal(fetch(f"{base}/livez")[0], 200, "/livez")
    status, text = fetch(f"{base}/readyz")
    check_equal((status, json.loads(text)["reasons"]), (200, []), "/readyz")
    status, text = fetch(f"{base}/metrics")
    check_equal(status, 200, "/metrics")
    check("# TYPE stratos_" in text, f"metrics in Prometheus' form: {text[:200]}")


@case("lifecycle.logs", needs=("boto3",))
def logs(context):
    """One JSON object a line, and no secret anywhere on disk that others could read."""
    mesh = context.new_mesh()
    bucket = context.new_bucket(mesh.s3())
    mesh.s3().put_object(Bucket=bucket, Key="a", Body=b"x")
    secret = mesh.account().secret_key
    mesh.stop()
    text = mesh.log_path.read_text()
    for line in text.splitlines():
        check("event" in json.loads(line), f"a line without event: {line}")
    check(secret not in text, "the secret key is in the log")
    for path in mesh.folder.rglob("*"):
        if path.is_file() and secret.encode() in path.read_bytes():
            mode = stat.S_IMODE(path.stat().st_mode)
            check_equal(oct(mode), "0o600", f"mode of {path.name}, which holds a secret")


@case("lifecycle.restart")
def restart(context):
    """The same folder: the same accounts, nodes and data."""
    mesh = context.new_mesh()
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    sizes = (0, 100, 5000, 100_000, 200_000, 3 * MIB)
    for size in sizes:
        s3.put_object(Bucket=bucket, Key=str(size), Body=pattern(size, size), Metadata={"s": str(size)})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"first")
    before = mesh.ready
    mesh.restart()
    check_equal(mesh.ready["accounts"], before["accounts"], "accounts")
    check_equal([n["id"] for n in mesh.ready["nodes"]], [n["id"] for n in before["nodes"]], "nodes")
    s3 = mesh.s3()
    for size in sizes:
        got = s3.get_object(Bucket=bucket, Key=str(size))
        check(body_of(got) == pattern(size, size), f"{size} bytes after the restart")
        check_equal(got["Metadata"], {"s": str(size)}, "metadata")
    s3.complete_multipart_upload(
        Bucket=bucket, Key="parts", UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    check_equal(body_of(s3.get_object(Bucket=bucket, Key="parts")), b"first", "an upload that waited")
    context.figure("ready again", mesh.ready_seconds, "s")


@case("lifecycle.reset")
def reset(context):
    mesh = context.new_mesh()
    bucket = context.new_bucket(mesh.s3())
    mesh.stop()
    mesh.arguments.append("--reset")
    mesh.start()
    names = [b["Name"] for b in mesh.s3().list_buckets()["Buckets"]]
    check(bucket not in names, "--reset begins anew")


@case("lifecycle.locked-folder", needs=())
def locked_folder(context):
    """A second mesh on one folder is refused, and the first is not disturbed."""
    mesh = context.new_mesh()
    second = mesh.stratos("dev", "--dir", mesh.folder, "--s3", "127.0.0.1:0", "--json", ok=None,
                          seconds=30)
    check(second.returncode != 0, "the second start should fail")
    check_equal(second.stdout, b"", "no ready line from it")
    check_equal(fetch(f"{mesh.operations_endpoint}/readyz")[0], 200, "the first still serves")


@case("lifecycle.nodes-and-health", needs=("boto3",))
def nodes_and_health(context):
    mesh = context.new_mesh("--nodes", "7", "--profile", "4+2")
    bucket = context.new_bucket(mesh.s3())
    mesh.s3().put_object(Bucket=bucket, Key="a", Body=pattern(1, 2 * MIB))
    mesh.wait_until_full()
    health = mesh.health()
    for name in ("segments", "at_full", "by_margin", "repair_queue", "unrepairable", "lost"):
        check(name in health, f"meta health has no {name}")
    check(health["segments"] >= 1, "the segment is counted")
    nodes = mesh.stratos_json("nodes")
    check_equal(len(nodes), 7, "nodes")
    check_equal({n["state"] for n in nodes}, {"up"}, "their states")
    # Nodes say what they hold with their heartbeats.
    poll(lambda: sum(n["used_bytes"] for n in mesh.stratos_json("nodes")) >= 3 * MIB,
         "2 MiB in 4+2 use at least 3 MiB")
    for node in nodes:
        check(node["free_bytes"] > 0 and node["trash_bytes"] >= 0, "its space")
    check_equal({n["id"] for n in nodes}, {n["id"] for n in mesh.ready["nodes"]}, "their ids")
