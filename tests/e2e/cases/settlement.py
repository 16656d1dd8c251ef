"""Traffic is settled: epochs of a few seconds, exact bytes for each bucket, a report that holds."""
import collections

from harness import MIB, check, check_equal, pattern, poll
from registry import case

EPOCH_SECONDS = 6


def usage(mesh):
    return mesh.stratos_json("usage")


def by_bucket(value):
    """Delivered and settled bytes of each bucket and action."""
    sums = collections.Counter()
    for row in value["rows"]:
        for action, counts in row["by_action"].items():
            place = row["bucket"] if row["kind"] == "bucket" else row["kind"]
            sums[place, action, "delivered"] += counts["delivered_bytes"]
            sums[place, action, "settled"] += counts["settled_bytes"]
    return sums


def stored_bytes(mesh, bucket, key):
    """What was sent to nodes for one object: every fragment of its segments."""
    explained = mesh.stratos_json("meta", "explain", f"s3://{bucket}/{key}")
    return sum((s["k"] + s["m"]) * s["fragment_length"] for s in explained["segments"])


def settled_in_full(mesh, least):
    """The usage, once all is settled and split and no sum of `least` ((bucket, action): bytes) lacks.

    Orders are handed in when their epoch ends: what was moved across its end comes in two parts.
    """
    def probe():
        value = usage(mesh)
        sums = by_bucket(value)
        known = all(sums[place, action, "settled"] >= size
                    for (place, action), size in least.items())
        return value if known and value["settled_bytes"] == value["delivered_bytes"] else None
    return poll(probe, "everything is settled and split", 90, every=0.5)


@case("settlement.exact-usage")
def exact_usage(context):
    """Objects in two buckets: after the epoch usage names their exact bytes, and the report holds."""
    mesh = context.new_mesh("--epoch", str(EPOCH_SECONDS), "--nodes", "8", "--profile", "4+2")
    s3 = mesh.s3()
    first, second = context.new_bucket(s3), context.new_bucket(s3)
    objects = {(first, "copies"): 100_000, (first, "coded"): 3 * MIB + 11, (second, "coded"): MIB}
    for number, ((bucket, key), size) in enumerate(objects.items()):
        s3.put_object(Bucket=bucket, Key=key, Body=pattern(number, size))
    body = s3.get_object(Bucket=first, Key="coded")["Body"].read()
    check(body == pattern(1, 3 * MIB + 11), "the object comes back")
    wanted = {bucket: sum(stored_bytes(mesh, b, k) for b, k in objects if b == bucket)
              for bucket in (first, second)}
    size = objects[first, "coded"]
    least = {(bucket, "put"): wanted[bucket] for bucket in wanted} | {(first, "get"): size}
    value = settled_in_full(mesh, least)
    sums = by_bucket(value)
    check_equal(value["unsplit_bytes"], 0, "unsplit bytes")
    check(not any(place == "undelivered" for place, _, _ in sums), lambda: f"undelivered: {sums}")
    for bucket in (first, second):
        for kind in ("delivered", "settled"):
            check_equal(sums[bucket, "put", kind], wanted[bucket], f"{kind} bytes put into {bucket}")
    # A hedge may ask a further node when one is late; what it brought is delivered and paid too.
    check(size <= sums[first, "get", "settled"] < 2 * size, lambda: f"{sums} for {size} bytes read")
    check_equal(sums[first, "get", "settled"], sums[first, "get", "delivered"], "bytes read")
    check_equal(sums[second, "get", "delivered"], 0, "bytes read of a bucket nobody read")
    account = mesh.account().address
    check_equal({row["account"] for row in value["rows"]}, {account}, "who pays")
    check(b"SETTLED" in mesh.stratos("usage").stdout, "a table for people")
    epochs = sorted({row["epoch"] for row in value["rows"]})
    reports = {}

    def reported():
        for epoch in epochs:
            if epoch not in reports:
                reports[epoch] = mesh.stratos_json("usage", "report", str(epoch))
        return len(reports) == len(epochs)
    poll(reported, "every epoch has its report", 90, every=0.5)
    total = sum(r["total"]["total"] for r in reports.values())
    check_equal(total, value["settled_bytes"], "bytes in all reports")
    check(all(r["verified"] and r["signatures"] == 1 for r in reports.values()), "verified reports")
    context.figure("settled", total, "bytes")


@case("settlement.restarts")
def restarts(context):
    """Nodes killed -9 before they hand in: the mesh settles, and nothing twice."""
    mesh = context.new_mesh("--processes", "--epoch", str(EPOCH_SECONDS), "--nodes", "6",
                            "--profile", "2+1")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    for i in range(context.size(6, 60)):
        s3.put_object(Bucket=bucket, Key=f"k-{i}", Body=pattern(i, 300_000))

    def all_settled():
        rows = usage(mesh)["rows"]
        return sum(r["settled_bytes"] for r in rows) > 0
    victims = [0, 1]
    for victim in victims:
        mesh.kill_node(victim)
    for victim in victims:
        mesh.start_node(victim)
    poll(all_settled, "settled bytes", 90, every=0.5)
    value = usage(mesh)
    check(value["settled_bytes"] <= value["delivered_bytes"] + value["unsplit_bytes"],
          lambda: f"more is settled than was delivered: {value}")
