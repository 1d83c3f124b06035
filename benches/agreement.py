"""Whether chains settle, whether refits agree, and what densities predict.

    python3 benches/agreement.py [CFX] [--data DIR] [--only WORD] [--settings NAME,NAME] [--folds K] [NAME=FILE.npy,FILE.npy,... ...]

For sets of classes and settings of `dp_mixture` it prints

  seconds   of one core for a fit, with its four chains (as published: one), without what the fit is made from
  settled   share of fits that settled; that disagree; that cannot tell; the others are too short
  passes    mean passes of a chain, burn-in included
  parts     mean number of components
  agree     rank correlation of the classes' mean log densities between two seeds of the sampler
  apart     root mean square difference of these means between the seeds, in nats
  held out  log density of rows that no fit has seen, nats a row: of fresh rows where a set has them, else in `--folds` folds (0, the default, leaves it out)

Settings: `2k` (2,000 passes), `default` (on to at most 8,000), `32k`, `published`, and `firm`, a firm `niw`; the first two where none are named.

Sets: the quickstart's thirty classes (three stages of a small network, 8 directions) and as many Gaussian surrogates; ten digits in 16 directions of a random layer;
three and eight clusters in 16 dimensions; rows without structure in 64; and with `--data`, a folder with `mnist`, `cifar-100-binary`, `cifar-10-batches-bin` and
`weights` as examples/two_modes_examined wants them, three classes of MNIST in 16 directions of a random layer and ten classes of CIFAR-100 in the last stage of a ResNet-20.
Further sets come from files of one class each (64-bit, rows x units): `mine=class0.npy,class1.npy`. `--only WORD` takes sets whose name holds it.
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
    "2k": "{ sampler: merge_split() }",
    "default": "",
    "32k": "{ sampler: merge_split(budget: 32k) }",
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
DIGITS = """cfx 1
experiment "Agreement" { seed: 1 }
use std.data { digits }
use std.networks { mlp }
dataset data = digits()
stages x = svd(tap(untrained(mlp(hidden: [128]), data.train), data.train, at: hidden1), width: 16)
"""
MNIST = """cfx 1
experiment "Agreement" { seed: 1 }
use std.data { mnist }
use std.networks { mlp }
dataset data = mnist("mnist")
dataset some = sample(data.train[class: ["0", "1", "4"]], 1500)
stages x = svd(tap(untrained(mlp(hidden: [128]), some), some, at: hidden1), width: 16)
"""
CLASSES = "apple, aquarium_fish, baby, bear, beaver, bed, bee, beetle, bicycle, bottle"
CIFAR = f"""cfx 1
experiment "Agreement" {{ seed: 1 }}
use std.data {{ cifar10, cifar100 }}
use std.networks {{ resnet20 }}
dataset ten = cifar10("cifar-10-batches-bin", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
dataset hundred = cifar100("cifar-100-binary", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
model net = import_weights("weights/resnet20-12fca82f.th", resnet20, ten.test)
stages x = tap(net, hundred.train[class: [{CLASSES}]], at: stage3, pool: mean)
stages fresh = tap(net, hundred.test[class: [{CLASSES}]], at: stage3, pool: mean)
"""
FIT = """
axis refit = 0..2
density p = dp_mixture(x, by: class, seed: refit) SETTING
analysis look = diagnose(p)
"""
REST = """
analysis fit = density_summary(p)
analysis parts = mean(fit.components)
analysis level = mean(log_density(p, x), by: class)
analysis agree = spearman(level[refit: 0], level[refit: 1], over: class)
"""
FRESH = "analysis held = mean(log_density(p, fresh))\n"
FOLDS = "analysis held = mean(log_density(p[refit: 0], x, held_out: {}))\n"


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


def run(cfx, folder, text, data):
    """Runs a script and returns processor seconds."""
    (folder / "exp.cfx").write_text(text)
    before = os.times()
    command = [cfx, "run", "exp.cfx", "--out", "out", "--threads", "1"] + (["--data", data] if data else [])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stderr or done.stdout)
    return after.children_user - before.children_user + after.children_system - before.children_system


def measure(cfx, folder, name, head, settings, folds, data):
    fresh = "stages fresh" in head
    # What the fits are made from, and, again, what a run takes that has it all.
    run(cfx, folder, head, data)
    nothing = run(cfx, folder, head, data)
    rest = REST + (FRESH if fresh else FOLDS.format(folds) if folds else "")
    for setting in settings:
        text = head + FIT.replace("SETTING", SETTINGS[setting])
        took = run(cfx, folder, text, data) - nothing
        run(cfx, folder, text + rest, data)
        look = [row for row in table(folder, "look") if row["quantity"] == "components"]
        share = lambda verdict: sum(row["verdict"] == verdict for row in look) / len(look)
        # Half of the passes are burn-in; as published, four fifths.
        half = 5.0 if setting == "published" else 2.0
        passes = [half * float(row["passes"]) / float(row["chains"]) for row in look]
        number = lambda name: [float(row[name]) for row in table(folder, name)]
        mean = lambda values: sum(values) / len(values)
        level = {}
        for row in table(folder, "level"):
            level.setdefault(row["refit"], []).append(float(row["level"]))
        apart = mean([(a - b) ** 2 for a, b in zip(*level.values())]) ** 0.5
        held = f"{mean(number('held')):9.2f}" if fresh or folds else f"{'':9}"
        print(
            f"{name:28} {setting:9} {len(look):4} {took / len(look):8.2f} {share('settled'):8.0%} {share('disagree'):8.0%} {share('cannot tell'):8.0%}"
            f" {mean(passes):7.0f} {mean(number('parts')):6.1f} {mean(number('agree')):6.3f} {apart:6.3f} {held}",
            flush=True,
        )


def main(arguments):
    only, given, cfx, settings, folds, data = "", [], root / "target/release/cfx", ["2k", "default"], 0, None
    while arguments:
        word = arguments.pop(0)
        if word == "--only":
            only = arguments.pop(0)
        elif word == "--settings":
            settings = arguments.pop(0).split(",")
        elif word == "--folds":
            folds = int(arguments.pop(0))
        elif word == "--data":
            data = str(pathlib.Path(arguments.pop(0)).resolve())
        elif "=" in word:
            given.append(word.split("=", 1))
        else:
            cfx = pathlib.Path(word).resolve()
    for setting in settings:
        if setting not in SETTINGS:
            sys.exit(f"no setting `{setting}`: there are {', '.join(SETTINGS)}")
    sets = {
        "quickstart": lambda folder: quickstart(False),
        "quickstart, surrogates": lambda folder: quickstart(True),
        "digits, d = 16": lambda folder: DIGITS,
        "three clusters, d = 16": lambda folder: rows_of(folder, [lumps(300, 16, 3, 20.0, 1), lumps(300, 16, 3, 20.0, 4)]),
        "eight clusters, d = 16": lambda folder: rows_of(folder, [lumps(600, 16, 8, 16.0, 2), lumps(600, 16, 8, 16.0, 5)]),
        "no structure, d = 64": lambda folder: rows_of(folder, [lumps(500, 64, 1, 0.0, 3), lumps(500, 64, 1, 0.0, 6)]),
    }
    if data:
        sets["MNIST, d = 16"] = lambda folder: MNIST
        sets["CIFAR-100, d = 64"] = lambda folder: CIFAR
    for name, files in given:
        sets[name] = lambda folder, files=files: rows_of(folder, [read(path) for path in files.split(",")])
    print(
        f"{'':28} {'':9} {'fits':>4} {'seconds':>8} {'settled':>8} {'disagree':>8} {'no tell':>8} {'passes':>7} {'parts':>6} {'agree':>6} {'apart':>6} {'held out':>9}"
    )
    for name, make in sets.items():
        if only in name:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                measure(cfx, folder, name, make(folder), settings, folds, data)


main(sys.argv[1:])
