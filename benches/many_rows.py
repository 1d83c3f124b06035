"""Mixtures of many rows: python3 benches/many_rows.py CFX [ROWS …], with a Python that has NumPy and scikit-learn.

Rows of 30 planted Gaussians of uneven sizes in 16 directions. Prints, for `sub_clusters` of one chain from one component: seconds by the clock and of processors a pass (of
the second half of the passes), peak memory, components, and how the last partition agrees with the planted one (adjusted Rand index, normalised mutual information);
the same of the planted mixture's own classification, which no method is expected to exceed, and of scikit-learn (at most SKLEARN rows; none where it is 0): its GaussianMixture,
which is told the number of components, and its BayesianGaussianMixture, which is told twice as many as the most.
The environment sets PASSES, PRIORS (settings of `dp_mixture`, separated by `;`, each ending in a comma) and SKLEARN.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

cfx = pathlib.Path(sys.argv[1]).resolve()
sizes = [int(n) for n in sys.argv[2:]] or [50_000, 1_000_000]
PASSES = int(os.environ.get("PASSES", "200"))
PRIORS = os.environ.get("PRIORS", ";prior: niw(scale: full), ").split(";")
SKLEARN = int(os.environ.get("SKLEARN", "50000"))
K, D = 30, 16

SCRIPT = """cfx 1
experiment "Many rows" {{ seed: 1 }}
stages s = load_stages("x.npy", rows: examples)
density p = dp_mixture(s) {{ {prior}sampler: sub_clusters(passes: {passes}, burn_in: {burn_in}, thin: {thin}, chains: 1, start: one) }}
"""


def planted(n):
    """Returns rows, their components, and those that the planted mixture itself would say."""
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.full(K, 2.0))
    means = rng.normal(0, 1.5, (K, D))
    factors = 0.5 * np.eye(D) + rng.normal(0, 0.2, (K, D, D))
    z = rng.choice(K, n, p=weights)
    x = np.empty((n, D))
    best, said = np.full(n, -np.inf), np.zeros(n, int)
    for k in range(K):
        own = z == k
        x[own] = means[k] + rng.normal(size=(own.sum(), D)) @ factors[k].T
    for k in range(K):
        inverse = np.linalg.inv(factors[k])
        log = np.log(weights[k]) + np.linalg.slogdet(inverse)[1] - 0.5 * (((x - means[k]) @ inverse.T) ** 2).sum(1)
        better = log > best
        best[better], said[better] = log[better], k
    return x, z, said


def run(folder, passes, prior):
    """Runs a fit; returns seconds by the clock, of processors, and peak MiB."""
    half = passes // 2
    text = SCRIPT.format(passes=passes, burn_in=half, thin=max(1, half // 2), prior=prior)
    (folder / "exp.cfx").write_text(text)
    clock = time.time()
    child = subprocess.Popen([cfx, "run", "exp.cfx"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done, peak = 0, 0
    while done == 0:
        # What the system says of a child that has ended counts the memory of this process, too.
        peak = max(peak, high_water(child.pid))
        time.sleep(0.02)
        done, status, used = os.wait4(child.pid, os.WNOHANG)
    assert status == 0, status
    return time.time() - clock, used.ru_utime + used.ru_stime, peak


def high_water(pid):
    """Returns the peak memory of a process in MiB."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0)


def agreement(z, said):
    return f"ARI {adjusted_rand_score(z, said):.3f}, NMI {normalized_mutual_info_score(z, said):.3f}"


for n in sizes:
    x, z, said = planted(n)
    print(f"{n} rows of {D} numbers, {x.nbytes / 2**20:.0f} MiB; planted mixture: {agreement(z, said)}", flush=True)
    for prior in PRIORS:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            np.save(folder / "x.npy", x)
            short = run(folder, PASSES // 2, prior)
            long = run(folder, PASSES, prior)
            store = next(folder.glob("results/**/p.zarr"), None) or next(folder.glob("**/p.zarr"))
            part = np.fromfile(next((store / "partitions" / "component").glob("0.*")), "<i4").reshape(-1, n)[-1]
            count = np.fromfile(next((store / "posterior" / "components").glob("0.*")), "<f8")
        each = [(b - a) / (PASSES - PASSES // 2) for a, b in zip(short, long)]
        sizes_now = np.bincount(part)
        print(
            f"  cfx {prior or 'hierarchical(), '}{PASSES} passes in {long[0]:.0f} s ({long[1]:.0f} s of processors); a pass {each[0]:.3f} s ({each[1]:.3f}); "
            f"{long[2]:.0f} MiB; components {count.min():.0f} to {count.max():.0f}, {(sizes_now > n / 1000).sum()} above n / 1000; {agreement(z, part)}",
            flush=True,
        )
    m = min(n, SKLEARN)
    if m == 0:
        continue
    methods = {
        f"GaussianMixture, {K} components": GaussianMixture(n_components=K, max_iter=500, random_state=1),
        f"BayesianGaussianMixture, {2 * K} components at most": BayesianGaussianMixture(
            n_components=2 * K, weight_concentration_prior_type="dirichlet_process", max_iter=500, random_state=1
        ),
    }
    for name, method in methods.items():
        clock, before = time.time(), os.times()
        fit = method.fit(x[:m])
        took, after = time.time() - clock, os.times()
        used = after.user - before.user + after.system - before.system
        labels = fit.predict(x[:m])
        print(
            f"  scikit-learn, first {m} rows, {name}: {took:.0f} s ({used:.0f} s of processors), {fit.n_iter_} iterations, converged: {fit.converged_}; "
            f"{(np.bincount(labels) > m / 1000).sum()} components above n / 1000; {agreement(z[:m], labels)}",
            flush=True,
        )
