#!/usr/bin/env python3
"""Collects the licences of what the command has inside: of each crate that is linked, of Rust's standard library, of OpenBLAS.

    python3 packaging/licences.py text FILE [options of cargo]       # writes them to a file
    python3 packaging/licences.py wheel WHEEL [options of cargo]     # puts them into a wheel, as PEP 639 has it

The options that say what is linked must be those of the build: --features, --all-features, --no-default-features, --target. Other
options of cargo and maturin are ignored. Texts come from the sources that cargo has built from; nothing is fetched that is there.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

ROOT = Path(__file__).resolve().parent.parent
NAMES = re.compile(r"(un)?licen[cs]e|copying|copyright|notice|patents|ofl", re.I)
# Folders of a crate that are not compiled into what depends on it.
ASIDE = {"tests", "examples", "benches", "fuzz"}


class Part(NamedTuple):
    """Something inside the command."""

    name: str
    licence: str
    texts: List[str]
    note: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["text", "wheel"])
    parser.add_argument("file", type=Path)
    for name in ["--features", "-F", "--target"]:
        parser.add_argument(name, action="append", default=[])
    for name in ["--all-features", "--no-default-features"]:
        parser.add_argument(name, action="store_true")
    given, _ = parser.parse_known_args()
    options = [f"--features={f}" for f in given.features + given.F]
    options += ["--all-features"] if given.all_features else []
    options += ["--no-default-features"] if given.no_default_features else []
    target = given.target[-1] if given.target else re.search(r"^host: (.+)$", call("rustc", "-vV"), re.M)[1]
    parts = [*own(), *crates(options, target), standard_library()]
    if given.all_features or re.search(r"\bopenblas-static\b", " ".join(options)):
        parts += inside_openblas()
    if given.what == "text":
        given.file.parent.mkdir(parents=True, exist_ok=True)
        given.file.write_text(document(parts, target), encoding="utf-8")
        print(f"{given.file} has the licences of {len(parts)} parts")
    else:
        into_wheel(given.file, parts, target)


def call(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode:
        sys.exit(f"licences are not collected: `{' '.join(command)}` failed")
    return done.stdout


def own() -> List[Part]:
    """What travels in the repository itself."""
    return [
        Part("Inter (typeface of figures)", "OFL-1.1", [read(ROOT / "src/report/fonts/OFL.txt")]),
        Part("Data of `digits()`", "CC-BY-4.0", [read(ROOT / "stdlib/data/README.md")]),
    ]


def crates(options: List[str], target: str) -> List[Part]:
    """The crates that are linked: neither macros, nor what builds or tests need."""
    tree = call("cargo", "tree", "--locked", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p}", f"--target={target}", *options)
    linked = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    described = json.loads(call("cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}", *options))
    found = {(p["name"], "v" + p["version"]): p for p in described["packages"]}
    here = {p for p in linked if Path(found[p]["manifest_path"]).parent.resolve() == ROOT}
    return [crate(found[p]) for p in sorted(linked - here)]


def crate(package: dict) -> Part:
    folder = Path(package["manifest_path"]).parent
    files = [f for f in folder.rglob("*") if NAMES.match(f.name) and f.is_file() and not ASIDE & set(f.relative_to(folder).parts)]
    # Source files that are called so are no texts.
    files = [f for f in files if f.suffix not in {".rs", ".h", ".c", ".py", ".sh"}]
    if package["license_file"]:
        files.append(folder / package["license_file"])
    licence = (package["license"] or "see the text").replace(" / ", " OR ").replace("/", " OR ")
    texts = [read(f) for f in sorted(set(files))]
    note = ""
    if not texts:
        texts, note = standard(licence, package["authors"]), "its archive has no text; this is the standard one"
        if not texts:
            note = f"its archive has no text; see {package['repository'] or 'crates.io'}"
    return Part(f"{package['name']} {package['version']}", licence, texts, note)


def standard(licence: str, authors: List[str]) -> List[str]:
    """The text of a licence that this repository has as well."""
    if "Apache-2.0" in re.split(r"[ ()]+", licence):
        return [read(ROOT / "LICENSE-APACHE")]
    if licence == "MIT":
        return [re.sub(r"Copyright .*", f"Copyright (c) {', '.join(authors) or 'the authors'}", read(ROOT / "LICENSE-MIT"), count=1)]
    return []


def standard_library() -> Part:
    version = call("rustc", "--version").split()[1]
    name, licence = f"Rust's standard library {version}", "MIT OR Apache-2.0"
    page = Path(call("rustc", "--print", "sysroot").strip()) / "share/doc/rust/COPYRIGHT-library.html"
    if not page.is_file():
        return Part(name, licence, standard(licence, []), "this toolchain has no notices of it; this is the standard text")
    text = re.sub(r"(?s)<(head|style|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"))
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return Part(name, licence, [re.sub(r"\n\s*\n\s*\n", "\n\n", text).strip()])


def inside_openblas() -> List[Part]:
    """OpenBLAS where it is linked statically: packaging/openblas.sh and MSYS2 put texts beside the library."""
    library = Path(call("pkg-config", "--variable=libdir", "openblas").strip())
    folder = library.parent / "share/licenses"
    parts = [Part(f.name, "see the text", [read(t) for t in sorted(f.rglob("*")) if t.is_file()]) for f in sorted(folder.glob("*")) if wanted(f.name)]
    if not any("openblas" in p.name.lower() for p in parts):
        sys.exit(f"licences are not collected: {folder} has no text of OpenBLAS")
    return parts


def wanted(name: str) -> bool:
    return bool(re.search("openblas|lapack|gcc|gfortran|quadmath|pthread", name, re.I))


def library(name: str) -> Part:
    """A shared library that auditwheel has put into the wheel, by the package that it came from."""
    # auditwheel writes eight digits of a hash before the first dot.
    package = owner(re.sub(r"-[0-9a-f]{8}(?=\.|$)", "", name))
    if package is None:
        return Part(name, "unknown", [], "no package of the machine that built this has it")
    notice = Path("/usr/share/doc") / package / "copyright"
    folder = Path("/usr/share/licenses") / package
    texts = [read(f) for f in [notice, *sorted(folder.glob("*"))] if f.is_file()]
    # Debian's notices name some texts by their place.
    for other in sorted(set(re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])", "".join(texts)))):
        file = Path("/usr/share/common-licenses") / other
        texts += [read(file)] if file.is_file() else []
    return Part(name, f"of the package {package}", texts, "" if texts else "its package has no text")


def owner(file: str) -> Optional[str]:
    """The system's package that a library is of, where Debian's, Fedora's or Arch's tools tell."""
    found = next((str(f) for top in ["/usr/lib64", "/usr/lib"] for f in Path(top).rglob(file)), file)
    for command in [["dpkg", "-S", f"*/{file}"], ["rpm", "-q", "--qf=%{NAME}: \n", "-f", found], ["pacman", "-Qqo", found]]:
        if shutil.which(command[0]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
            if done.returncode == 0 and done.stdout:
                return done.stdout.split("\n")[0].split(":")[0].strip()
    return None


def read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n").strip("\n")


def document(parts: List[Part], target: str) -> str:
    """All parts, then all texts, each once."""
    numbers: Dict[str, int] = {}
    texts: List[str] = []
    lines = []
    for part in parts:
        mine = []
        for text in part.texts:
            # Texts that differ in line breaks only are one.
            key = " ".join(text.split())
            if key not in numbers:
                texts.append(text)
                numbers[key] = len(texts)
            mine.append(numbers[key])
        where = " ".join(str(n) for n in sorted(set(mine))) or "none"
        lines.append(f"{part.name} | {part.licence} | {where}" + (f" | {part.note}" if part.note else ""))
    rule = "=" * 100
    head = f"What cfx has inside that others have written ({target}): name, licence, numbers of the texts below. cfx itself: MIT OR Apache-2.0.\n\n"
    return head + "\n".join(lines) + "\n" + "".join(f"\n{rule}\nText {n}\n{rule}\n{text}\n" for n, text in enumerate(texts, 1))


def into_wheel(wheel: Path, parts: List[Part], target: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entries = [(info, archive.read(info)) for info in archive.infolist()]
    libraries = [Path(info.filename).name for info, _ in entries if re.match(r"[^/]+\.libs/.", info.filename)]
    parts = parts + [library(name) for name in sorted(libraries)]
    files = {name: (ROOT / name).read_bytes() for name in ["LICENSE-APACHE", "LICENSE-MIT"]}
    files["THIRD_PARTY.txt"] = document(parts, target).encode()
    metadata = next(info for info, _ in entries if re.fullmatch(r"[^/]+\.dist-info/METADATA", info.filename))
    about = metadata.filename[: -len("METADATA")]
    record = about + "RECORD"
    entries = [(i, d) for i, d in entries if i.filename != record and not i.filename.startswith(about + "licenses/")]
    for name, data in files.items():
        info = zipfile.ZipInfo(about + "licenses/" + name, metadata.date_time)
        info.external_attr = 0o644 << 16
        entries.append((info, data))
    entries = [(i, described(d, list(files)) if i is metadata else d) for i, d in entries]
    rows = [f"{i.filename},sha256={digest(d)},{len(d)}" for i, d in entries if not i.is_dir()] + [f"{record},,"]
    info = zipfile.ZipInfo(record, metadata.date_time)
    info.external_attr = 0o644 << 16
    entries.append((info, ("\n".join(rows) + "\n").encode()))
    made = wheel.with_suffix(".part")
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data, compress_type=zipfile.ZIP_DEFLATED)
    made.replace(wheel)
    print(f"{wheel.name} has the licences of {len(parts)} parts, {len(files['THIRD_PARTY.txt']) >> 10} KiB")


def described(metadata: bytes, files: List[str]) -> bytes:
    """The wheel's description, which names the files of licences (PEP 639)."""
    head, gap, body = metadata.decode().partition("\n\n")
    lines = [line for line in head.splitlines() if not line.startswith(("Metadata-Version:", "License-File:"))]
    lines = ["Metadata-Version: 2.4", *lines, *(f"License-File: {name}" for name in files)]
    return ("\n".join(lines) + gap + body).encode()


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
