"""Storage nodes must prove what they hold."""
from harness import check, check_equal, poll
from registry import case
from cases.faults import corrupt, read_all, store
from cases.repair import wait_for_full


def row_of(mesh, name):
    return next(n for n in mesh.stratos_json("nodes") if n["id"] == name)


@case("audit.rot")
def rot(context):
    """Audits alone find a rotten node, suspend it for a named cause, and its data moves elsewhere."""
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
    poll(lambda: row_of(mesh, rotten["id"])["state"] == "suspended", "the node is suspended", 120, every=0.3)
    row = row_of(mesh, rotten["id"])
    check_equal(row["why"]["suspended_for"], "failed audits", "cause")
    check(row["why"]["audits_failed"] >= 3, f"{row['why']['audits_failed']} failed audits")
    wait_for_full(mesh, "what it held is whole elsewhere")
    check_equal([n["id"] for n in mesh.stratos_json("nodes") if n["state"] != "up"], [rotten["id"]],
                "suspended nodes")
    read_all(s3, bucket, keys, "without the rotten node")
    mesh.stratos_json("node", "reinstate", rotten["id"])
    check_equal(row_of(mesh, rotten["id"])["state"], "up", "state after being reinstated")
