"""Seconds of one core and peak memory of large plans: python3 benches/scale.py [CFX [CELLS ...]], by default 100,000 and 1,000,000 cells.

For each script: `check`, `plan` and `run` with an empty store, `run` again with everything in it, `plan` again; then the sizes of the store and
of the manifest. Seconds are those of the processor (user and system), so that other work on the machine disturbs them little.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
cfx = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else root / "target/release/cfx"
sizes = [int(n) for n in sys.argv[2:]] or [100_000, 1_000_000]


def head(*lines):
    return "\n".join(['cfx 1', 'experiment "Large" { seed: 1 }', *lines, ""])


def axes(cells):
    """Arithmetic over three axes: nothing of it is stored."""
    side = round((cells / 2) ** (1 / 3))
    return head(
        *(f"axis {name} = 0..{side}" for name in "abc"),
        "analysis v = exp(a / 100 + b / 100 + c / 100)",
        "analysis w = 2 * v",
        "analysis m = mean(w)",
    )


def long_axis(cells):
    """The same over one axis with many coordinates."""
    n = cells // 2
    return head(f"axis a = 0..{n}", f"analysis v = exp(a / {n})", "analysis w = 2 * v", "analysis m = mean(w)")


def stored(cells):
    """So many small results that are stored, each with a few parts, one part of each, and a mean over those."""
    side = round(cells**0.5)
    return head(
        f"axis a = 0..{side}",
        f"axis b = 0..{side}",
        "axis c = 0..4",
        "analysis v = bootstrap(a + b / 1000 + c * c, draws: 20, over: c)",
        "analysis m = mean(v.low)",
    )


def compared(cells):
    """Multiples of two accuracies, which know the examples that both are of, their differences, and a mean over those."""
    side = round((cells / 3) ** 0.5)
    return head(
        "use std.data { digits }",
        "use std.networks { mlp }",
        f"axis a = 1..{side + 1}",
        f"axis b = 1..{side + 1}",
        "dataset d = digits()",
        "model m = untrained(mlp(hidden: [4]), d.test, seed: 1)",
        "model n = untrained(mlp(hidden: [4]), d.test, seed: 2)",
        "analysis x = accuracy(m, d.test) * (a + b / 1000)",
        "analysis y = accuracy(n, d.test) * (b + a / 1000)",
        "analysis w = x / (a + b / 1000)",
        "analysis m_w = mean(w)",
        "analysis m_y = mean(y)",
        "claim \"They differ\" = m_w < m_y",
    )


def lets(cells):
    """A chain of settings, each made from the one before: a hundredth as many as cells elsewhere."""
    n = cells // 100
    return head("let x0 = 1", *(f"let x{i} = x{i - 1} + 1" for i in range(1, n)), f"analysis m = x{n - 1} * 2")


def backwards(cells):
    """A chain of results, the last one declared first: a hundredth as many as cells elsewhere."""
    n = cells // 100
    return head("axis r = 0..3", *(f"analysis x{i} = x{i - 1} + 1" for i in range(n - 1, 0, -1)), "analysis x0 = exp(r)")


def taken(command):
    """Returns seconds of processors and bytes at the peak of a command; nothing where it failed."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return None if status else (usage.ru_utime + usage.ru_stime, 1024 * usage.ru_maxrss)


def size(path):
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return sum(f.stat().st_size for f in files)


steps = ["check", "plan", "run", "run again", "plan again"]
print(f"{'script':<12} {'cells':>9} " + " ".join(f"{step:>18}" for step in steps) + f" {'store':>9} {'manifest':>9}")
for cells in sizes:
    for make in (axes, long_axis, stored, compared, lets, backwards):
        with tempfile.TemporaryDirectory() as folder:
            script, store, out = (pathlib.Path(folder, name) for name in ("exp.cfx", "store", "out"))
            script.write_text(make(cells))
            at = ["--store", store]
            run = [cfx, "run", script, *at, "--out", out, "--threads", "1"]
            commands = [[cfx, "check", script], [cfx, "plan", script, *at], run, run, [cfx, "plan", script, *at]]
            found = [taken(command) for command in commands]
            words = [f"{f[0]:>8.2f} s {f[1] / 2**20:>4.0f} MiB" if f else f"{'failed':>18}" for f in found]
            manifest = size(out / "manifest.json") if (out / "manifest.json").exists() else 0
            tail = f"{size(store) / 2**20:>5.0f} MiB {manifest / 2**20:>5.1f} MiB"
            print(f"{make.__name__:<12} {cells:>9,} " + " ".join(words) + f" {tail}", flush=True)
