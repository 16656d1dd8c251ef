"""The index is lost, and comes back from its backup."""
import shutil

from harness import check, check_equal
from registry import case
from cases.faults import read_all, store
from cases.repair import wait_for_down, wait_for_full


@case("backup.index-lost")
def index_lost(context):
    """What was written before the last step of the backup is read after the index was lost."""
    folder = context.folder / "backup"
    mesh = context.new_mesh("--nodes", "6", "--backup", str(folder))
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(20, 500))]
    store(s3, bucket, keys)
    saved = mesh.stratos_json("meta", "backup")
    check(saved["height"] > 0, "the backup reaches no block")
    s3.delete_object(Bucket=bucket, Key=keys[0])
    store(s3, bucket, ["later-1001"])
    mesh.kill()
    shutil.rmtree(mesh.folder / "meta")
    verified = mesh.stratos_json("meta", "verify", str(folder))
    check(verified["height"] >= saved["height"], "the backup lost blocks")
    mesh.stratos("meta", "restore", str(folder), "--key", str(mesh.folder / "keys" / "meta"), ok=(8,))
    restored = mesh.stratos_json("meta", "restore", str(folder))
    check_equal((restored["height"], restored["generation"]), (verified["height"], 2), "what came back")
    mesh.stratos("meta", "restore", str(folder), ok=(6,))
    mesh.start()
    s3 = mesh.s3()
    # What was deleted after the step is there again, and readable: nodes drop nothing yet.
    read_all(s3, bucket, keys, "after the restore")
    store(s3, bucket, ["after-1002"])
    s3.delete_object(Bucket=bucket, Key=keys[1])
    mesh.stratos("meta", "resume")
    read_all(s3, bucket, keys[2:] + ["after-1002"], "after drops resumed")
    mesh.restart()
    read_all(mesh.s3(), bucket, keys[2:] + ["after-1002"], "after another start")
    health = mesh.health()
    check_equal(health["lost"], 0, "lost segments")
    mesh.wait_until_full()


@case("backup.scan")
def scan(context):
    """An old backup comes back: what repair moved since is found on the nodes, to the last fragment."""
    folder = context.folder / "backup"
    old = context.folder / "old"
    mesh = context.new_mesh("--processes", "--nodes", "9", "--profile", "4+2", "--repair-after", "3",
                            "--backup", str(folder))
    s3 = mesh.s3(read_timeout=60)
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(24, 400))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    mesh.stratos("meta", "backup")
    shutil.copytree(folder, old)
    # One node after the other goes for good, more than a segment can lose at once.
    victims = context.random.sample(range(9), 3)
    for count, victim in enumerate(victims, 1):
        mesh.kill_node(victim)
        wait_for_down(mesh, count)
        wait_for_full(mesh, f"full redundancy on {9 - count} nodes")
    mesh.kill()
    shutil.rmtree(mesh.folder / "meta")
    for victim in victims:
        shutil.rmtree(mesh.folder / "nodes" / f"n{victim + 1}" / "storage")
    restored = mesh.stratos_json("meta", "restore", str(old), "--scan")
    check_equal(restored["generation"], 2, "generation")
    mesh.start()
    found = mesh.stratos_json("meta", "scan")
    check(found["attached_in_all"] > 0, lambda: f"nothing was found: {found}")
    check_equal((found["failed"], found["silent_nodes"]), (0, []), "failures and silent nodes")
    s3 = mesh.s3(read_timeout=60)
    read_all(s3, bucket, keys, "after the scan")
    mesh.stratos("meta", "resume")
    wait_for_full(mesh, "full redundancy after drops resumed")
    read_all(s3, bucket, keys, "after drops resumed")
    check_equal(mesh.health()["lost"], 0, "lost segments")
    context.figure("attached", found["attached_in_all"], "holders")


def spoil(folder):
    """One byte of every file of a backup is another."""
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        if "-" in path.name and content:
            content[len(content) // 2] ^= 1
            path.write_bytes(content)


@case("backup.on-nodes")
def on_nodes(context):
    """The index comes back from the storage nodes alone, one of which is gone and one spoiled."""
    mesh = context.new_mesh("--nodes", "6", "--profile", "4+2", "--backup", "nodes")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(20, 500))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    saved = mesh.stratos_json("meta", "backup")
    check_equal([p["where"] for p in saved["places"]], ["the storage nodes"], "where the copy is")
    zone = mesh.health()["zone"]
    check_equal((zone["generation"], zone["drops_pause"]), (1, False), "generation and drops")
    check_equal((zone["backup"][0]["failures"], zone["backup"][0]["last_error"]), (0, ""), "failures")
    mesh.kill()
    shutil.rmtree(mesh.folder / "meta")
    gone, spoiled = context.random.sample(range(1, 7), 2)
    shutil.rmtree(mesh.folder / "nodes" / f"n{gone}")
    spoil(mesh.folder / "nodes" / f"n{spoiled}" / "backup")
    verified = mesh.stratos_json("meta", "verify")
    check(verified["height"] >= saved["height"], "the backup lost blocks")
    restored = mesh.stratos_json("meta", "restore", "--scan")
    check_equal((restored["height"], restored["generation"]), (verified["height"], 2), "what came back")
    mesh.start()
    mesh.stratos("meta", "scan")
    s3 = mesh.s3()
    read_all(s3, bucket, keys, "after the restore")
    check_equal(mesh.health()["zone"]["drops_pause"], True, "drops pause")
    mesh.stratos("meta", "resume")
    store(s3, bucket, ["after-1002"])
    again = mesh.stratos_json("meta", "backup")
    check(again["height"] > restored["height"], "nothing is kept of the restored index")
    zone = mesh.health()["zone"]
    check_equal((zone["generation"], zone["drops_pause"]), (2, False), "generation and drops")
    for number in range(1, 7):
        kept = {p.name[:16] for p in (mesh.folder / "nodes" / f"n{number}" / "backup").iterdir()
                if "-" in p.name}
        check(kept <= {f"{2:016x}"}, lambda: f"files of an older generation stay: {kept}")
    mesh.restart()
    read_all(mesh.s3(), bucket, keys + ["after-1002"], "after another start")


@case("backup.in-a-bucket")
def in_a_bucket(context):
    """The index comes back from a bucket of another mesh; when that is away, writes go on."""
    other = context.new_mesh("--nodes", "3", "--profile", "2+1", folder="other")
    copies = context.new_bucket(other.s3())
    url = f"{other.endpoint}/{copies}/of/mesh"
    account = other.account()
    mesh = context.unstarted_mesh("--nodes", "6", "--backup", url)
    mesh.env |= {"STRATOS_BACKUP_ACCESS_KEY": account.access_key,
                 "STRATOS_BACKUP_SECRET_KEY": account.secret_key}
    mesh.start()
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(20, 500))]
    store(s3, bucket, keys)
    saved = mesh.stratos_json("meta", "backup")
    check_equal([p["where"] for p in saved["places"]], [url], "where the copy is")
    names = [o["Key"] for o in other.s3().list_objects_v2(Bucket=copies)["Contents"]]
    check(names and all(n.startswith("of/mesh/") for n in names), lambda: f"files: {names}")
    mesh.kill()
    shutil.rmtree(mesh.folder / "meta")
    verified = mesh.stratos_json("meta", "verify", url)
    check(verified["height"] >= saved["height"], "the backup lost blocks")
    restored = mesh.stratos_json("meta", "restore", url)
    check_equal((restored["height"], restored["generation"]), (verified["height"], 2), "what came back")
    mesh.start()
    mesh.stratos("meta", "resume")
    s3 = mesh.s3()
    read_all(s3, bucket, keys, "after the restore")
    again = mesh.stratos_json("meta", "backup")
    check(again["height"] > restored["height"], "nothing is kept of the restored index")
    other.kill()
    store(s3, bucket, ["after-1002"])
    check(mesh.stratos("meta", "backup", ok=range(1, 9)).returncode, "a step without a place")
    place = mesh.health()["zone"]["backup"][0]
    check(place["failures"] > 0 and place["last_error"], lambda: f"no failure is shown: {place}")
    read_all(s3, bucket, keys + ["after-1002"], "while the copies are away")
    check(account.secret_key not in mesh.log_path.read_text(), "a secret is in the log")
