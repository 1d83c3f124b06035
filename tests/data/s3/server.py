"""A server with the protocol of S3 for tests: moto on a free port of this machine, which checks who asks and can be told to stall or to damage what it holds.
With the argument `gs` it answers those who speak with Google's service, whose protocol of XML is that of S3 where cfx uses it, and checks nobody.

Prints one line of JSON: what the environment of a client holds, the secret. Then reads commands, one a line, and answers each with a line of JSON:

    stall N     lets N uploads of results through and holds the next ones until `go`; those are told to come again
    go          lets everything through
    puts        the names of the objects that were uploaded since it was asked last
    objects     the names of all objects
    damage KEY  changes one byte of an object
    text KEY WORDS  makes an object

Ends when its standard input does.
"""

import json
import sys
import threading

import boto3
from moto import settings
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "results"
ANYONE = "AWS4-HMAC-SHA256 Credential=anyone/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"


class Gate:
    """Passes requests on, takes down uploads, and holds them where it was told to."""

    def __init__(self, app):
        self.app, self.puts, self.left = app, [], None
        self.free = threading.Condition()
        self.anyone = False

    def __call__(self, environ, start_response):
        if self.anyone:
            # Google's clients have a token here, or nothing.
            environ["HTTP_AUTHORIZATION"] = ANYONE
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] != "PUT":
            return self.app(environ, start_response)
        if "/objects/" not in path:
            return self.taken_in(path, environ, start_response)
        # One after the other: what was let through is whole before the next one is held.
        with self.free:
            if self.left is not None:
                self.left -= 1
                if self.left == -1:
                    say("stalled")
                if self.left < 0:
                    self.free.wait_for(lambda: self.left is None)
                    start_response("503 Service Unavailable", [])
                    return [b""]
            return self.taken_in(path, environ, start_response)

    def taken_in(self, path, environ, start_response):
        answer = list(self.app(environ, start_response))
        self.puts.append(path)
        return answer


def say(what):
    print(json.dumps(what), flush=True)


def main():
    gate = Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    known = dict(aws_access_key_id="setup", aws_secret_access_key="setup", region_name="us-east-1", endpoint_url=address)
    s3, iam = boto3.client("s3", **known), boto3.client("iam", **known)
    s3.create_bucket(Bucket=BUCKET)
    if sys.argv[1:] == ["gs"]:
        gate.anyone = True
        account = {"gcs_base_url": address, "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        say({"environment": {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account)}, "secret": "none"})
        return serve(gate, s3)
    iam.create_user(UserName="tester")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="tester")["AccessKey"]
    names = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=address, **names)
    # From here on every request is looked at.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
    environment = {
        "AWS_ENDPOINT": address,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    say({"environment": environment, "secret": key["SecretAccessKey"]})
    serve(gate, s3)


def serve(gate, s3):
    gate.puts.clear()
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "stall":
            gate.left = int(rest)
            say("ok")
        elif word == "go":
            with gate.free:
                gate.left = None
                gate.free.notify_all()
            say("ok")
        elif word == "puts":
            puts, gate.puts[:] = list(gate.puts), []
            say(puts)
        elif word == "objects":
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            say([o["Key"] for page in pages for o in page.get("Contents", [])])
        elif word == "damage":
            body = bytearray(s3.get_object(Bucket=BUCKET, Key=rest)["Body"].read())
            body[len(body) // 2] ^= 1
            s3.put_object(Bucket=BUCKET, Key=rest, Body=bytes(body))
            say("ok")
        elif word == "text":
            key, _, words = rest.partition(" ")
            s3.put_object(Bucket=BUCKET, Key=key, Body=words.encode())
            say("ok")


main()
