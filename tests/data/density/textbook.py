"""Writes textbook.json: posteriors of a Dirichlet-process mixture of Gaussians by a sampler that shares nothing with cfx's.

Sums of rows and of outer products instead of factors, log densities as ratios of closed-form marginal likelihoods instead of Student-t
formulas, determinants anew at every visit, alpha drawn on a grid instead of by an auxiliary variable. NumPy and SciPy only; some minutes.
"""
import json, os, sys
import numpy as np
from scipy.special import gammaln, multigammaln

def log_marginal(n, s, ss, kappa0, nu0, s0):
    """Log marginal likelihood of rows with count n, sum s and sum of outer products ss; prior mean 0. Vectorised over components."""
    d = s.shape[-1]
    kn, nn = kappa0 + n, nu0 + n
    sn = s0 + ss - s[..., :, None] * s[..., None, :] / kn[..., None, None]
    return (-n * d / 2 * np.log(np.pi) + d / 2 * np.log(kappa0 / kn) + multigammaln_all(nn / 2, d) - multigammaln(nu0 / 2, d)
            + nu0 / 2 * np.linalg.slogdet(s0)[1] - nn / 2 * np.linalg.slogdet(sn)[1])

def multigammaln_all(a, d):
    return d * (d - 1) / 4 * np.log(np.pi) + sum(gammaln(a - j / 2) for j in range(d))

def chain(x, new, kappa0, nu0, s0, sweeps, burn, rng, start):
    n, d = x.shape
    z = np.zeros(n, int) if start == 1 else rng.integers(start, size=n)
    z = np.unique(z, return_inverse=True)[1]
    alpha, grid = 1.0, np.exp(np.linspace(-8, 4, 4000))
    counts, densities = [], []
    prior_one = lambda p: log_marginal(np.ones(len(p)), p, p[:, :, None] * p[:, None, :], kappa0, nu0, s0)
    fresh, fresh_new = prior_one(x), prior_one(new)
    for sweep in range(sweeps):
        for i in rng.permutation(n):
            z[i] = -1
            labels = np.unique(z[z >= 0])
            z[z >= 0] = np.searchsorted(labels, z[z >= 0])
            k = len(labels)
            one = np.eye(k)[z[z >= 0]]
            rest = x[z >= 0]
            size, sums = one.sum(0), one.T @ rest
            outer = np.einsum("nk,ni,nj->kij", one, rest, rest)
            before = log_marginal(size, sums, outer, kappa0, nu0, s0)
            after = log_marginal(size + 1, sums + x[i], outer + np.outer(x[i], x[i]), kappa0, nu0, s0)
            logs = np.append(np.log(size) + after - before, np.log(alpha) + fresh[i])
            p = np.exp(logs - logs.max())
            z[i] = rng.choice(k + 1, p=p / p.sum())
        z = np.unique(z, return_inverse=True)[1]
        k = z.max() + 1
        log = (k + 1) * np.log(grid) + gammaln(grid) - gammaln(grid + n) - grid
        p = np.exp(log - log.max())
        alpha = rng.choice(grid, p=p / p.sum())
        if sweep >= burn:
            counts.append(k)
            one = np.eye(k)[z]
            size, sums, outer = one.sum(0), one.T @ x, np.einsum("nk,ni,nj->kij", one, x, x)
            before = log_marginal(size, sums, outer, kappa0, nu0, s0)
            total = alpha * np.exp(fresh_new)
            for c in range(k):
                o = np.repeat(outer[c][None], len(new), 0) + new[:, :, None] * new[:, None, :]
                total = total + size[c] * np.exp(
                    log_marginal(np.full(len(new), size[c] + 1), sums[c] + new, o, kappa0, nu0, s0) - before[c])
            densities.append(total / (n + alpha))
    return np.array(counts), np.array(densities)

sweeps, burn = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (3000, 300)
rng = np.random.default_rng(20)
sets = []
for name, d, parts in [("two lumps that overlap", 2, [(20, 0.0, 1.0), (12, 2.4, 0.6)]), ("a skewed cloud", 3, None)]:
    draw = lambda m: np.concatenate([rng.normal(size=(k * m, d)) * s + c for k, c, s in parts]) if parts else rng.gamma(1.5, size=(30 * m, d)) @ (
        np.eye(d) + 0.4)
    x, new = draw(1), draw(4)[::16]
    mean, var = x.mean(0), x.var(0)
    scale = np.diag(var * 6 ** (-2 / d))
    runs = [chain(x - mean, new - mean, 0.01, d + 2.0, scale, sweeps, burn, np.random.default_rng(c), [1, 6, 1, 12][c]) for c in range(4)]
    batches = lambda v: v[: len(v) // 15 * 15].reshape(15, -1, *v.shape[1:]).mean(1)
    k = np.concatenate([batches(np.stack([r[0] == j for j in range(1, 9)], 1).astype(float)) for r in runs])
    p = np.concatenate([batches(r[1]) for r in runs])
    error = lambda b: (b.std(0, ddof=1) / np.sqrt(len(b))).tolist()
    sets.append(dict(name=name, d=d, x=x.tolist(), points=new.tolist(), occupied=k.mean(0).tolist(), occupied_error=error(k),
                     density=p.mean(0).tolist(), density_error=error(p)))
    print(name, len(x), k.mean(0), error(k))
with open(os.path.join(os.path.dirname(__file__), "textbook.json"), "w") as f:
    json.dump(sets, f)
