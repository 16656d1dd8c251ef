"""The mesh heals itself: killed nodes, drained nodes, rotten disks."""
import json
import threading
import time

from harness import MIB, check, check_equal, pattern, poll
from registry import case
from cases.faults import Traffic, corrupt, read_all, store
from cases.rclone import Rclone


def wait_for_full(mesh, what, seconds=120):
    """Every segment has all its fragments on nodes that live."""
    def full():
        health = mesh.health()
        return health["segments"] > 0 and health["at_full"] == health["segments"]
    poll(full, what, seconds, every=0.3)


def wait_for_down(mesh, count):
    """The mesh has taken notice that so many nodes are silent."""
    poll(lambda: sum(n["state"] == "down" for n in mesh.stratos_json("nodes")) == count,
         f"{count} nodes are down", 60, every=0.2)


@case("repair.two-killed-then-two-more")
def two_then_two(context):
    """Two of ten nodes killed -9 while writing, redundancy returns; two others killed while reading."""
    mesh = context.new_mesh("--processes", "--nodes", "10", "--profile", "4+2", "--repair-after", "6")
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(24, 2000))]
    store(s3, bucket, keys)
    victims = context.random.sample(range(10), 4)
    with Traffic(mesh, bucket, keys) as traffic:
        traffic.wait_for(5)
        for victim in victims[:2]:
            mesh.kill_node(victim)
        traffic.wait_for(10)
    written = list(traffic.acknowledged)
    check(not traffic.wrong, lambda: f"{len(traffic.wrong)} bad reads: {traffic.wrong[:3]}")
    wait_for_down(mesh, 2)
    wait_for_full(mesh, "full redundancy on eight nodes", context.size(120, 1800))
    with Traffic(mesh, bucket, keys, writers=0) as traffic:
        for victim in victims[2:]:
            mesh.kill_node(victim)
        read_all(s3, bucket, keys + written, "with four of ten nodes dead")
    check(not traffic.wrong, lambda: f"{len(traffic.wrong)} bad reads: {traffic.wrong[:3]}")
    wait_for_down(mesh, 4)
    wait_for_full(mesh, "full redundancy on six nodes", context.size(120, 1800))
    health = mesh.health()
    check_equal((health["lost"], health["repair_queue"]), (0, 0), "lost and waiting segments")
    check(health["repair"]["repaired_fragments"] > 0, "nothing was repaired")
    read_all(s3, bucket, keys + written, "after repair")
    for victim in victims:
        mesh.start_node(victim)
    wait_for_down(mesh, 0)
    wait_for_full(mesh, "full redundancy with the dead come back")
    read_all(s3, bucket, keys + written, "with the dead come back")
    context.figure("repaired", health["repair"]["repaired_fragments"], "fragments")


@case("repair.ten-gib", needs=("rclone", "boto3"), full_only=True)
def ten_gib(context):
    """The files of this machine, twice, to 10 GiB: two of ten nodes killed -9 while they are written,
    two others while they are read."""
    mesh = context.new_mesh("--processes", "--nodes", "10", "--profile", "4+2", "--repair-after", "10")
    rclone = Rclone(context, mesh)
    bucket = context.new_bucket(mesh.s3())
    large = ("--min-size", "64k", "--one-file-system", "--skip-links", "--fast-list")
    victims = context.random.sample(range(10), 4)

    def timed(figure, *arguments):
        started = time.monotonic()
        rclone(*arguments, seconds=7200)
        context.figure(figure, time.monotonic() - started, "s")

    def compare(copies, figure):
        for copy in copies:
            timed(f"{figure} {copy}", "check", "--download", "--one-way", *large, "/usr",
                  f"mesh:{bucket}/{copy}")

    dies = [threading.Timer(20 + 5 * i, mesh.kill_node, args=(victims[i],)) for i in range(2)]
    for timer in dies:
        timer.start()
    for copy in ("a", "b"):
        timed(f"written {copy}", "copy", *large, "/usr", f"mesh:{bucket}/{copy}")
    for timer in dies:
        timer.join()
    wait_for_down(mesh, 2)
    started = time.monotonic()
    wait_for_full(mesh, "full redundancy on eight nodes", 3600)
    context.figure("full again on eight nodes", time.monotonic() - started, "s")
    dies = [threading.Timer(5 + 5 * i, mesh.kill_node, args=(victims[2 + i],)) for i in range(2)]
    for timer in dies:
        timer.start()
    compare(("a",), "read with two nodes dying")
    for timer in dies:
        timer.join()
    wait_for_down(mesh, 4)
    started = time.monotonic()
    wait_for_full(mesh, "full redundancy on six nodes", 3600)
    context.figure("full again on six nodes", time.monotonic() - started, "s")
    compare(("a", "b"), "read after repair")
    health = mesh.health()
    check_equal((health["lost"], health["repair_queue"]), (0, 0), "lost and waiting segments")
    stored = json.loads(rclone("size", "--json", f"mesh:{bucket}"))
    context.figure("objects", stored["count"], "objects")
    context.figure("stored", stored["bytes"] / MIB, "MiB")
    context.figure("repaired", health["repair"]["repaired_fragments"], "fragments")


@case("repair.six-nodes")
def six_nodes(context):
    """On six nodes nothing can be placed anew: health says so, and redundancy returns with the nodes."""
    mesh = context.new_mesh("--processes", "--nodes", "6", "--profile", "4+2", "--repair-after", "3")
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(8)]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    for victim in (0, 3):
        mesh.kill_node(victim)
    poll(lambda: mesh.health()["unrepairable"] > 0, "health counts what cannot be repaired", 60)
    poll(lambda: mesh.health()["domains_up"] == 4, "both are missed", 30, every=0.2)
    read_all(s3, bucket, keys, "with two of six nodes dead")
    for victim in (0, 3):
        mesh.start_node(victim)
    wait_for_full(mesh, "full redundancy with the nodes back")
    read_all(s3, bucket, keys, "with the nodes back")


@case("repair.drain")
def drain(context):
    """A drained node ends empty; then it can go without anybody noticing."""
    mesh = context.new_mesh("--processes", "--nodes", "8", "--profile", "4+2")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(16, 400))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    victim = context.random.randrange(8)
    name = mesh.nodes[victim]["id"]
    mesh.stratos_json("node", "drain", name)

    def held():
        row = next(n for n in mesh.stratos_json("nodes") if n["id"] == name)
        check_equal(row["state"], "draining", "state of the node")
        return row["used_bytes"]
    poll(lambda: held() > 0, "the node says what it holds", 10)
    poll(lambda: held() == 0, "the drained node is empty", context.size(120, 600), every=0.3)
    wait_for_full(mesh, "full redundancy without the node")
    mesh.kill_node(victim)
    read_all(s3, bucket, keys, "without the drained node")


@case("repair.new-node")
def new_node(context):
    """A node that comes new to a mesh takes its share; then nothing moves any more."""
    mesh = context.new_mesh("--nodes", "7", "--profile", "4+2", "--capacity", "96MiB",
                            "--balance-above", "4")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    bodies = {f"k-{i}": pattern(i, MIB) for i in range(24)}
    for key, body in bodies.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    mesh.wait_until_full()
    mesh.arguments[1] = "8"
    mesh.restart()

    def balanced():
        balance = mesh.health()["balance"]
        return balance["moved_fragments"] > 0 and not balance["moving"] and balance
    balance = poll(balanced, "balance comes to rest", 30, every=0.2)
    held = [n["used_bytes"] for n in mesh.stratos_json("nodes")]
    check(min(held) > 0, lambda: f"a node holds nothing: {held}")
    spread = balance["fullest"]["percent"] - balance["emptiest"]["percent"]
    check(spread <= 4, lambda: f"nodes differ by {spread} percent")
    check_equal(mesh.health()["repair_queue"], 0, "segments below full")
    s3 = mesh.s3()
    for key, body in bodies.items():
        check(s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body, f"other bytes of {key}")
    context.figure("moved", balance["moved_fragments"], "fragments")


@case("repair.rot")
def rot(context):
    """Rot that no reader met is found by scrubbing and repaired."""
    mesh = context.new_mesh("--nodes", "8", "--profile", "4+2", "--scrub-within", "10")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(16, 120))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    rotten = context.random.randrange(8)
    corrupt(context, mesh.nodes[rotten], share=0.6)
    poll(lambda: mesh.health()["repair"]["repaired_fragments"] > 0, "rot is found", 90, every=0.3)
    wait_for_full(mesh, "what was rotten is whole again")
    read_all(s3, bucket, keys, "after repair")
