"""boto3: what a bucket does by itself: rules of lifecycle, pages of a website."""
import json
import urllib.error
import urllib.request

from harness import check, check_equal, poll
from registry import case
from cases.boto_objects import expect_error


@case("boto3.lifecycle")
def lifecycle(context):
    """With days of two seconds: objects, old versions and uploads go as the rules say, others stay."""
    mesh = context.new_mesh("--nodes", "6", "--day", "2")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        s3.put_object(Bucket=bucket, Key="versions/a", Body=body)
    for key in ("tmp/a", "tmp/b", "kept/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.create_multipart_upload(Bucket=bucket, Key="tmp/upload")
    expect_error("NoSuchLifecycleConfiguration", 404, s3.get_bucket_lifecycle_configuration,
                 Bucket=bucket)
    rules = [{"ID": "tmp", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1},
              "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
             {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "versions/"},
              "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    said = s3.put_object(Bucket=bucket, Key="tmp/c", Body=b"x").get("Expiration", "")
    check('rule-id="tmp"' in said, f"the answer names the rule: {said}")

    def is_done():
        listed = s3.list_object_versions(Bucket=bucket)
        current = {v["Key"] for v in listed["Versions"] if v["IsLatest"]}
        return (current == {"kept/a", "versions/a"} and "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
                and sum(v["Key"] == "versions/a" for v in listed["Versions"]) == 1)
    poll(is_done, "the rules are carried out", 40, every=0.3)
    markers = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    check_equal({m["Key"] for m in markers}, {"tmp/a", "tmp/b", "tmp/c"}, "what expired has markers")
    check_equal(s3.get_object(Bucket=bucket, Key="versions/a")["Body"].read(), b"new", "what is current")


@case("boto3.website")
def website(context):
    mesh = context.mesh
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>home</h1>", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="docs/index.html", Body=b"docs")
    s3.put_object(Bucket=bucket, Key="lost.html", Body=b"lost")
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "lost.html"}})
    port = mesh.endpoint.rsplit(":", 1)[1]

    def visit(path):
        request = urllib.request.Request(mesh.endpoint + path, headers={
            "Host": f"{bucket}.s3-website.localhost:{port}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as answer:
                return answer.status, answer.read(), answer.headers.get("Content-Type")
        except urllib.error.HTTPError as error:
            return error.code, error.read(), None
    check_equal(visit("/")[0], 403, "pages of a private bucket")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*"}]}))
    poll(lambda: visit("/")[0] == 200, "the policy counts", 20, every=0.2)
    check_equal(visit("/"), (200, b"<h1>home</h1>", "text/html"), "the index document")
    check_equal(visit("/docs/")[1], b"docs", "the index document of a folder")
    check_equal(visit("/docs")[1], b"docs", "which a redirect leads to")
    s3.delete_bucket_website(Bucket=bucket)
    poll(lambda: visit("/")[0] == 404, "no website any more", 20, every=0.2)
