"""Whether chains settle, whether refits agree, and what densities predict.

    python3 benches/agreement.py [CFX] [--data DIR] [--only WORD] [--settings NAME,NAME] [--seeds K] [--folds K] [--classes K] [--limit TIME] [--keep DIR] [--others] [NAME=FILE.npy,FILE.npy,... ...]

For sets of classes and settings of `dp_mixture` it prints

  seconds   of one core for a fit, with its four chains (as published: one), without what the fit is made from
  settled   share of fits that settled; that disagree; that cannot tell; the others are too short
  passes    mean passes of a chain, burn-in included
  parts     mean number of components
  agree     rank correlation of the classes' mean log densities between two seeds of the sampler, the mean over stages
  apart     root mean square difference of these means between the seeds, in nats
  ratio     the errors that are reported for these means, without that of the rows, over the spread of refits: `apart` over the square root of two
  held out  log density of rows that no fit has seen, nats a row: of fresh rows where a set has them, else in `--folds` folds (0, the default, leaves it out)
  by length share of fits that settled within so many passes; fits continue in steps of the doubled length, so that a large budget shows what smaller ones do

`--seeds 1` fits with one seed, and leaves out what needs two. `--classes K` takes the first K classes of CIFAR-100. `--limit 20m` ends each
run of `cfx` after so long: rows then tell of the fits that are done, and their seconds mean nothing. `--keep DIR` keeps the stores there, so
that the same command continues. `--others` prints the held-out log density of one Gaussian with the covariance of Ledoit and Wolf, and of
scikit-learn's `GaussianMixture` of one to eight components by BIC, for the same rows (fresh ones, or five folds of its own); it needs numpy
and scikit-learn.

Settings: `2k` (2,000 passes), `default` (on to at most 8,000), `32k`, `8k` (8,000, settled or not), `published`, and `firm`, a firm `niw`; the first two where none are named.

Sets: the quickstart's thirty classes (three stages of a small network, 8 directions) and as many Gaussian surrogates; ten digits in 16 directions of a random layer;
three and eight clusters in 16 dimensions; rows without structure in 64; and with `--data`, a folder with `mnist`, `cifar-100-binary`, `cifar-10-batches-bin` and
`weights` as examples/two_modes_examined wants them, three classes of MNIST in 8 and 16 directions of a random layer, and ten classes of CIFAR-100 in the last stage of a
ResNet-20, in 8 and 16 directions and all 64 units, and as many Gaussian surrogates of these.
Further sets come from files of one class each (64-bit, rows x units): `mine=class0.npy,class1.npy`. `--only WORD` takes the set of this name, else those whose name holds it.
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
    "8k": "{ sampler: merge_split(passes: 8000, burn_in: 4000, thin: 200) }",
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
stages x = svd(tap(untrained(mlp(hidden: [128]), some), some, at: hidden1), width: WIDTH)
"""
CLASSES = "apple, aquarium_fish, baby, bear, beaver, bed, bee, beetle, bicycle, bottle"
CIFAR = f"""cfx 1
experiment "Agreement" {{ seed: 1 }}
use std.data {{ cifar10, cifar100 }}
use std.networks {{ resnet20 }}
dataset ten = cifar10("cifar-10-batches-bin", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
dataset hundred = cifar100("cifar-100-binary", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
model net = import_weights("weights/resnet20-12fca82f.th", resnet20, ten.test)
"""
ALL = f"stages all = tap(net, hundred.train[class: [{CLASSES}]], at: stage3, pool: mean)\n"
FULL = f"""stages x = tap(net, hundred.train[class: [{CLASSES}]], at: stage3, pool: mean)
stages fresh = tap(net, hundred.test[class: [{CLASSES}]], at: stage3, pool: mean)
"""
FIT = """
axis refit = 0..SEEDS
density p = dp_mixture(x, by: class, seed: refit) SETTING
analysis look = diagnose(p)
"""
REST = """
analysis fit = density_summary(p)
analysis parts = mean(fit.components)
analysis level = mean(log_density(p, x), by: class)
"""
TWO = """
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


def run(cfx, folder, text, data, limit=None):
    """Runs a script, for so long at most, and returns processor seconds."""
    (folder / "exp.cfx").write_text(text)
    before = os.times()
    command = [cfx, "run", "exp.cfx", "--out", "out", "--threads", "1"] + (["--data", data] if data else []) + (["--limit", limit] if limit else [])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after = os.times()
    if done.returncode != 0 and not limit:
        sys.exit(done.stderr or done.stdout)
    return after.children_user - before.children_user + after.children_system - before.children_system


def others(folder, fresh):
    """Returns held-out log densities of a Gaussian and of mixtures by BIC, the mean over classes and stages."""
    import numpy
    from sklearn.covariance import LedoitWolf
    from sklearn.mixture import GaussianMixture

    arrays = folder / "out/arrays"
    load = lambda name: (numpy.load(arrays / f"{name}.npy"), numpy.load(arrays / f"{name}.labels.npy"))

    def one(train, test):
        fit = LedoitWolf().fit(train)
        mixtures = [GaussianMixture(k, random_state=0).fit(train) for k in range(1, 9)]
        return fit.score(test), min(mixtures, key=lambda m: m.bic(train)).score(test)

    x, labels = load("x")
    scores = []
    for stage in x.reshape(-1, *x.shape[-2:]):
        for label in numpy.unique(labels):
            rows = stage[labels == label]
            if fresh:
                test, own = load("fresh")
                scores.append(one(rows, test[own == label]))
            else:
                fold = numpy.random.default_rng(1).permutation(len(rows)) % 5
                scores.append(numpy.mean([one(rows[fold != k], rows[fold == k]) for k in range(5)], axis=0))
    return numpy.mean(scores, axis=0)


def measure(cfx, folder, name, head, settings, seeds, folds, data, compare, limit):
    fresh = "stages fresh" in head
    # What the fits are made from, and, again, what a run takes that has it all.
    run(cfx, folder, head, data)
    if compare:
        print(f"{name:28} one Gaussian %.2f, mixtures by BIC %.2f" % tuple(others(folder, fresh)), flush=True)
    nothing = run(cfx, folder, head, data)
    rest = REST + (TWO if seeds > 1 else "") + (FRESH if fresh else FOLDS.format(folds) if folds else "")
    for setting in settings:
        text = head + FIT.replace("SETTING", SETTINGS[setting]).replace("SEEDS", str(seeds))
        took = run(cfx, folder, text, data, limit) - nothing
        run(cfx, folder, text + rest, data, limit)
        mean = lambda values: sum(values) / len(values)
        number = lambda name: [float(row[name]) for row in table(folder, name) if row[name]]
        look = [row for row in table(folder, "look") if row["quantity"] == "components" and row["verdict"]]
        share = lambda verdict: mean([row["verdict"] == verdict for row in look])
        # Half of the passes are burn-in; as published, four fifths.
        half = 5.0 if setting == "published" else 2.0
        passes = [half * float(row["passes"]) / float(row["chains"]) for row in look]
        within = ""
        for length in sorted(set(passes)):
            done = mean([row["verdict"] == "settled" and own <= length for row, own in zip(look, passes)])
            within += f" {length:.0f}: {done:.0%}"
        agree = apart = ratio = ""
        if seeds > 1:
            level = {}
            for row in table(folder, "level"):
                if row["level"]:
                    level.setdefault(row["refit"], []).append((float(row["level"]), float(row["level_se"])))
            whole = [float(row["log_density_se"]) for row in table(folder, "fit") if row["log_density_se"]]
            rows = [error for values in level.values() for _, error in values]
            error = mean([max(a**2 - b**2, 0.0) for a, b in zip(whole, rows)]) ** 0.5
            pairs = list(zip(*list(level.values())[:2]))
            off = mean([(a - b) ** 2 for (a, _), (b, _) in pairs]) ** 0.5
            agree, apart = f"{mean(number('agree')):.3f}", f"{off:.3f}"
            ratio = f"{error * 2**0.5 / off:.2f}" if off > 0 else ""
        held = f"{mean(number('held')):.2f}" if fresh or folds else ""
        seconds = "" if limit else f"{took / len(look):.2f}"
        print(
            f"{name:28} {setting:9} {len(look):4} {seconds:>8} {share('settled'):8.0%} {share('disagree'):8.0%} {share('cannot tell'):8.0%}"
            f" {mean(passes):7.0f} {mean(number('parts')):6.1f} {agree:>6} {apart:>6} {ratio:>6} {held:>9} {within}",
            flush=True,
        )


def main(arguments):
    only, given, cfx, settings, folds, seeds, classes, data, compare, limit, keep = "", [], root / "target/release/cfx", ["2k", "default"], 0, 2, 10, None, False, None, None
    while arguments:
        word = arguments.pop(0)
        if word == "--only":
            only = arguments.pop(0)
        elif word == "--settings":
            settings = arguments.pop(0).split(",")
        elif word == "--folds":
            folds = int(arguments.pop(0))
        elif word == "--seeds":
            seeds = int(arguments.pop(0))
        elif word == "--classes":
            classes = int(arguments.pop(0))
        elif word == "--limit":
            limit = arguments.pop(0)
        elif word == "--keep":
            keep = pathlib.Path(arguments.pop(0)).resolve()
        elif word == "--others":
            compare = True
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
        for width in (8, 16):
            sets[f"MNIST, d = {width}"] = lambda folder, width=width: MNIST.replace("WIDTH", str(width))
            sets[f"CIFAR-100, d = {width}"] = lambda folder, width=width: CIFAR + ALL + f"stages x = svd(all, width: {width})\n"
        sets["CIFAR-100, d = 64"] = lambda folder: CIFAR + FULL
        for width in (8, 16, 64):
            sets[f"CIFAR-100, surrogates, d = {width}"] = lambda folder, width=width: CIFAR + ALL + f"stages x = matched_gaussian(svd(all, width: {width}), by: class)\n"
    for name, files in given:
        sets[name] = lambda folder, files=files: rows_of(folder, [read(path) for path in files.split(",")])
    print(
        f"{'':28} {'':9} {'fits':>4} {'seconds':>8} {'settled':>8} {'disagree':>8} {'no tell':>8} {'passes':>7} {'parts':>6} {'agree':>6} {'apart':>6} {'ratio':>6} {'held out':>9}  by length"
    )
    for name, make in sets.items():
        if name == only or only not in sets and only in name:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(keep or folder) / name.replace(", ", "-").replace(" = ", "")
                folder.mkdir(parents=True, exist_ok=True)
                head = make(folder).replace(CLASSES, ", ".join(CLASSES.split(", ")[:classes]))
                measure(cfx, folder, name, head, settings, seeds, folds, data, compare, limit)


main(sys.argv[1:])
