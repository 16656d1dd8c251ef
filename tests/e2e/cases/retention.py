"""Storage that is paid for terms: what the owner sees, the clock set ahead, what runs out."""
import datetime

from harness import MIB, check, check_equal, pattern
from registry import case
from cases.boto_objects import expect_error
from cases.notifications import Hook, configure, rule

TERM_DAYS = 30
HEADER = "x-stratos-paid-through"


def paid_through(response):
    text = response["ResponseMetadata"]["HTTPHeaders"].get(HEADER)
    return text and datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def show(mesh, path):
    return mesh.stratos_json("retention", "show", path)


def advance(mesh, days):
    """The mesh's clock; what runs follows it by itself."""
    return mesh.stratos_json("clock", "advance", f"{days}d")["ahead_seconds"]


def ozone(mesh):
    return mesh.stratos_json("accounts", "list")[0]["ozone_noz"]


def check_first_term(mesh, s3, bucket):
    """A write pays a term, to the noz; what it may cost is asked before."""
    before = ozone(mesh)
    head = s3.put_object(Bucket=bucket, Key="ends", Body=pattern(1, MIB))
    left = (paid_through(head) - now()).total_seconds() / 86400
    # The mesh's clock is an hour ahead of ours.
    check(TERM_DAYS < left < TERM_DAYS + 0.05, lambda: f"{left} days are paid")
    shown = show(mesh, f"s3://{bucket}/ends")
    check_equal((shown["state"], shown["renewal"], shown["term_seconds"]),
                ("Paid", False, TERM_DAYS * 86400), "how it stands")
    check_equal(shown["stored_bytes"], MIB * 6 // 4, "bytes over all nodes")
    # The gateway may have a grant reserved meanwhile.
    taken = before - ozone(mesh)
    check_equal(taken % 2**40, shown["term_noz"], "noz that were taken")
    check_equal(paid_through(s3.head_object(Bucket=bucket, Key="ends")), paid_through(head), "HEAD")


def check_extension(mesh, s3, bucket):
    s3.put_object(Bucket=bucket, Key="longer", Body=b"small")
    first = paid_through(s3.head_object(Bucket=bucket, Key="longer"))
    longer = mesh.stratos_json("retention", "extend", f"s3://{bucket}/longer", "--days", "60")
    check(longer["taken_noz"] > 0, "an extension takes ozone")
    head = s3.head_object(Bucket=bucket, Key="longer")
    check_equal((paid_through(head) - first).days, 60, "days more")
    wrong = mesh.stratos("retention", "extend", f"s3://{bucket}/longer", "--until", "soon", ok=(2,))
    check("MalformedXML" in wrong.stderr, wrong.stderr)


@case("retention.term")
def term(context):
    """Warning, grace and removal as the clock is set ahead; what renews or is extended stays."""
    hook = Hook()
    mesh = context.new_mesh("--processes", "--nodes", "6", "--storage-term", f"{TERM_DAYS}d",
                            "--clock-ahead", "1h", "--webhook", f"hook={hook.url}")
    s3 = mesh.s3()
    bucket, kept = context.new_bucket(s3), context.new_bucket(s3)
    for name in (bucket, kept):
        configure(s3, name, [rule(["stratos:Retention:*"])])
    check_first_term(mesh, s3, bucket)
    check_extension(mesh, s3, bucket)
    s3.put_object(Bucket=kept, Key="renews", Body=pattern(2, MIB))
    check_equal(mesh.stratos_json("retention", "renew", f"s3://{kept}")["renewal"], True, "renewal")

    advance(mesh, 24)
    record = hook.wait_for("Retention:Warning", "ends", 30)
    check_equal(record["eventSource"], "stratos:s3", "its source")
    advance(mesh, 7)
    hook.wait_for("Retention:Grace", "ends", 30)
    hook.wait_for("Retention:Renewed", "renews", 30)
    check_equal(show(mesh, f"s3://{bucket}/ends")["state"], "Grace", "the state")
    for name, key, seed in ((bucket, "ends", 1), (kept, "renews", 2)):
        body = s3.get_object(Bucket=name, Key=key)["Body"].read()
        check(body == pattern(seed, MIB), f"{key} is as it was")
    s3.put_object(Bucket=bucket, Key="later", Body=pattern(3, MIB))

    mesh.restart()
    s3 = mesh.s3()
    ahead = advance(mesh, 8)
    check(ahead >= 39 * 86400, "the clock never goes back")
    hook.wait_for("Retention:Removed", "ends", 30)
    expect_error("NoSuchKey", 404, s3.get_object, Bucket=bucket, Key="ends")
    for name, key, seed in ((bucket, "later", 3), (kept, "renews", 2)):
        body = s3.get_object(Bucket=name, Key=key)["Body"].read()
        check(body == pattern(seed, MIB), f"{key} stays")
    check_equal(show(mesh, f"s3://{kept}/renews")["state"], "Paid", "what renews")
    check_equal(s3.get_object(Bucket=bucket, Key="longer")["Body"].read(), b"small", "longer")
    check_equal(mesh.health()["lost"], 0, "lost segments")


@case("retention.prepaid")
def prepaid(context):
    """Without ozone a lock and an extension are refused whole; a credit lets them through."""
    mesh = context.new_mesh("--nodes", "6", "--storage-term", f"{TERM_DAYS}d",
                            "--storage-price", str(2**32), "--ozone", str(2**41))
    s3 = mesh.s3()
    bucket = context.bucket_name()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    body = pattern(1, 8 * MIB)  # takes 48 MiB noz a day, half the ozone is in a grant

    def put(days):
        return s3.put_object(Bucket=bucket, Key="locked", Body=body, ObjectLockMode="GOVERNANCE",
                             ObjectLockRetainUntilDate=now() + datetime.timedelta(days=days))

    left = (paid_through(put(365)) - now()).days
    check(364 <= left <= 365, lambda: f"a lock of a year is paid for {left} days")
    before = ozone(mesh)
    expect_error("InsufficientOzone", 402, put, days=32000)
    refused = mesh.stratos("retention", "extend", f"s3://{bucket}/locked", "--days", "30000",
                           ok=(7,))
    check("InsufficientOzone" in refused.stderr, refused.stderr)
    check_equal(ozone(mesh), before, "what is refused takes nothing")
    check_equal(mesh.stratos_json("accounts", "credit", "dev", 2**42)["ozone_noz"],
                before + 2**42, "a credit")
    taken = mesh.stratos_json("retention", "extend", f"s3://{bucket}/locked", "--days",
                              "30000")["taken_noz"]
    check_equal((taken, ozone(mesh)), (30000 * 48 * MIB, before + 2**42 - taken), "to the noz")
