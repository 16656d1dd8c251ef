"""restic: a backup with everything that its users rely on."""
import json
import shutil

from harness import MIB, check, check_equal, pattern, run, tree_of, write_tree
from registry import case


@case("restic.backup", needs=("restic", "boto3"))
def backup(context):
    mesh, account = context.mesh, context.mesh.account()
    bucket = context.new_bucket()
    env = {**context.env, "RESTIC_REPOSITORY": f"s3:{mesh.endpoint}/{bucket}/repository",
           "RESTIC_PASSWORD": "only for this test", "RESTIC_CACHE_DIR": str(context.folder / "cache"),
           "AWS_ACCESS_KEY_ID": account.access_key, "AWS_SECRET_ACCESS_KEY": account.secret_key,
           "AWS_DEFAULT_REGION": mesh.region, "TMPDIR": str(context.folder)}

    def restic(*arguments, **options):
        command = [context.clients["restic"], "-o", "s3.bucket-lookup=path", *arguments]
        return run(command, env=env, **options).stdout.decode()

    source = context.folder / "source"
    sizes = [context.size(6, 64) * MIB, 3 * MIB, 700_000, 0, 1]
    write_tree(source, {f"d/{i} ä": pattern(i, size) for i, size in enumerate(sizes)})
    write_tree(source, {f"small/{i}": pattern(i, 1000) for i in range(context.size(50, 1000))})
    restic("init")
    restic("backup", source)
    first_tree = tree_of(source)
    (source / "small/3").unlink()
    write_tree(source, {"small/4": b"changed", "small/new": b"new"})
    restic("backup", source)
    restic("check", "--read-data")
    first, second = (s["short_id"] for s in json.loads(restic("snapshots", "--json")))
    changes = restic("diff", first, second)
    for line in ("-    " + str(source / "small/3"), "M    " + str(source / "small/4"),
                 "+    " + str(source / "small/new")):
        check(line in changes, f"{line!r} is missing from the difference:\n{changes}")
    for snapshot, wanted in ((second, tree_of(source)), (first, first_tree)):
        target = context.folder / f"restored-{snapshot}"
        restic("restore", snapshot, "--target", target)
        check_equal(tree_of(str(target) + str(source)), wanted, "restored tree")
        shutil.rmtree(target)
    restic("forget", first, "--prune")
    restic("check", "--read-data")
