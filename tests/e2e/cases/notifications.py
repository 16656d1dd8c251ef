"""Events to a webhook: what is told of which change, and that nothing is lost."""
import http.server
import json
import threading
import urllib.parse

from harness import check, check_equal, poll
from registry import case
from cases.boto_objects import expect_error

TOKEN = "e2e.token-of-the-hook"
ARN = "arn:stratos:webhook:::hook"


class Hook:
    """A listener that keeps what it accepted; closed, it answers 503."""

    def __init__(self):
        self.messages, self.tokens, self.open, self.refused = [], set(), True, 0
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.tokens.add((self.path, self.headers["Authorization"]))
                if hook.open:
                    hook.messages.append(json.loads(body))
                else:
                    hook.refused += 1
                self.send_response(200 if hook.open else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the mesh is killed with connections open
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/s3/events?from=mesh"

    def records(self):
        return [record for message in list(self.messages) for record in message.get("Records", [])]

    def told(self):
        """(event, key) of every record, repetitions left out, in order of arrival."""
        pairs = [(r["eventName"], urllib.parse.unquote_plus(r["s3"]["object"]["key"]))
                 for r in self.records()]
        return list(dict.fromkeys(pairs))

    def wait_for(self, event, key, seconds=10):
        poll(lambda: (event, key) in self.told(), f"{event} of {key}", seconds)
        return next(r for r in self.records() if (r["eventName"], urllib.parse.unquote_plus(
            r["s3"]["object"]["key"])) == (event, key))


def configure(s3, bucket, rules, kind="Queue"):
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={f"{kind}Configurations": rules})


def rule(events, prefix="", suffix="", name="mine", arn=ARN):
    filters = [{"Name": n, "Value": v} for n, v in (("prefix", prefix), ("suffix", suffix)) if v]
    return {"Id": name, "QueueArn": arn, "Events": events,
            **({"Filter": {"Key": {"FilterRules": filters}}} if filters else {})}


def check_configuration(s3, bucket):
    both = rule(["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"], "dir/")
    configure(s3, bucket, [both])
    got = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    check_equal([(r["Id"], r["QueueArn"], r["Events"]) for r in got],
                [("mine", ARN, both["Events"])], "the configuration")
    check_equal([(f["Name"].lower(), f["Value"]) for f in got[0]["Filter"]["Key"]["FilterRules"]],
                [("prefix", "dir/")], "its filter")
    refused = [[rule(["s3:ObjectCreated:*"], arn="arn:stratos:webhook:::other")],
               [rule(["s3:ObjectCreated:*"], arn="arn:aws:sqs:us-east-1:123456789012:q")],
               [rule(["s3:Unheard:*"])],
               [rule(["s3:ObjectCreated:Put"], "a", name="1"),
                rule(["s3:ObjectCreated:*"], "ab", name="2")]]
    for rules in refused:
        expect_error("InvalidArgument", 400, configure, s3=s3, bucket=bucket, rules=rules)


def check_record(record, mesh, bucket, etag):
    check_equal((record["eventSource"], record["awsRegion"], record["eventVersion"][0]),
                ("aws:s3", mesh.region, "2"), "its source")
    check_equal(record["userIdentity"]["principalId"].lower(), mesh.account().address.lower(), "who")
    check_equal(record["requestParameters"]["sourceIPAddress"], "127.0.0.1", "from where")
    check(record["responseElements"]["x-amz-request-id"], "the request's id")
    check_equal((record["s3"]["configurationId"], record["s3"]["bucket"]["name"],
                 record["s3"]["bucket"]["arn"]), ("mine", bucket, f"arn:aws:s3:::{bucket}"), "bucket")
    found = record["s3"]["object"]
    check_equal((found["key"], found["size"], found["eTag"]), ("dir/a+b.txt", 5, etag), "object")


@case("notifications.webhook")
def webhook(context):
    """Every kind of event once, and those of a process that was killed right after its answer."""
    hook = Hook()
    token = context.folder / "hook.token"
    token.write_text(TOKEN + "\n")
    mesh = context.new_mesh("--nodes", "6", "--webhook", f"hook={hook.url}",
                            "--webhook-token", f"hook={token}")
    s3 = mesh.s3()
    bucket = context.new_bucket(s3)
    check_configuration(s3, bucket)
    poll(lambda: [m for m in hook.messages if m.get("Event") == "s3:TestEvent"
                  and m["Bucket"] == bucket], "a test event", seconds=10)

    etag = s3.put_object(Bucket=bucket, Key="dir/a b.txt", Body=b"hello")["ETag"].strip('"')
    s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"x")
    check_record(hook.wait_for("ObjectCreated:Put", "dir/a b.txt"), mesh, bucket, etag)
    check_equal(hook.tokens, {("/s3/events?from=mesh", f"Bearer {TOKEN}")}, "where it was sent")
    s3.copy_object(Bucket=bucket, Key="dir/copy", CopySource={"Bucket": bucket, "Key": "elsewhere"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="dir/parts")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="dir/parts", UploadId=upload, PartNumber=1, Body=b"p")
    s3.complete_multipart_upload(
        Bucket=bucket, Key="dir/parts", UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.put_object_tagging(Bucket=bucket, Key="dir/copy",
                          Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="dir/copy")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "dir/copy"}]})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket=bucket, Key="dir/parts")
    hook.wait_for("ObjectRemoved:DeleteMarkerCreated", "dir/parts")
    check_equal(hook.told(), [("ObjectCreated:Put", "dir/a b.txt"), ("ObjectCreated:Copy", "dir/copy"),
                              ("ObjectCreated:CompleteMultipartUpload", "dir/parts"),
                              ("ObjectTagging:Put", "dir/copy"), ("ObjectTagging:Delete", "dir/copy"),
                              ("ObjectRemoved:Delete", "dir/copy"),
                              ("ObjectRemoved:DeleteMarkerCreated", "dir/parts")], "events in order")
    sequence = [r["s3"]["object"]["sequencer"] for r in hook.records()]
    check_equal(sequence, sorted(sequence), "sequencers grow")

    hook.open = False
    version = s3.put_object(Bucket=bucket, Key="dir/kept", Body=b"k")["VersionId"]
    mesh.kill()
    hook.open = True
    mesh.start()
    record = hook.wait_for("ObjectCreated:Put", "dir/kept")
    check_equal(record["s3"]["object"]["versionId"], version, "its version")
    poll(lambda: mesh.health()["notifications"]["pending"] == 0, "nothing is left", seconds=10)
    check(TOKEN not in mesh.log_path.read_text(), "the token is in the log")
