"""Estimates beside what was taken, for each operation, over scripts: python3 benches/estimates.py [CFX [SCRIPT[:NAME=VALUE …] ...]].

Without scripts: the quickstart and all scripts of tests/suite. Each runs in an empty store. Beside the seconds that cells took by the clock, which other
programs on the machine make longer, stand the seconds of the processor that the whole run took, the start and the report included (about 0.1 s).
Operations that took over a second in all and were expected to take over three times as much, or under a third, are listed at the end; then the
exit code is 1.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
cfx = sys.argv[1] if len(sys.argv) > 1 else root / "target/release/cfx"
scripts = sys.argv[2:] or [
    root / "examples/quickstart/exp.cfx",
    *sorted((root / "tests/suite").rglob("*.cfx")),
]


def totals(script, sets):
    """Returns the totals of a run's manifest, nothing where it left none, and the seconds of the processor that it took."""
    given = re.findall(r"^#! set (\w+) = (.*)$", script.read_text(), re.M)
    with tempfile.TemporaryDirectory() as folder:
        sets = [word for one in [*(f"{n}={v.strip()}" for n, v in given), *sets] for word in ("--set", one)]
        command = [cfx, "run", script, "--store", f"{folder}/store", "--out", f"{folder}/out", *sets]
        run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        manifest = pathlib.Path(folder, "out/manifest.json")
        return json.loads(manifest.read_text())["totals"] if manifest.exists() else None, used.ru_utime + used.ru_stime


operations = {}
print(f"{'script':<48} {'seconds':>17} {'ratio':>6} {'of processor':>12} {'peak MiB':>13} {'ratio':>6}")
for script in scripts:
    path, *sets = str(script).split(":")
    script = pathlib.Path(path)
    found, processor = totals(script, sets)
    name = " ".join([script.parent.name + "/" + script.stem, *sets])
    if found is None:
        print(f"{name:<48} left no manifest")
        continue
    seconds, memory = found["seconds"], found["memory"]
    ratio = lambda pair: pair["estimate"] / pair["actual"] if pair["actual"] and pair["estimate"] else float("nan")
    mib = lambda x: (x or 0) / 2**20
    print(
        f"{name:<48} {seconds['estimate']:>8.2f} {seconds['actual']:>8.2f} {ratio(seconds):>6.2f} {processor:>12.2f}"
        f" {mib(memory['estimate']):>6.0f} {mib(memory['actual']):>6.0f} {ratio(memory):>6.2f}"
    )
    for op, own in found["operations"].items():
        sums = operations.setdefault(op, [0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
        sums[0] += own["cells"]
        sums[1] += own["seconds"]["estimate"] or 0
        sums[2] += own["seconds"]["actual"] or 0
        # Memory of a cell is known only where it ran alone for long enough to be seen.
        if own["largest_memory"]["actual"]:
            sums[3] = max(sums[3], own["largest_memory"]["estimate"] or 0)
            sums[4] = max(sums[4], own["largest_memory"]["actual"])
        sums[5] += own["disk"]["estimate"] or 0
        sums[6] += own["disk"]["actual"] or 0

print(f"\n{'operation':<26} {'cells':>6} {'seconds':>19} {'ratio':>7} {'largest MiB':>15} {'disk KiB':>19}")
outside = []
for op, (cells, expected, took, memory, seen, disk, kept) in sorted(operations.items(), key=lambda o: -o[1][2]):
    ratio = expected / took if took > 0 else float("nan")
    print(
        f"{op:<26} {cells:>6} {expected:>9.3f} {took:>9.3f} {ratio:>7.2f} {memory / 2**20:>7.1f} {seen / 2**20:>7.1f}"
        f" {disk / 2**10:>9.1f} {kept / 2**10:>9.1f}"
    )
    if took > 1 and not 1 / 3 <= ratio <= 3:
        outside.append(f"{op}: {expected:.1f} s expected, {took:.1f} s taken")
print("\n" + ("\n".join(["outside a factor of three:", *outside]) if outside else "all that took over a second within a factor of three"))
sys.exit(1 if outside else 0)
