"""s3cmd: an older client with path-style addresses and multipart by its own rules."""
from urllib.parse import urlsplit

from harness import MIB, check, check_equal, pattern, run, tree_of, write_tree
from registry import case


@case("s3cmd.basic", needs=("s3cmd", "boto3"))
def basic(context):
    mesh, account = context.mesh, context.mesh.account()
    host = urlsplit(mesh.endpoint).netloc
    config = context.home / "s3cfg"
    config.write_text(
        f"[default]\naccess_key = {account.access_key}\nsecret_key = {account.secret_key}\n"
        f"host_base = {host}\nhost_bucket = {host}\nuse_https = False\n"
        f"bucket_location = {mesh.region}\n")
    config.chmod(0o600)

    def s3cmd(*arguments, **options):
        command = [context.clients["s3cmd"], "-c", config, "--no-progress", *arguments]
        return run(command, env=context.env, **options).stdout.decode()

    bucket = context.bucket_name()
    remote = f"s3://{bucket}"
    s3cmd("mb", remote)
    big, back = context.folder / "big", context.folder / "back"
    big.write_bytes(pattern(1, 20 * MIB))
    s3cmd("put", big, f"{remote}/big ä", "--multipart-chunk-size-mb=5")
    s3cmd("get", f"{remote}/big ä", back)
    check(back.read_bytes() == big.read_bytes(), "20 MiB in parts of 5 MiB")
    check(str(20 * MIB) in s3cmd("ls", remote), "the listing shows the size")
    source, restored = context.folder / "source", context.folder / "restored"
    write_tree(source, {f"d{i % 3}/f {i}": pattern(i, 1500 * i) for i in range(20)})
    restored.mkdir()
    s3cmd("sync", f"{source}/", f"{remote}/tree/")
    s3cmd("sync", f"{remote}/tree/", f"{restored}/")
    check_equal(tree_of(restored), tree_of(source), "the tree that came back")
    check("MD5 sum" in s3cmd("info", f"{remote}/tree/d0/f 0"), "info shows a checksum")
    s3cmd("cp", f"{remote}/tree/d0/f 3", f"{remote}/copy")
    s3cmd("del", f"{remote}/copy")
    s3cmd("rb", remote, "--recursive", "--force")
    s3cmd("ls", remote, ok=(12,))
