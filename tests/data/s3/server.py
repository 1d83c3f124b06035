"""An S3 server for tests: moto on a free port of this machine, which checks who asks and can be told to stall or to damage what it holds.

Prints one line of JSON: address, keys. Then reads commands, one a line, and answers each with a line of JSON:

    stall N     lets N uploads of results through and holds the next ones until `go`; those are told to come again
    go          lets everything through
    puts        the names of the objects that were uploaded since it was asked last
    objects     the names of all objects
    damage KEY  changes one byte of an object
    write KEY   makes an object

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


class Gate:
    """Passes requests on, takes down uploads, and holds them where it was told to."""

    def __init__(self, app):
        self.app, self.puts, self.left = app, [], None
        self.free = threading.Condition()

    def __call__(self, environ, start_response):
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
    iam.create_user(UserName="tester")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="tester", PolicyName="all", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="tester")["AccessKey"]
    names = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=address, **names)
    # From here on every request is looked at.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
    gate.puts.clear()
    say({"address": address, "bucket": BUCKET, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]})
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
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
        elif word == "write":
            s3.put_object(Bucket=BUCKET, Key=rest, Body=b"mine")
            say("ok")


main()
