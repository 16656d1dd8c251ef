"""The program's own commands: objects, exit codes, key rings."""
import json
import pathlib
import shutil
import subprocess

from botocore.exceptions import ClientError

from harness import MIB, Account, check, check_equal, pattern, poll, tree_of, write_tree
from registry import case
from cases.boto_objects import body_of

# What the exit codes mean: see docs/OPERATIONS.md.
USAGE, NOT_FOUND, CONFLICT = 2, 3, 6
ROOT = pathlib.Path(__file__).resolve().parents[3]


def json_lines(output):
    return [json.loads(line) for line in output.decode().splitlines()]


@case("commands.objects", needs=())
def objects(context):
    mesh = context.mesh
    bucket = f"s3://{context.bucket_name()}"
    big, back = context.folder / "big", context.folder / "back"
    big.write_bytes(pattern(1, 20 * MIB))
    mesh.stratos("mb", bucket)
    mesh.stratos("cp", big, f"{bucket}/dir/big")
    mesh.stratos("cp", f"{bucket}/dir/big", back)
    check(back.read_bytes() == big.read_bytes(), "20 MiB up and down")
    check(mesh.stratos("cat", f"{bucket}/dir/big").stdout == big.read_bytes(), "cat")
    mesh.stratos("cp", f"{bucket}/dir/big", f"{bucket}/copy")
    rows = json_lines(mesh.stratos("ls", "-r", bucket, "--json").stdout)
    check_equal([(r["key"], r["size"]) for r in rows],
                [("copy", 20 * MIB), ("dir/big", 20 * MIB)], "ls -r")
    rows = json_lines(mesh.stratos("ls", bucket, "--json").stdout)
    check_equal([r.get("key", r.get("prefix")) for r in rows if r], ["dir/", "copy"],
                "ls shows prefixes, then objects")
    check(bucket.encode() in mesh.stratos("ls").stdout, "ls shows the bucket")
    attributes = json.loads(mesh.stratos("stat", f"{bucket}/copy", "--json").stdout)
    lengths = [v for k, v in attributes.items() if k.lower() == "content-length"]
    check_equal(lengths, [str(20 * MIB)], "stat")
    explained = mesh.stratos_json("meta", "explain", f"{bucket}/copy")
    check(all(len(s["holders"]) == 6 for s in explained["segments"]), "explain names the holders")
    mesh.stratos("rm", "-r", bucket)
    mesh.stratos("rb", bucket)


@case("commands.trees", needs=())
def trees(context):
    mesh = context.mesh
    bucket = f"s3://{context.bucket_name()}"
    source, back = context.folder / "source", context.folder / "back"
    write_tree(source, {f"d{i % 3}/ä {i}+": pattern(i, i * 3000) for i in range(30)})
    mesh.stratos("mb", bucket)
    mesh.stratos("cp", "-r", "--dry-run", source, f"{bucket}/tree")
    check_equal(mesh.stratos("ls", "-r", bucket).stdout, b"", "after a dry run")
    mesh.stratos("cp", "-r", source, f"{bucket}/tree")
    mesh.stratos("cp", "-r", f"{bucket}/tree", back)
    check_equal(tree_of(back), tree_of(source), "the tree that came back")


@case("commands.exit-codes", needs=())
def exit_codes(context):
    mesh = context.mesh
    bucket = f"s3://{context.bucket_name()}"
    mesh.stratos("mb", bucket)
    mesh.stratos("mb", bucket, ok=(CONFLICT,))
    (context.folder / "f").write_bytes(b"x")
    mesh.stratos("cp", context.folder / "f", f"{bucket}/f")
    mesh.stratos("rb", bucket, ok=(CONFLICT,))
    for command in ("cat", "stat"):
        failed = mesh.stratos(command, f"{bucket}/none", "--json", ok=(NOT_FOUND,))
        check_equal(failed.stdout, b"", "data of a failed command")
        check("error" in json.loads(failed.stderr.splitlines()[-1]), "the error as JSON on stderr")
    mesh.stratos("cp", f"{bucket}/none", context.folder / "none", ok=(NOT_FOUND,))
    check(not (context.folder / "none").exists(), "a failed copy leaves no file")
    mesh.stratos("no-such-command", ok=(USAGE,))
    mesh.stratos("cp", "only-one", ok=(USAGE,))
    mesh.stratos("ls", "--dir", context.folder / "nowhere", ok=(NOT_FOUND,))


@case("commands.settings", needs=())
def settings(context):
    """Flag, environment and file name the mesh, in this order; mistakes in the file are refused."""
    mesh = context.mesh
    nowhere = context.folder / "nowhere"
    config = context.folder / "settings.toml"

    def ls(expected, *flags, **environment):
        env = {**mesh.env, **environment}
        env = {name: value for name, value in env.items() if value}
        done = subprocess.run([str(mesh.binary), "ls", *map(str, flags)], env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        check_equal(done.returncode, expected, f"ls {flags} {environment}: {done.stderr}")
        return done.stderr.decode()

    config.write_text(f'dir = "{mesh.folder}"\n[dev]\nnodes = 3\n')
    ls(0, "--config", config, STRATOS_DIR="")
    ls(0, STRATOS_DIR="", STRATOS_CONFIG=str(config))
    ls(NOT_FOUND, STRATOS_DIR=str(nowhere), STRATOS_CONFIG=str(config))
    ls(0, "--dir", mesh.folder, STRATOS_DIR=str(nowhere), STRATOS_CONFIG=str(config))
    config.write_text("[dev]\nnodez = 3\n")
    check("dev.nodez" in ls(USAGE, "--config", config), "the unknown key is named")
    config.write_text("dir = \n")
    check("line 1" in ls(USAGE, STRATOS_CONFIG=str(config)), "the broken line is named")
    check(str(nowhere) in ls(USAGE, "--config", nowhere), "the missing file is named")


@case("commands.operator", needs=())
def operator(context):
    """doctor, bench, completion and the proof of dev."""
    mesh = context.new_mesh("--prove")
    check("read back bit-exact" in mesh.log_tail(200), "the proof's line")
    findings = {f["check"]: f["verdict"] for f in mesh.stratos_json("doctor")}
    check_equal(findings["nodes"], "ok", "doctor on nodes")
    check_equal(findings["key ring"], "warning", "doctor on a ring without a copy")
    (mesh.folder / "credentials.json").chmod(0o644)
    broken = mesh.stratos("doctor", "--json", ok=None)
    check(broken.returncode != 0, "doctor on a readable secret")
    (mesh.folder / "credentials.json").chmod(0o600)
    rows = json_lines(mesh.stratos("bench", "--size", "64KiB", "--parallel", "4", "--seconds",
                                   "0.5", "--json").stdout)
    check_equal([r["phase"] for r in rows], ["machine", "PUT", "GET"], "bench")
    for row in rows[1:]:
        check(row["errors"] == 0 and row["ops_s"] > 0 and row["bound_MB_s"] > 0, f"bench: {row}")
    check(b"stratos-bench" not in mesh.stratos("ls").stdout, "bench leaves nothing behind")
    script = context.folder / "completion"
    script.write_bytes(mesh.stratos("completion", "bash").stdout)
    words = subprocess.run(
        ["bash", "-c", f"source {script}; COMP_WORDS=(stratos meta he); COMP_CWORD=2; _stratos; "
                       "echo ${COMPREPLY[@]}"], capture_output=True, check=True).stdout.split()
    check_equal(words, [b"health"], "completion of 'meta he'")


@case("keys.rotate")
def rotate_keys(context):
    """A new access key takes over, the old one ends and stays ended."""
    mesh = context.new_mesh("--nodes", "6")
    old = mesh.account()
    bucket = context.new_bucket(mesh.s3())
    made = mesh.stratos_json("keys", "rotate")
    new = Account(old.name, made["access_key"], made["secret_key"])
    check(new.access_key != old.access_key, "the key is another one")
    for account in (old, new):
        mesh.s3(account).put_object(Bucket=bucket, Key=account.access_key, Body=b"x")
    check_equal({k["access_key"]: k["in_credentials"] for k in mesh.stratos_json("keys", "list")},
                {old.access_key: False, new.access_key: True}, "keys of the account")
    mesh.stratos("keys", "delete", new.access_key, ok=(CONFLICT,))
    mesh.stratos("keys", "delete", old.access_key)

    def ended():
        try:
            mesh.s3(old).list_objects_v2(Bucket=bucket)
        except ClientError as error:
            return error.response["Error"]["Code"] == "InvalidAccessKeyId"
        return False
    poll(ended, "the old key is refused", 20, every=0.2)
    ids = sorted(n["id"] for n in mesh.stratos_json("nodes"))
    mesh.stratos("node", "rotate-key", "n2", ok=(CONFLICT,))
    mesh.stop()
    mesh.stratos("node", "rotate-key", "n2")
    mesh.start()
    check(ended(), "the old key is refused after another start")
    check_equal(sorted(n["id"] for n in mesh.stratos_json("nodes")), ids, "nodes, one with another key")
    check(all(n["state"] == "up" for n in mesh.stratos_json("nodes")), "all nodes are up")
    check_equal(mesh.account().access_key, new.access_key, "the key that the mesh names")
    check_equal(len(mesh.s3().list_objects_v2(Bucket=bucket)["Contents"]), 2, "objects")
    check(new.access_key.encode() in mesh.stratos("keys", "list").stdout, "keys as text")
    mesh.stratos("ls", f"s3://{bucket}")


@case("keyring.new-gateway")
def new_gateway(context):
    """The gateway's folder is lost; with the exported ring its successor reads everything."""
    mesh = context.new_mesh()
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    sizes = (10, 5000, 100_000, 3 * MIB)
    for size in sizes:
        s3.put_object(Bucket=bucket, Key=str(size), Body=pattern(size, size), Metadata={"s": str(size)})
    copy, words, wrong = (context.folder / name for name in ("ring", "words", "wrong"))
    words.write_text("seven horses in a boat\n")
    wrong.write_text("eight horses in a boat\n")
    mesh.stratos("keyring", "export", copy, "--passphrase-file", words)
    check_equal(oct(copy.stat().st_mode & 0o777), "0o600", "mode of the copy")
    mesh.stratos("keyring", "verify", copy, "--passphrase-file", words)
    mesh.stop()
    shutil.rmtree(mesh.folder / "gateway")
    refused = mesh.stratos("keyring", "import", copy, "--passphrase-file", wrong, ok=None)
    check(refused.returncode != 0, "another passphrase does not open the copy")
    mesh.stratos("keyring", "import", copy, "--passphrase-file", words)
    mesh.start()
    s3 = mesh.s3()
    for size in sizes:
        got = s3.get_object(Bucket=bucket, Key=str(size))
        check(body_of(got) == pattern(size, size), f"{size} bytes read by the new gateway")
        check_equal(got["Metadata"], {"s": str(size)}, "sealed metadata")


@case("keyring.rotation")
def rotation(context):
    """What was written under the old version stays readable under the new one."""
    mesh = context.new_mesh()
    bucket = context.new_bucket(mesh.s3())
    mesh.s3().put_object(Bucket=bucket, Key="old", Body=pattern(1, 200_000))
    before = mesh.stratos_json("keyring", "rotate")["versions"]
    mesh.restart()
    s3 = mesh.s3()
    s3.put_object(Bucket=bucket, Key="new", Body=pattern(2, 200_000))
    check(body_of(s3.get_object(Bucket=bucket, Key="old")) == pattern(1, 200_000), "the old object")
    check(body_of(s3.get_object(Bucket=bucket, Key="new")) == pattern(2, 200_000), "the new object")
    check(mesh.stratos_json("keyring", "rotate")["versions"] > before, "versions count up")


@case("commands.sim", needs=())
def sim(context):
    run = context.mesh.stratos
    steady = ("sim", "run", "--scenario", "steady", "--json")
    rows = json_lines(run(*steady, "--until", "1s", "--until-failure").stdout)
    check(rows and all(row["ok"] for row in rows), f"runs until a time: {rows}")
    check_equal([row["seed"] for row in rows], list(range(1, len(rows) + 1)), "seeds")
    bad = run(*steady, "--until", "soon", ok=None)
    check_equal(bad.returncode, USAGE, "a time that is none")


@case("commands.durability", needs=())
def durability(context):
    run = context.mesh.stratos
    shown = run("sim", "durability").stdout.decode()
    document = (ROOT / "docs/formats/durability.md").read_text(encoding="utf-8")
    check(shown in document, "the figures of docs/formats/durability.md")
    [row] = json_lines(run("sim", "durability", "--profile", "12+20", "--json").stdout)
    check(row["losses_per_segment_year"] < 1e-11, "12+20 meets its anchor")
    [trial] = json_lines(run("sim", "durability", "--profile", "4+2", "--check", "--json").stdout)
    check(trial["ok"], f"the model against its trials: {trial}")
    bad = run("sim", "durability", "--profile", "4+0", ok=None)
    check(bad.returncode != 0, "a profile without parity is refused")
