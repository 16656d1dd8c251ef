"""The AWS SDK for JavaScript v3 with lib-storage: see js/suite.cjs."""
import pathlib

from harness import JS_MODULES, check, run
from registry import case

SUITE = pathlib.Path(__file__).resolve().parent.parent / "js" / "suite.cjs"


@case("js.sdk", needs=("node", "boto3"))
def sdk(context):
    mesh, account = context.mesh, context.mesh.account()
    env = {**context.env, "NODE_PATH": str(JS_MODULES), "S3_ENDPOINT": mesh.endpoint,
           "S3_BUCKET": context.new_bucket(), "AWS_REGION": mesh.region,
           "AWS_ACCESS_KEY_ID": account.access_key, "AWS_SECRET_ACCESS_KEY": account.secret_key}
    output = run([context.clients["node"], SUITE], env=env).stdout.decode()
    passed = output.count("\nok ") + output.startswith("ok ")
    check(passed == 6, f"not every check ran:\n{output}")
