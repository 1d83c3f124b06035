"""Whether chains settle, whether refits agree, and what densities predict: python3 benches/agreement.py [CFX] [--only WORD] [NAME=FILE.npy,FILE.npy,... ...].

For sets of classes and three settings of `dp_mixture` (the default; `niw()` and sampler as published; the firm `niw`) it prints

  seconds   of one core for a fit, with its four chains (as published: one), without what the fit is made from
  settled   share of fits that settled, and, after the bar, that disagree
  passes    mean passes of a chain after burn-in
  parts     mean number of components
  agree     rank correlation of the classes' mean log densities between two seeds of the sampler
  held out  log density of rows in five folds, nats a row

Sets: the quickstart's thirty classes (three stages of a small network, 8 directions) and as many Gaussian surrogates; three and eight clusters and no structure in 16
dimensions; and further ones, each from files of one class (64-bit, rows x units): `stage3=class0.npy,class1.npy`. `--only WORD` takes sets whose name holds it.
"""

import array
import csv
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent

SETTINGS = {
    "default": "",
    "published": "{ published: true }",
    "firm": """{
  prior: niw(scale: full, dof: 5 * dim, inflate: 4 * dim - 1)
  sampler: gibbs(passes: 2000, burn_in: 1000, thin: 50)
}""",
}
ROWS = """cfx 1
experiment "Agreement" { seed: 1 }
stages x = load_stages("rows.npy", rows: examples, labels: "labels.npy")
"""
FIT = """
axis refit = 0..2
density p = dp_mixture(x, by: class, seed: refit) SETTING
analysis ok = mixing(p)
analysis look = diagnose(p)
"""
REST = """
analysis fit = density_summary(p)
analysis parts = mean(fit.components)
analysis level = mean(log_density(p, x), by: class)
analysis agree = spearman(level[refit: 0], level[refit: 1], over: class)
analysis held = mean(log_density(p[refit: 0], x, held_out: 5))
"""


def npy(path, shape, numbers, kind):
    """Writes numbers as a .npy file."""
    head = f"{{'descr': '<{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    body = array.array({"f8": "d", "i8": "q"}[kind], numbers).tobytes()
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + body)


def read(path):
    """Returns (rows, units, numbers) of a two-dimensional .npy file of 64-bit numbers."""
    data = pathlib.Path(path).read_bytes()
    end = 10 + struct.unpack("<H", data[8:10])[0]
    head = data[10:end].decode()
    if "'<f8'" not in head or "True" in head:
        sys.exit(f"{path}: 64-bit numbers, row by row, are expected")
    rows, units = map(int, re.search(r"\((\d+), (\d+)\)", head).groups())
    return rows, units, array.array("d", data[end:])


def rows_of(folder, classes):
    """Writes classes, each (rows, units, numbers), as one set; returns the head of its script."""
    units = classes[0][1]
    numbers = array.array("d")
    labels = []
    for label, (rows, own, values) in enumerate(classes):
        assert own == units, "classes have different numbers of units"
        numbers.extend(values)
        labels += [label] * rows
    npy(folder / "rows.npy", (len(labels), units), numbers, "f8")
    npy(folder / "labels.npy", (len(labels),), labels, "i8")
    return ROWS


def lumps(rows, units, count, apart, seed):
    """Returns rows in lumps `apart` from the origin, each with the same correlated noise."""
    rng = random.Random(seed)
    normal = lambda: rng.gauss(0.0, 1.0)
    mixing = [[normal() for _ in range(units)] for _ in range(units)]
    centres = [[apart * normal() / units**0.5 for _ in range(units)] for _ in range(count)]
    out = []
    for i in range(rows):
        e = [normal() for _ in range(units)]
        shared = [0.3 * sum(m * v for m, v in zip(row, e)) / units**0.5 for row in mixing]
        out += [c + v + s for c, v, s in zip(centres[i % count], e, shared)]
    return rows, units, out


def quickstart(surrogates):
    """Returns the head of the quickstart up to its representations."""
    text = (root / "examples/quickstart/exp.cfx").read_text()
    text = re.sub(r"(?m)^density p .*\Z", "", text, flags=re.S)
    return text + f"\nstages x = {'null' if surrogates else 'reps'}\n"


def table(folder, name):
    with open(folder / "out/tables" / f"{name}.csv") as file:
        return list(csv.DictReader(file))


def run(cfx, folder, text):
    """Runs a script and returns processor seconds."""
    (folder / "exp.cfx").write_text(text)
    before = os.times()
    done = subprocess.run([cfx, "run", "exp.cfx", "--out", "out"], cwd=folder, capture_output=True, text=True)
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stderr or done.stdout)
    return after.children_user - before.children_user + after.children_system - before.children_system


def measure(cfx, folder, name, head):
    for setting, words in SETTINGS.items():
        # What the fits are made from, and, again, what a run takes that has it all.
        run(cfx, folder, head)
        nothing = run(cfx, folder, head)
        text = head + FIT.replace("SETTING", words)
        took = run(cfx, folder, text) - nothing
        run(cfx, folder, text + REST)
        truth = [(row["settled"], row["disagree"]) for row in table(folder, "ok")]
        yes = lambda at: sum(pair[at] in ("true", "True", "1", "1.0") for pair in truth) / len(truth)
        look = [row for row in table(folder, "look") if row["quantity"] == "components"]
        passes = sum(float(row["passes"]) / float(row["chains"]) for row in look) / len(look)
        number = lambda name: [float(row[name]) for row in table(folder, name)]
        mean = lambda values: sum(values) / len(values)
        print(
            f"{name:28} {setting:10} {took / len(truth):8.2f} {yes(0):8.0%} | {yes(1):4.0%} {passes:8.0f} {mean(number('parts')):6.1f}"
            f" {mean(number('agree')):7.3f} {mean(number('held')):9.2f}",
            flush=True,
        )


def main(arguments):
    only, given, cfx = "", [], root / "target/release/cfx"
    while arguments:
        word = arguments.pop(0)
        if word == "--only":
            only = arguments.pop(0)
        elif "=" in word:
            given.append(word.split("=", 1))
        else:
            cfx = pathlib.Path(word).resolve()
    sets = {
        "quickstart, 30 classes": lambda folder: quickstart(False),
        "quickstart, surrogates": lambda folder: quickstart(True),
        "clusters and none, d = 16": lambda folder: rows_of(
            folder, [lumps(300, 16, 3, 20.0, 1), lumps(600, 16, 8, 16.0, 2), lumps(500, 16, 1, 0.0, 3)]
        ),
    }
    for name, files in given:
        sets[name] = lambda folder, files=files: rows_of(folder, [read(path) for path in files.split(",")])
    print(f"{'':28} {'':10} {'seconds':>8} {'settled':>8} | {'':4} {'passes':>8} {'parts':>6} {'agree':>7} {'held out':>9}")
    for name, make in sets.items():
        if only in name:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                measure(cfx, folder, name, make(folder))


main(sys.argv[1:])
