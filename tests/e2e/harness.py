"""What every end-to-end case builds on: a mesh as real processes, clients, polling, byte streams."""
import dataclasses
import hashlib
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import subprocess
import threading
import time

READY_SECONDS = 60
STOP_SECONDS = 5
COMMAND_SECONDS = 600
MIB = 1 << 20

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "stratos"
VENV = CACHE / "e2e-venv"
JS_MODULES = CACHE / "e2e-js" / "node_modules"


class CaseFailed(AssertionError):
    """What a case found wrong, in words."""


def check(condition, message):
    if not condition:
        raise CaseFailed(message() if callable(message) else message)


def check_equal(found, wanted, what):
    check(found == wanted, f"{what}: found {found!r:.300}, wanted {wanted!r:.300}")


def poll(probe, what, seconds=30, every=0.05):
    """The first true value of probe(); it may raise CaseFailed or OSError meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        last = None
        try:
            found = probe()
            if found:
                return found
        except (CaseFailed, OSError) as error:
            last = error
        check(time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {last})")
        threading.Event().wait(every)


def pattern(seed, size):
    """Bytes that depend on the seed alone and do not compress."""
    return random.Random(seed).randbytes(size)


def blocks(seed, size, block=MIB):
    """The bytes of a large object, a block at a time."""
    for index in range(0, (size + block - 1) // block):
        rest = min(block, size - index * block)
        yield hashlib.shake_128(f"{seed}/{index}".encode()).digest(rest)


def clean_environment(home):
    """The caller's environment without its proxies, credentials and client settings."""
    kept = {k: v for k, v in os.environ.items()
            if not k.upper().endswith("_PROXY")
            and not k.startswith(("AWS_", "RCLONE_", "RESTIC_", "STRATOS_", "BOTO"))}
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"), "LC_ALL": "C.UTF-8", "NO_PROXY": "*"}


def run(command, *, env, stdin=None, ok=(0,), seconds=COMMAND_SECONDS, cwd=None):
    """Runs a client to its end. `stdin` is bytes, or an iterator of blocks of bytes."""
    command = [str(part) for part in command]
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        feeder = threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True)
        errors = []
        drain = threading.Thread(target=lambda: errors.append(process.stderr.read()), daemon=True)
        alarm = threading.Timer(seconds, process.kill)
        for thread in (feeder, drain, alarm):
            thread.start()
        try:
            output = process.stdout.read()
            code = process.wait()
        finally:
            timed_out = not alarm.is_alive()
            alarm.cancel()
            process.kill()
        drain.join()
    stderr = errors[0].decode(errors="replace") if errors else ""
    check(not timed_out, f"{command[0]} did not end within {seconds} s: {' '.join(command)}")
    check(ok is None or code in ok, lambda: f"{' '.join(command)} ended with {code}:\n"
          + (_as_text(output) + stderr)[-1500:])
    return subprocess.CompletedProcess(command, code, output, stderr)


def _as_text(output):
    try:
        return output.decode()
    except UnicodeDecodeError:
        return f"({len(output)} bytes that are no text)\n"


def _feed(pipe, stdin):
    try:
        for block in ([stdin] if isinstance(stdin, bytes) else stdin or []):
            pipe.write(block)
        pipe.close()
    except (BrokenPipeError, ValueError):
        pass


@dataclasses.dataclass(frozen=True)
class Account:
    name: str
    access_key: str
    secret_key: str = dataclasses.field(repr=False)
    address: str = ""


def rss_anon_bytes(pid):
    """Memory that belongs to the process alone: no page cache, no shared libraries."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def listening_at(pid):
    """The addresses 127.0.0.1:PORT at which a process listens."""
    inodes = {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")}
    found = set()
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            found.add(f"127.0.0.1:{int(fields[1].split(':')[1], 16)}")
    return found


class MemoryWatch:
    """The highest RssAnon of a process while the block runs."""

    def __init__(self, pid):
        self.pid, self.peak_bytes, self._done = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self._done.wait(0.05):
            try:
                self.peak_bytes = max(self.peak_bytes, rss_anon_bytes(self.pid))
            except OSError:
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


class Mesh:
    """One `stratos dev` on a folder of its own."""

    def __init__(self, binary, folder, arguments, env, log):
        self.binary, self.folder, self.arguments = pathlib.Path(binary), folder, list(arguments)
        self.env = {**env, "STRATOS_DIR": str(folder)}
        self.log_path = log
        self.process = None
        self.extra = []  # nodes that were brought back
        self.ready = {}
        self.ready_seconds = 0.0

    def start(self):
        started = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.binary), "dev", "--dir", str(self.folder), "--s3", "127.0.0.1:0",
                 "--json", *self.arguments],
                env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True)
        lines = queue.Queue()
        threading.Thread(target=self._read_lines, args=(self.process.stdout, lines),
                         daemon=True).start()
        try:
            line = lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            line = None
        check(line, lambda: f"no ready line within {READY_SECONDS} s:\n{self.log_tail()}")
        self.ready = json.loads(line)
        check_equal(self.ready.get("event"), "ready", "first line on stdout")
        self.ready_seconds = time.monotonic() - started
        self._registry_ids = None
        return self

    @staticmethod
    def _read_lines(stream, lines):
        for line in stream:
            lines.put(line.decode(errors="replace"))
        lines.put(None)

    def log_tail(self, lines=25):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    @property
    def pid(self):
        return self.process.pid

    @property
    def endpoint(self):
        found = self.ready["s3"]["endpoint"]
        return found if "://" in found else f"http://{found}"

    @property
    def operations_endpoint(self):
        """Where /livez, /readyz and /metrics are."""
        return self.ready["ops"]

    @property
    def region(self):
        return self.ready["s3"]["region"]

    @property
    def nodes(self):
        return self.ready["nodes"]

    def account(self, index=0):
        row = self.ready["accounts"][index]
        return Account(row["name"], row["access_key"], row["secret_key"], row["address"])

    def s3(self, account=None, **config):
        """A boto3 client that retries nothing by itself, so that cases see every answer."""
        import boto3  # Only here: --list and the other clients do without it.
        from botocore.config import Config
        account = account or self.account()
        config.setdefault("retries", {"total_max_attempts": 1})
        config.setdefault("read_timeout", 120)
        # A session of its own: boto3's default one may not make clients on several threads.
        return boto3.session.Session().client(
            "s3", endpoint_url=self.endpoint, region_name=self.region,
            aws_access_key_id=account.access_key, aws_secret_access_key=account.secret_key,
            config=Config(proxies={}, **config))

    def stratos(self, *arguments, **options):
        return run([self.binary, *arguments], env=self.env, **options)

    def stratos_json(self, *arguments):
        return json.loads(self.stratos(*arguments, "--json").stdout)

    def health(self):
        return self.stratos_json("meta", "health")

    def wait_until_full(self, seconds=60):
        """Until every segment has all its fragments."""
        def full():
            health = self.health()
            check_equal(health["lost"], 0, "lost segments")
            return health["at_full"] == health["segments"]
        poll(full, "every segment at full redundancy", seconds, every=0.2)

    def registry_ids(self):
        """The index's ids of the nodes, in the order of `nodes`: who registers first is n1. To be asked
        first while all of them live where they started."""
        if self._registry_ids is None:
            ids = {row["endpoint"]: row["id"] for row in self.stratos_json("nodes")}
            listening = [{node["endpoint"]} if node["endpoint"] else listening_at(node["pid"])
                         for node in self.nodes]
            self._registry_ids = [next(ids[e] for e in ids if e in found) for found in listening]
        return self._registry_ids

    def node_row(self, index):
        """What `stratos nodes` says of a node."""
        name = self.registry_ids()[index]
        return next(row for row in self.stratos_json("nodes") if row["id"] == name)

    def kill_node(self, index):
        pid = self.nodes[index]["pid"]
        check(pid and pid != self.pid, f"node {index} is no process of its own")
        os.kill(pid, signal.SIGKILL)

    def start_node(self, index, *arguments):
        """Brings a killed node back, as a process of this harness."""
        with open(self.log_path, "ab") as log:
            self.extra.append(subprocess.Popen(
                [str(self.binary), "node", "start", str(self.nodes[index]["id"]), "--dir",
                 str(self.folder), *arguments],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        self.nodes[index]["pid"] = self.extra[-1].pid

    def kill(self):
        """kill -9 of everything that this mesh runs."""
        for process in self.extra:
            process.kill()
            process.wait()
        self.extra.clear()
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
        for node in self.ready.get("nodes", []):
            self._kill_straggler(node.get("pid"))

    def _kill_straggler(self, pid):
        """A node's process in a group of its own; the program's name guards against a reused id."""
        try:
            if pid and os.path.samefile(f"/proc/{pid}/exe", self.binary):
                os.kill(pid, signal.SIGKILL)
        except OSError:
            pass

    def stop(self):
        """SIGTERM; the seconds until the end. Fails when it takes too long or ends badly."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise CaseFailed(f"did not stop within {STOP_SECONDS} s of SIGTERM") from None
        check_equal(code, 0, "exit code after SIGTERM")
        return time.monotonic() - started

    def restart(self):
        self.stop()
        return self.start()


def find_clients():
    """Path of every client, or None. The environment's own aws is no client: it may be any."""
    def venv(name):
        path = VENV / "bin" / name
        return str(path) if path.exists() else None
    return {
        "aws-new": venv("aws"),
        "aws": next((p for p in ("/usr/bin/aws",) if os.path.exists(p)), None),
        "boto3": venv("python3"),
        "curl": shutil.which("curl"),
        "node": shutil.which("node") if JS_MODULES.exists() else None,
        "rclone": shutil.which("rclone"),
        "restic": shutil.which("restic"),
        "s3cmd": shutil.which("s3cmd"),
    }


def tree_of(folder):
    """Relative path -> SHA-256 of every file below a folder."""
    folder = pathlib.Path(folder)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def write_tree(folder, files):
    for name, content in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
