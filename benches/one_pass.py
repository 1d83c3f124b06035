"""What one pass for all taps saves: python3 benches/one_pass.py [CFX].

A small ResNet is trained on the digits and kept. Its stages, accuracy and selectivities are then asked for in one run with an empty store, and, with an empty
store again, one by one in runs of their own. Printed: processor time of the parts over that of one run.
The time of a run that computes nothing is taken away from all.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
cfx = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else root / "target/release/cfx"

HEAD = """cfx 1
experiment "One pass" {{ seed: 1 }}
use std.data {{ digits }}
use std.networks {{ tiny_resnet }}
dataset data = digits()
model net = train(tiny_resnet(width: {width}), data.train) {{ epochs: 1, batch: 64, rate: 0.05, keep: weights }}
"""
PARTS = [
    "stages a = tap(net, data.train, at: stage1, pool: mean)",
    "stages b = tap(net, data.train, at: stage2, pool: mean)",
    "stages c = tap(net, data.train, at: stage3, pool: mean)",
    "analysis d = accuracy(net, data.train)",
    "analysis e = class_selectivity(net, data.train, at: stage3)",
]


def seconds(folder, width, parts):
    """Runs a script with these parts in a store that has the trained network, and returns processor seconds."""
    script = folder / "exp.cfx"
    script.write_text(HEAD.format(width=width) + "\n".join(parts) + "\n")
    before = os.times()
    subprocess.run([cfx, "run", script], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def measure(width):
    with tempfile.TemporaryDirectory() as name:
        trained = pathlib.Path(name) / "trained"
        trained.mkdir()
        seconds(trained, width, [])

        def of(parts):
            folder = pathlib.Path(name) / "now"
            shutil.copytree(trained, folder)
            took = seconds(folder, width, parts)
            shutil.rmtree(folder)
            return took

        nothing = min(of([]) for _ in range(3))
        together = min(of(PARTS) for _ in range(3)) - nothing
        apart = sum(min(of([part]) for _ in range(3)) - nothing for part in PARTS)
        return together, apart


for width in (16, 48):
    together, apart = measure(width)
    print(f"tiny_resnet of width {width}: {len(PARTS)} parts one by one take {apart / together:.2f} times as long as together")
