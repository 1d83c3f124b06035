"""Checks that a wheel has the licences of what is inside it: python licences.py WHEEL

The crates are those that the program itself names: each has places of its source in the text of its panics.
"""

import base64
import hashlib
import re
import sys
import zipfile

CRATE = re.compile(rb"registry[/\\]src[/\\][^/\\\0]+[/\\]([A-Za-z0-9_-]+)-([0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*)[/\\]")


def main(wheel: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    about = next(name for name in files if name.endswith(".dist-info/METADATA"))[: -len("METADATA")]
    record = dict(row.split(",", 1) for row in files[about + "RECORD"].decode().split("\n") if row)
    unlisted = [name for name in files if name not in record]
    assert not unlisted, f"not in RECORD: {unlisted}"
    said = re.findall(r"^License-File: (.+)$", files[about + "METADATA"].decode().split("\n\n")[0], re.M)
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "THIRD_PARTY.txt"]:
        assert name in said, f"METADATA does not name {name}"
        data = files[about + "licenses/" + name]
        code = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert record[about + "licenses/" + name] == f"sha256={code},{len(data)}", f"RECORD is wrong about {name}"

    text = files[about + "licenses/THIRD_PARTY.txt"].decode()
    listed = dict(re.findall(r"^([^|\n]+) \| [^|\n]+ \| ([0-9 ]+|none)", text, re.M))
    inside = {f"{name.decode()} {version.decode()}" for data in files.values() for name, version in CRATE.findall(data)}
    assert len(inside) > 50, f"the program names only these crates: {sorted(inside)}"
    inside |= {name.rsplit("/", 1)[1] for name in files if re.match(r"[^/]+\.libs/", name)}
    missing = sorted(inside - set(listed))
    assert not missing, f"no licence of what is inside: {missing}"
    texts = {number for number, rest in re.findall(r"\n=+\nText ([0-9]+)\n=+\n([^\n]+)", text)}
    empty = sorted(name for name, numbers in listed.items() if not set(numbers.split()) <= texts | {"none"})
    assert not empty, f"texts that are not there: {empty}"
    print(f"the wheel has the licences of {len(listed)} parts; {len(inside)} of them are named by what is inside it")


main(sys.argv[1])
