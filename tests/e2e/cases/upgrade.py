"""Data of earlier releases, features that are switched on, keys of the meta node that change."""
import hashlib
import json
import pathlib
import shutil
import tarfile

from botocore.exceptions import ClientError

from harness import check, check_equal, pattern
from registry import case
from cases.boto_objects import body_of
from cases.faults import read_all, store

FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures"
MANIFEST = "manifest.json"
UNSUPPORTED = 1
CONFLICT = 6


def sha256(body):
    return hashlib.sha256(body).hexdigest()


def customer_key(seed):
    return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": pattern(seed, 32)}


def fill(s3):
    """Something of everything that a release stores; what is to be found again, as JSON."""
    rows = []

    def put(bucket, key, size, secret=None, **how):
        body = pattern(f"{bucket}/{key}/{size}", size)
        options = customer_key(secret) if secret else {}
        answer = s3.put_object(Bucket=bucket, Key=key, Body=body, **options, **how)
        rows.append({"bucket": bucket, "key": key, "sha256": sha256(body), "size": size,
                     "version": answer.get("VersionId"), "secret": secret,
                     "metadata": how.get("Metadata", {}), "tags": how.get("Tagging", "")})

    s3.create_bucket(Bucket="plain")
    put("plain", "empty", 0)
    put("plain", "inline", 700, Metadata={"color": "blue"}, ContentType="text/plain")
    put("plain", "replicated", 20_000, Tagging="kind=replicated&odd=a%20b")
    put("plain", "coded", 200_000)
    put("plain", "odd \u00e4\u4e16/&+%41", 1_000)
    put("plain", "secret", 900, secret="fixture")
    put("plain", "removed", 30_000)
    s3.delete_object(Bucket="plain", Key="removed")
    rows.pop()
    upload = s3.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    body = pattern("parts", 25_000)
    part = s3.upload_part(Bucket="plain", Key="parts", UploadId=upload, PartNumber=1, Body=body)
    s3.complete_multipart_upload(
        Bucket="plain", Key="parts", UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    rows.append({"bucket": "plain", "key": "parts", "sha256": sha256(body), "size": len(body),
                 "version": None, "secret": None, "metadata": {}, "tags": ""})
    s3.put_bucket_cors(Bucket="plain", CORSConfiguration={"CORSRules": [
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.org"]}]})
    s3.put_bucket_policy(Bucket="plain", Policy=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
                                                "Action": "s3:GetObject",
                                                "Resource": "arn:aws:s3:::plain/inline"}]}))
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    for size in (100, 15_000, 40):
        put("locked", "versions", size)
    put("locked", "held", 500)
    s3.put_object_legal_hold(Bucket="locked", Key="held", LegalHold={"Status": "ON"})
    s3.delete_object(Bucket="locked", Key="versions")
    return rows


def verify(s3, rows, when):
    for row in rows:
        options = customer_key(row["secret"]) if row["secret"] else {}
        if row["version"]:
            options["VersionId"] = row["version"]
        what = f"{row['bucket']}/{row['key']} {when}"
        answer = s3.get_object(Bucket=row["bucket"], Key=row["key"], **options)
        check_equal(sha256(body_of(answer)), row["sha256"], what)
        check_equal(answer["Metadata"], row["metadata"], f"metadata of {what}")
        if row["tags"]:
            tags = s3.get_object_tagging(Bucket=row["bucket"], Key=row["key"])["TagSet"]
            check_equal(len(tags), row["tags"].count("="), f"tags of {what}")
    listed = [o["Key"] for o in s3.list_objects_v2(Bucket="plain")["Contents"]]
    check_equal(listed, sorted({r["key"] for r in rows if r["bucket"] == "plain"}), f"listing {when}")
    versions = s3.list_object_versions(Bucket="locked")
    check_equal((len(versions["Versions"]), len(versions["DeleteMarkers"])), (4, 1), f"versions {when}")
    check_equal(s3.get_object_legal_hold(Bucket="locked", Key="held")["LegalHold"]["Status"], "ON",
                f"hold {when}")
    check("CORSRules" in s3.get_bucket_cors(Bucket="plain"), f"cross-origin rules {when}")
    check("inline" in s3.get_bucket_policy(Bucket="plain")["Policy"], f"policy {when}")


def refused_removal(s3, row):
    try:
        s3.delete_object(Bucket=row["bucket"], Key=row["key"], VersionId=row["version"])
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDenied"
    return False


@case("upgrade.fixtures")
def fixtures(context):
    """Meshes that earlier releases stored open, hold what they held, and take new features."""
    archives = sorted(FIXTURES.glob("*.tar.gz"))
    check(archives, f"no fixtures in {FIXTURES}")
    for archive in archives:
        folder = context.folder / archive.name.removesuffix(".tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        rows = json.loads((folder / MANIFEST).read_text())["objects"]
        mesh = context.unstarted_mesh(folder=f"{folder.name}/mesh")
        found = mesh.stratos_json("upgrade", "--check")
        check(all(part["readable"] for part in found["parts"]), found["parts"])
        check_equal(sum(p["part"].startswith("node ") for p in found["parts"]), 6, "nodes looked at")
        mesh.start()
        verify(mesh.s3(), rows, f"of {archive.name}")
        held = next(row for row in rows if row["key"] == "held")
        check(refused_removal(mesh.s3(), held), "an object under a hold was removed")
        off = mesh.stratos_json("upgrade", "--check")["features_off"]
        check_equal(mesh.stratos_json("upgrade", "--apply")["switched_on"], off, "features switched on")
        check_equal(mesh.stratos_json("upgrade", "--check")["features_off"], [], "features still off")
        check_equal(mesh.stratos_json("upgrade", "--apply")["switched_on"], [], "done again")
        bucket = context.new_bucket(mesh.s3())
        store(mesh.s3(), bucket, ["later-1", "later-2"])
        mesh.restart()
        verify(mesh.s3(), rows, f"of {archive.name} after another start")
        read_all(mesh.s3(), bucket, ["later-1", "later-2"], "written after the upgrade")
        check_equal(mesh.health()["lost"], 0, "lost segments")
        mesh.stop()


@case("upgrade.refuses-unknown")
def refuses_unknown(context):
    """What a later release has stored is refused with its name, and left as it is."""
    mesh = context.new_mesh("--nodes", "6")
    bucket = context.new_bucket(mesh.s3())
    store(mesh.s3(), bucket, ["k-1"])
    running = mesh.stratos_json("upgrade", "--check")
    check(all(part["readable"] for part in running["parts"]), running["parts"])
    check_equal((running["features_off"], running["nodes_of_other_releases"]), ([], []), "a new mesh")
    mesh.stop()
    marks = sorted((mesh.folder / "nodes").glob("*/FORMAT"))
    now = marks[2].read_bytes()
    marks[2].write_bytes(b"stratos node 9\n")
    refused = mesh.stratos("upgrade", "--check", "--json", ok=(UNSUPPORTED,))
    parts = json.loads(refused.stdout)["parts"]
    check_equal([p["readable"] for p in parts].count(False), 1, "parts that are refused")
    check("stratos node 9" in next(p for p in parts if not p["readable"])["problem"], parts)
    mesh.stratos("dev", "--dir", str(mesh.folder), "--s3", "127.0.0.1:0", ok=(UNSUPPORTED,), seconds=60)
    marks[2].write_bytes(now)
    mesh.start()
    read_all(mesh.s3(), bucket, ["k-1"], "after the refusal")


@case("keys.rotate-meta")
def rotate_meta(context):
    """The meta node takes another key; an older backup is restored with it."""
    backup = context.folder / "backup"
    mesh = context.new_mesh("--nodes", "6", "--backup", str(backup))
    bucket = context.new_bucket(mesh.s3())
    store(mesh.s3(), bucket, ["k-1", "k-2"])
    mesh.stratos("meta", "rotate-key", ok=(CONFLICT,))
    old = json.loads((mesh.folder / "run.json").read_text())["meta_key"]
    mesh.stop()
    saved = context.folder / "saved"
    shutil.copytree(backup, saved)
    keys = [mesh.stratos_json("meta", "rotate-key")["key"] for _ in range(2)]
    mesh.start()
    check_equal(json.loads((mesh.folder / "run.json").read_text())["meta_key"], keys[1], "key that serves")
    check(old not in keys and keys[0] != keys[1], "the keys are others")
    read_all(mesh.s3(), bucket, ["k-1", "k-2"], "after the rotation")
    store(mesh.s3(), bucket, ["k-3"])
    mesh.stop()
    mesh.stratos("meta", "restore", str(saved), "--replace")
    shutil.rmtree(backup)
    mesh.start()
    read_all(mesh.s3(), bucket, ["k-1", "k-2"], "restored from before the rotation")
    store(mesh.s3(), bucket, ["k-4"])
    mesh.stratos("meta", "resume")
    read_all(mesh.s3(), bucket, ["k-4"], "after the restore")
