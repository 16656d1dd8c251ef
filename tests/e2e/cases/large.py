"""Objects far larger than memory: bit-exact, with two nodes dying on the way, in bounded memory."""
import hashlib
import subprocess
import threading
import time

from harness import MIB, MemoryWatch, blocks, check, check_equal, poll
from registry import case
from cases.rclone import Rclone

# What the whole process may hold besides page cache, and for each busy stream.
BASE_BYTES = 256 * MIB
STREAM_BYTES = 8 * MIB
STREAMS = 8


def digest_of(seed, size):
    digest = hashlib.sha256()
    for block in blocks(seed, size):
        digest.update(block)
    return digest.hexdigest()


def read_back(rclone, remote, size, wanted, what):
    """Streams an object through rclone and compares its digest without holding it."""
    digest, length = hashlib.sha256(), 0
    with subprocess.Popen([rclone.program, "cat", remote], env=rclone.env,
                          stdout=subprocess.PIPE) as process:
        try:
            while block := process.stdout.read(MIB):
                digest.update(block)
                length += len(block)
            code = process.wait()
        finally:
            process.kill()
    check_equal(code, 0, f"rclone cat of {what}")
    check_equal((length, digest.hexdigest()), (size, wanted), f"length and digest of {what}")


def upload_single(context, rclone, remote, size):
    """One PUT of the whole body, without parts."""
    path = context.folder / "single"
    with open(path, "wb") as file:
        for block in blocks("single", size):
            file.write(block)
    rclone("copyto", path, remote, "--s3-upload-cutoff", "5Gi", seconds=7200)
    path.unlink()


@case("large.streamed", needs=("rclone", "boto3"))
def streamed(context):
    size = context.size(256 * MIB, 5 * 1024 * MIB)
    mesh = context.new_mesh("--processes", "--nodes", "8", "--profile", "4+2")
    rclone = Rclone(context, mesh)
    bucket = context.new_bucket(mesh.s3())
    with MemoryWatch(mesh.pid) as memory:
        started = time.monotonic()
        rclone("rcat", f"mesh:{bucket}/parts", stdin=blocks("parts", size), seconds=7200)
        context.figure("upload in parts", size / MIB / (time.monotonic() - started), "MiB/s")
        started = time.monotonic()
        upload_single(context, rclone, f"mesh:{bucket}/single", size)
        context.figure("upload by one PUT", size / MIB / (time.monotonic() - started), "MiB/s")
        mesh.wait_until_full(300)
        first = threading.Timer(0.3, mesh.kill_node, args=(2,))
        first.start()
        started = time.monotonic()
        read_back(rclone, f"mesh:{bucket}/parts", size, digest_of("parts", size), "the parts")
        context.figure("download while a node dies", size / MIB / (time.monotonic() - started), "MiB/s")
        first.join()
        mesh.kill_node(5)
        read_back(rclone, f"mesh:{bucket}/single", size, digest_of("single", size), "the single PUT")
    # A node counts as down after five seconds of silence.
    poll(lambda: [n["state"] for n in mesh.stratos_json("nodes")].count("up") == 6,
         "six nodes up at the end")
    context.figure("gateway memory", memory.peak_bytes, "bytes")
    bound = BASE_BYTES + STREAMS * STREAM_BYTES
    check(memory.peak_bytes <= bound,
          f"the gateway's own memory reached {memory.peak_bytes / MIB:.0f} MiB, "
          f"more than {bound / MIB:.0f}")
