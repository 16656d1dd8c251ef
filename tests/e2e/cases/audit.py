"""Storage nodes must prove what they hold."""
from harness import check, check_equal, poll
from registry import case
from cases.faults import corrupt, read_all, store
from cases.repair import wait_for_full


@case("audit.rot")
def rot(context):
    """Audits alone find what rotted on a node, and it is made whole."""
    mesh = context.new_mesh("--processes", "--nodes", "8", "--profile", "4+2", "--audits-per-day", "86400")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    keys = [f"k-{i}" for i in range(context.size(60, 120))]
    store(s3, bucket, keys)
    mesh.wait_until_full()
    poll(lambda: all(n["why"]["audits_passed"] > 0 for n in mesh.stratos_json("nodes")),
         "every node passed an audit", 60, every=0.3)
    for node in mesh.stratos_json("nodes"):
        check_equal(node["why"]["audits_failed"], 0, f"failed audits of {node['id']}")
        check(node["score"] >= 900, f"{node['id']} has the score {node['score']}")
    rotten = mesh.nodes[context.random.randrange(8)]
    corrupt(context, rotten, share=0.6)
    # A node that tells of the damage itself when it is asked is repaired, not failed.
    poll(lambda: b"audit.not_passed" in mesh.log_path.read_bytes(), "an audit that is not passed", 60, every=0.3)
    wait_for_full(mesh, "what audits found is whole again")
    read_all(s3, bucket, keys, "after the rot")
