"""The index is lost, and comes back from its backup."""
import shutil

from harness import check, check_equal
from registry import case
from cases.faults import read_all, store


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
