"""A server with the protocol of Azure for tests: Azurite on a free port of this machine, with one container. Where it is not installed, says so and ends with 1.

Prints one line of JSON: what the environment of a client holds, the secret. Then reads commands, one a line, and answers each with a line of JSON:

    objects         the names of all objects
    damage KEY      changes one byte of an object
    text KEY WORDS  makes an object

Ends when its standard input does.
"""

import base64
import email.utils
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

CONTAINER = "results"
# Those of every Azurite.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Azure:
    """Sends signed requests."""

    def __init__(self, address):
        self.address = address

    def ask(self, method, path, query=(), body=None, kind=None):
        headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        if kind:
            headers["x-ms-blob-type"] = kind
        length, form = (str(len(body)) if body else "", "application/octet-stream" if body is not None else "")
        own = "".join(f"{k}:{v}\n" for k, v in sorted(headers.items()))
        what = f"/{ACCOUNT}/{ACCOUNT}{path}" + "".join(f"\n{k}:{v}" for k, v in sorted(query))
        text = "\n".join([method, "", "", length, "", form, "", "", "", "", "", "", own + what])
        made = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(made).decode()}"
        if body is not None:
            headers["Content-Type"] = form
        address = f"{self.address}/{ACCOUNT}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(urllib.request.Request(address, method=method, data=body, headers=headers)) as answer:
            return answer.read()

    def objects(self):
        text = self.ask("GET", f"/{CONTAINER}", (("restype", "container"), ("comp", "list"))).decode()
        return re.findall("<Name>(.*?)</Name>", text)

    def read(self, key):
        return self.ask("GET", f"/{CONTAINER}/{key}")

    def write(self, key, body):
        self.ask("PUT", f"/{CONTAINER}/{key}", body=body, kind="BlockBlob")


def say(what):
    print(json.dumps(what), flush=True)


def main():
    program = shutil.which("azurite-blob")
    if program is None:
        sys.exit("`azurite-blob` is not installed (npm install -g azurite)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder, "--silent"]
        command += ["--disableTelemetry", "--skipApiVersionCheck"]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            serve(Azure(f"http://127.0.0.1:{port}"))
        finally:
            server.terminate()
            server.wait()


def serve(azure):
    for left in reversed(range(300)):
        try:
            azure.ask("PUT", f"/{CONTAINER}", (("restype", "container"),))
            break
        except urllib.error.URLError as e:
            if left == 0:
                sys.exit(f"Azurite does not answer: {e}")
            time.sleep(0.1)
    environment = {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": azure.address}
    say({"environment": environment, "secret": KEY})
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "objects":
            say(azure.objects())
        elif word == "damage":
            body = bytearray(azure.read(rest))
            body[len(body) // 2] ^= 1
            azure.write(rest, bytes(body))
            say("ok")
        elif word == "text":
            key, _, words = rest.partition(" ")
            azure.write(key, words.encode())
            say("ok")


main()
