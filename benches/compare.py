"""Runs benches/nn.rs and benches/pytorch.py in turns and prints, case by case, PyTorch's time over cfx's.

    python benches/compare.py [--torch PYTHON] [--bench BINARY] [--rounds N] [--threads N] [--seconds S] [--channels-last] [--compile] [--device cuda:N] [--precision P] [PART OF A CASE'S NAME ...]

PYTHON is an interpreter that can import torch (default: this one). Without BINARY the benchmark is built with `cargo bench --bench nn --no-run`.
Each round measures both, one after the other, each in a process of its own; what is printed is the median over rounds of the ratio within a round,
the lowest and highest, and the same ratio of the time that processors spent (with `--threads 1` it does not mind what else runs on the machine;
with more, PyTorch's threads count as working while they spin). Needs no package.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
parser = argparse.ArgumentParser()
parser.add_argument("--torch", default=sys.executable)
parser.add_argument("--bench")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--seconds", type=float, default=3.0)
parser.add_argument("--channels-last", action="store_true")
parser.add_argument("--compile", action="store_true", help="PyTorch's networks go through torch.compile, which needs a C++ compiler")
parser.add_argument("--device", default="cpu", help="cpu, or cuda:N with a benchmark that was built with `--features cuda`")
parser.add_argument("--precision", default="f32", choices=["f32", "tf32", "bf16"])
parser.add_argument("cases", nargs="*")
args = parser.parse_args()

if args.bench is None:
    made = subprocess.run(
        ["cargo", "bench", "--bench", "nn", "--no-run", "--message-format=json", *([] if args.device == "cpu" else ["--features", "cuda"])], cwd=here.parent, check=True, stdout=subprocess.PIPE, text=True
    )
    found = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("{")]
    args.bench = next(m["executable"] for m in found if m.get("executable") and m["target"]["name"] == "nn")

script = (here / "pytorch.py").read_text()
names = [line.split('"')[1] for line in script.splitlines() if line.startswith('    ("')]
names = [n for n in names if not args.cases or any(c in n for c in args.cases)]
common = [str(args.threads), "--tsv", "--seconds", str(args.seconds), "--device", args.device, "--precision", args.precision]
layout = ["--channels-last"] * args.channels_last + ["--compile"] * args.compile


def measure(command, name):
    """Returns seconds a step, by the clock and of processors."""
    out = subprocess.run([*command, *common, name], check=True, stdout=subprocess.PIPE, text=True).stdout
    return next([float(x) for x in line.split("\t")[1:3]] for line in out.splitlines() if line.startswith(name + "\t"))


print(f"{'case':<16}{'cfx ms':>10}{'PyTorch ms':>12}{'cfx images/s':>14}{'ratio':>8}   lowest to highest of {args.rounds}   ratio of processors' time")
for name in names:
    pairs = []
    for _ in range(args.rounds):
        ours = measure([args.bench, "--bench"], name)
        pairs.append((ours, measure([args.torch, str(here / "pytorch.py"), *layout], name)))
    ratios = sorted(t[0] / o[0] for o, t in pairs)
    worked = statistics.median(t[1] / max(o[1], 1e-9) for o, t in pairs)
    batch = int(name.rsplit("-", 1)[1])
    ms, torch_ms = (statistics.median(p[i][0] for p in pairs) * 1e3 for i in range(2))
    ratio = statistics.median(ratios)
    span = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(f"{name:<16}{ms:>10.2f}{torch_ms:>12.2f}{batch / ms * 1e3:>14.0f}{ratio:>8.2f}   {span:<26}{worked:>10.2f}", flush=True)
