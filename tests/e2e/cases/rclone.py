"""rclone: sync and check of many files with odd names, both ways."""
from harness import MIB, blocks, check, check_equal, pattern, run, tree_of, write_tree
from registry import case

ODD_NAMES = (
    "with space", " leading space", "plus+plus", "per%20cent", "%", "per%cent", "ünïcödé", "日本語/ファイル",
    ".hidden", ".hidden-dir/inside", "..two dots", "three...", "quote'single", 'quote"double', "star*",
    "question?", "hash#tag", "amp&and", "smile😀", "tilde~", "semi;colon", "comma,", "equals=x",
    "dollar$", "at@sign", "[brackets]", "{braces}", "<angle>", "pipe|pipe", "back\\slash", "caret^",
    "e\u0301 decomposed", "\u00e9 composed", "very/deep/" + "d/" * 40 + "file", "l" * 200,
    "UPPER", "upper", "trailing.", "zero\u200bwidth", "no\u00a0break", "-dash", "--double-dash")


class Rclone:
    def __init__(self, context, mesh):
        account = mesh.account()
        prefix = "RCLONE_CONFIG_MESH_"
        self.program = context.clients["rclone"]
        self.env = {**context.env, "RCLONE_CONFIG": str(context.home / "rclone.conf"),
                    prefix + "TYPE": "s3", prefix + "PROVIDER": "Other",
                    prefix + "ACCESS_KEY_ID": account.access_key,
                    prefix + "SECRET_ACCESS_KEY": account.secret_key,
                    prefix + "ENDPOINT": mesh.endpoint, prefix + "REGION": mesh.region,
                    "RCLONE_RETRIES": "1", "RCLONE_LOW_LEVEL_RETRIES": "1"}
        (context.home / "rclone.conf").touch()

    def __call__(self, *arguments, **options):
        return run([self.program, *arguments], env=self.env, **options).stdout


def odd_tree(count):
    """Small files for the most part, a few over the borders of the storage classes, some empty."""
    files = {f"odd/{name}": pattern(name, 10 * i) for i, name in enumerate(ODD_NAMES)}
    index = 0
    while len(files) < count:
        size = (0, 13, 500, 4096, 4097, 9000, 70_000, 140_000)[index % 8] if index % 97 else 300_000
        files[f"many/{index % 17}/{index % 5} ä+{index}.dat"] = pattern(index, size)
        index += 1
    return files


@case("rclone.sync-and-check", needs=("rclone", "boto3"))
def sync_and_check(context):
    rclone = Rclone(context, context.mesh)
    bucket = context.new_bucket()
    source, back = context.folder / "source", context.folder / "back"
    count = context.size(300, 5000)
    write_tree(source, odd_tree(count))
    remote = f"mesh:{bucket}/tree"
    rclone("sync", source, remote)
    rclone("check", source, remote)
    rclone("check", source, remote, "--download")
    rclone("sync", remote, back)
    check_equal(tree_of(back), tree_of(source), "the tree that came back")
    check_equal(len(tree_of(back)), count, "its number of files")
    context.figure("files", count, "files")


@case("rclone.changes", needs=("rclone", "boto3"))
def changes(context):
    rclone = Rclone(context, context.mesh)
    bucket = context.new_bucket()
    source = context.folder / "source"
    write_tree(source, {f"f{i}": pattern(i, 2000) for i in range(40)})
    remote = f"mesh:{bucket}"
    rclone("sync", source, remote)
    for i in range(10):
        (source / f"f{i}").unlink()
    write_tree(source, {f"f{i}": pattern(-i, 2100) for i in range(10, 20)})
    write_tree(source, {"new/file": b"new"})
    rclone("sync", source, remote)
    rclone("check", source, remote, "--download")
    listed = rclone("lsf", "-R", "--files-only", remote).decode().split()
    check_equal(sorted(listed), sorted(tree_of(source)), "files after the second sync")
    rclone("moveto", f"{remote}/new/file", f"{remote}/moved")
    check_equal(rclone("cat", f"{remote}/moved"), b"new", "a moved object")
    rclone("purge", remote)
    rclone("lsf", remote, ok=(3,))


@case("rclone.stream", needs=("rclone", "boto3"))
def stream(context):
    """An upload of unknown length, in parts, and its way back."""
    rclone = Rclone(context, context.mesh)
    bucket = context.new_bucket()
    size = 24 * MIB + 5
    data = b"".join(blocks("rcat", size))
    rclone("rcat", f"mesh:{bucket}/a/stream", stdin=data)
    check(rclone("cat", f"mesh:{bucket}/a/stream") == data, "the streamed bytes")
    part = rclone("cat", f"mesh:{bucket}/a/stream", "--offset", str(7 * MIB), "--count", "1000")
    check(part == data[7 * MIB:7 * MIB + 1000], "a part of them")
