"""Nodes and whole meshes killed, disks that lie: what was acknowledged is read bit-exact."""
import hashlib
import os
import pathlib
import threading

from botocore.exceptions import BotoCoreError, ClientError

from harness import MIB, CaseFailed, check, check_equal, pattern, poll
from registry import case
from cases.boto_objects import body_of

REFUSALS = (ClientError, BotoCoreError)
SIZES = (3_000, 90_000, 400_000, 2_500_000)


def content(key):
    number = int(key.split("-")[1])
    return pattern(key, SIZES[number % len(SIZES)])


def store(s3, bucket, keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=content(key))


def read_all(s3, bucket, keys, when):
    for key in keys:
        check(body_of(s3.get_object(Bucket=bucket, Key=key)) == content(key), f"{key} {when}")


class Traffic:
    """Writers and readers that go on until the block ends; keeps what was acknowledged."""

    def __init__(self, mesh, bucket, present=(), writers=2, readers=1):
        self.mesh, self.bucket, self.present = mesh, bucket, list(present)
        self.acknowledged, self.refused, self.wrong = [], 0, []
        self.done, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self._write, args=(w,)) for w in range(writers)]
        self.threads += [threading.Thread(target=self._read) for _ in range(readers if present else 0)]

    def _write(self, writer):
        s3 = self.mesh.s3(connect_timeout=2, read_timeout=30)
        number = 0
        while not self.done.is_set():
            key = f"w{writer}-{number}"
            try:
                s3.put_object(Bucket=self.bucket, Key=key, Body=content(key))
                with self.lock:
                    self.acknowledged.append(key)
            except REFUSALS:
                self.refused += 1
                self.done.wait(0.02)
            number += 1

    def _read(self):
        s3 = self.mesh.s3(read_timeout=60)
        number = 0
        while not self.done.is_set():
            key = self.present[number % len(self.present)]
            try:
                if body_of(s3.get_object(Bucket=self.bucket, Key=key)) != content(key):
                    self.wrong.append(f"{key}: other bytes")
            except REFUSALS as error:
                self.wrong.append(f"{key}: {error}")
            number += 1

    def count(self):
        with self.lock:
            return len(self.acknowledged)

    def wait_for(self, more, seconds=60):
        target = self.count() + more
        poll(lambda: self.count() >= target, f"{more} more writes", seconds, every=0.01)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()


@case("faults.two-nodes-killed")
def two_nodes_killed(context):
    """Eight nodes as processes, two killed -9 at once under load: reads never notice, writes go on."""
    mesh = context.new_mesh("--processes", "--nodes", "8", "--profile", "4+2")
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(16, 200))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    victims = context.random.sample(range(8), 2)
    with Traffic(mesh, bucket, keys) as traffic:
        traffic.wait_for(5)
        for victim in victims:
            mesh.kill_node(victim)
        started = traffic.count()
        traffic.wait_for(10)
        after_kill = list(traffic.acknowledged[started + 2:])
    check(not traffic.wrong, lambda: f"{len(traffic.wrong)} bad reads: {traffic.wrong[:3]}")
    read_all(s3, bucket, keys, "with two nodes dead")
    # The last two before may have begun while the nodes lived; the guarantee counts from the rest.
    read_all(s3, bucket, after_kill, "that was written with two nodes dead")
    for victim in victims:
        mesh.start_node(victim)
    poll(lambda: all(n["state"] == "up" for n in mesh.stratos_json("nodes")),
         "both nodes are back", 60, every=0.2)
    read_all(s3, bucket, keys + after_kill, "with the nodes back")
    check_equal(mesh.health()["lost"], 0, "lost segments")
    context.figure("writes refused", traffic.refused, "writes")


@case("faults.too-few-nodes")
def too_few_nodes(context):
    """Below the write quorum a PUT is refused with 503 and reads go on."""
    mesh = context.new_mesh("--processes", "--nodes", "6", "--profile", "4+2")
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(8)]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    for victim in (1, 4):
        mesh.kill_node(victim)

    def refused():
        try:
            s3.put_object(Bucket=bucket, Key="late", Body=pattern(0, 400_000))
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        return False
    poll(refused, "a PUT without quorum answers 503", 60)
    read_all(s3, bucket, keys, "below the write quorum")


CAPACITY, RESERVE = 8 << 30, 16 << 20


def check_accounts(mesh, capacity=CAPACITY):
    """What nodes say of their room is what their folders take: the index and dead records included."""
    def adds_up():
        rows = {row["id"]: row for row in mesh.stratos_json("nodes")}
        for name, node in zip(mesh.registry_ids(), mesh.nodes):
            row = rows[name]
            files = [p for p in pathlib.Path(node["dir"], "storage").rglob("*") if p.is_file()]
            on_disk = sum(p.stat().st_blocks * 512 for p in files)
            said = capacity - RESERVE - row["free_bytes"]
            check(row["used_bytes"] + row["trash_bytes"] <= said, f"{name} says {row}")
            check(abs(on_disk - said) <= max(on_disk // 100, MIB),
                  f"{name} takes {on_disk} bytes and says {said}: {row}")
        return True
    poll(adds_up, "used, trash, overhead and free bytes add up to the folder's blocks", 60, every=0.5)


@case("faults.restart-after-kill")
def restart_after_kill(context):
    """The whole mesh killed -9 at random points of a mixed load: every acknowledged write is there."""
    rounds = context.size(20, 300)
    mesh = context.new_mesh("--capacity", str(CAPACITY))
    bucket = context.new_bucket(mesh.s3())
    digests = {}
    for number in range(rounds):
        with Traffic(mesh, bucket, writers=3) as traffic:
            traffic.wait_for(context.random.randrange(1, context.size(8, 25)))
            threading.Event().wait(context.random.random() * 0.05)  # Anywhere within a write.
            mesh.kill()
        mesh.start()
        s3 = mesh.s3()
        read_all(s3, bucket, traffic.acknowledged, f"after kill {number + 1} of {rounds}")
        for key in traffic.acknowledged:
            digests[f"{number}/{key}"] = hashlib.md5(content(key)).hexdigest()
            s3.copy_object(Bucket=bucket, Key=f"{number}/{key}", CopySource=f"{bucket}/{key}")
            s3.delete_object(Bucket=bucket, Key=key)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="w")
        leftover = [row["Key"] for page in pages for row in page.get("Contents", [])]
        for key in leftover:  # Not acknowledged, yet visible: then it must be whole.
            check(body_of(s3.get_object(Bucket=bucket, Key=key)) == content(key), f"{key} is torn")
            s3.delete_object(Bucket=bucket, Key=key)
    pages = mesh.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = {r["Key"]: r["ETag"].strip('"') for page in pages for r in page.get("Contents", [])}
    check_equal(found, digests, "everything that was ever acknowledged, and nothing deleted")
    check_accounts(mesh)
    context.figure("kills", rounds, "kills")
    context.figure("acknowledged writes", len(digests), "writes")


def kill_and_bring_back(mesh, victim, meanwhile):
    """Returns when the node has registered again, which it does from another port."""
    before = mesh.node_row(victim)["endpoint"]
    mesh.kill_node(victim)
    meanwhile()
    mesh.start_node(victim, "--capacity", str(CAPACITY))

    def is_back():
        row = mesh.node_row(victim)
        return row["state"] == "up" and row["endpoint"] != before
    poll(is_back, f"node {victim} is back", 60, every=0.2)


@case("faults.nodes-killed-in-turn")
def nodes_killed_in_turn(context):
    """Single nodes killed -9 at random points of a mixed load and brought back: nothing is missing."""
    mesh = context.new_mesh("--processes", "--nodes", "8", "--capacity", str(CAPACITY))
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(8)]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    kills = context.size(3, 100)
    with Traffic(mesh, bucket, keys, writers=1) as traffic:
        for _ in range(kills):
            traffic.wait_for(context.random.randrange(1, 6))
            kill_and_bring_back(mesh, context.random.randrange(8),
                                lambda: traffic.wait_for(context.random.randrange(1, 6)))
    check(not traffic.wrong, lambda: f"{len(traffic.wrong)} bad reads: {traffic.wrong[:3]}")
    read_all(s3, bucket, keys + traffic.acknowledged, f"after {kills} kills")
    check_equal(mesh.health()["lost"], 0, "lost segments")
    check_accounts(mesh)
    context.figure("kills", kills, "kills")
    context.figure("acknowledged writes", len(traffic.acknowledged), "writes")


def fill(s3, bucket):
    """Stores objects until one is refused: their keys, and the answer to the refused one."""
    for number in range(3, 4000, 4):
        key = f"f-{number}"
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content(key))
        except ClientError as error:
            return [f"f-{n}" for n in range(3, number, 4)], error.response
    raise CaseFailed("the mesh is never full")


@case("faults.disk-full")
def disk_full(context):
    """One node without room: writes go on elsewhere. None with room: writes are refused clearly, reads
    and deletes go on, and writes come back with the room."""
    mesh = context.new_mesh("--processes", "--nodes", "8", "--capacity", str(40 * MIB))
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(8)]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    check(mesh.node_row(0)["free_bytes"] > MIB, "the node has room")
    mesh.kill_node(0)
    mesh.start_node(0, "--capacity", str(17 * MIB))
    poll(lambda: mesh.node_row(0)["free_bytes"] < MIB, "the node has no room", 60,
         every=0.2)
    store(s3, bucket, [f"m-{i}" for i in range(8)])
    read_all(s3, bucket, keys, "with one full node")
    filled, refusal = fill(s3, bucket)
    status = refusal["ResponseMetadata"]["HTTPStatusCode"]
    check(status in (503, 507), f"a write without room: {refusal}")
    check(len(filled) > 8, f"only {len(filled)} objects fit")
    read_all(s3, bucket, keys + filled, "with all nodes full")
    s3.delete_object(Bucket=bucket, Key=filled[0])
    rows = s3.list_objects_v2(Bucket=bucket, Prefix="f-")["Contents"]
    check_equal(sorted(row["Key"] for row in rows), sorted(filled[1:]), "what is left of a delete")
    mesh.kill()
    mesh.arguments[mesh.arguments.index("--capacity") + 1] = str(CAPACITY)
    mesh.start()
    s3 = mesh.s3(read_timeout=60)

    def written():
        try:
            store(s3, bucket, [f"n-{i}" for i in range(8)])
        except ClientError:
            return False
        return True
    poll(written, "writes come back with the room", 30)
    read_all(s3, bucket, keys + filled[1:] + [f"n-{i}" for i in range(8)], "with room again")
    check_equal(mesh.health()["lost"], 0, "lost segments")
    context.figure("refused with", status, refusal["Error"]["Code"])


def volume_files(node):
    """Where a node keeps its fragments: docs/formats/volume.md."""
    files = list(pathlib.Path(node["dir"]).glob("storage/volumes/*"))
    check(files, f"no volume below {node['dir']}")
    return files


def corrupt(context, node, share):
    """Flips one bit in each of a share of the 4 KiB blocks of every volume, holes left out."""
    flipped = 0
    for path in volume_files(node):
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
            for at in range(0, size, 4096):
                if context.random.random() >= share:
                    continue
                place = min(at + context.random.randrange(4096), size - 1)
                file.seek(at)
                if not any(file.read(4096)):
                    continue
                file.seek(place)
                old = file.read(1)[0]
                file.seek(place)
                file.write(bytes([old ^ (1 << context.random.randrange(8))]))
                flipped += 1
            file.flush()
            os.fsync(file.fileno())
    check(flipped > 0, "nothing was flipped")
    return flipped


@case("faults.flipped-bytes")
def flipped_bytes(context):
    """Rot on one node, then on two: every read is bit-exact. On all of them: an error, never bytes."""
    mesh = context.new_mesh("--nodes", "8", "--profile", "4+2")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(16, 120))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    flipped = 0
    for round_number, node in enumerate(context.random.sample(mesh.nodes, 2), 1):
        flipped += corrupt(context, node, share=0.6)
        read_all(s3, bucket, keys, f"with {round_number} rotten node(s)")
        for key in keys[2:4]:
            part = s3.get_object(Bucket=bucket, Key=key, Range="bytes=1000-70000")
            check(body_of(part) == content(key)[1000:70001], f"a range of {key}")
    for node in mesh.nodes:
        corrupt(context, node, share=0.9)
    whole, errors = 0, 0
    for key in keys:
        try:
            data = body_of(s3.get_object(Bucket=bucket, Key=key))
            check(data == content(key), f"{key}: wrong bytes reached a reader")
            whole += 1
        except REFUSALS:
            errors += 1
    check(errors > 0, "with all nodes rotten some read must fail, or nothing was tested")
    context.figure("flipped bytes", flipped, "bytes")
    context.figure("reads refused with all nodes rotten", errors, f"of {whole + errors}")


@case("faults.restart-with-rot")
def restart_with_rot(context):
    """Rot that is there before the start: the mesh serves and no reader sees it."""
    mesh = context.new_mesh("--nodes", "8", "--profile", "4+2")
    bucket = context.new_bucket(mesh.s3())
    keys = [f"k-{i}" for i in range(12)]
    store(mesh.s3(), bucket, keys)
    mesh.wait_until_full()
    mesh.stop()
    for node in context.random.sample(mesh.nodes, 2):
        corrupt(context, node, share=0.5)
    mesh.start()
    read_all(mesh.s3(), bucket, keys, "after a restart on rotten disks")
    check_equal(mesh.health()["lost"], 0, "lost segments")
