"""Writes stacking.json by SciPy: leave-one-out densities of rows under given partitions, each component built anew without the row, and the
stacking weights of chains by sequential quadratic programming, from several starts."""
import json, os
import numpy as np
from scipy import stats
from scipy.optimize import minimize
from scipy.special import logsumexp

rng = np.random.default_rng(11)
d, kappa0, k_init = 2, 0.4, 6

def component(rows, shape, nu0, centre, scale):
    """Returns the predictive of a component with these rows, as a function of one point."""
    m = len(rows)
    kn = kappa0 + m
    mean = rows.mean(0) if m else centre
    mu = (kappa0 * centre + m * mean) / kn
    scatter = (rows - mean).T @ (rows - mean) + kappa0 * m / kn * np.outer(mean - centre, mean - centre)
    if shape == "full":
        nu = nu0 + m
        s = np.diag(scale) + scatter
        return stats.multivariate_t(mu, s * (kn + 1) / (kn * (nu - d + 1)), df=nu - d + 1).logpdf
    if shape == "diagonal":
        nu = nu0 + m
        width = np.sqrt((scale + np.diag(scatter)) * (kn + 1) / (kn * nu))
        return lambda p: stats.t(nu, mu, width).logpdf(p).sum()
    nu = nu0 + m * d
    s = scale[0] * (1 + np.trace(scatter) / scale[0])
    return stats.multivariate_t(mu, np.eye(d) * s * (kn + 1) / (kn * nu), df=nu).logpdf

def without(x, state, i, shape, nu0):
    """Returns log p(x_i | z_-i, x_-i, alpha); location and scale of the prior are those of all rows."""
    centre, var = x.mean(0), x.var(0)
    scale = var * k_init ** (-2 / d)
    if shape == "spherical":
        scale = np.full(d, var.mean() * k_init ** (-2 / d))
    z = np.delete(np.array(state["z"]), i)
    rest = np.delete(x, i, 0)
    logs = [np.log(state["alpha"]) + component(rest[:0], shape, nu0, centre, scale)(x[i])]
    for k in sorted(set(z)):
        logs.append(np.log((z == k).sum()) + component(rest[z == k], shape, nu0, centre, scale)(x[i]))
    return logsumexp(logs) - np.log(len(rest) + state["alpha"])

def stack(logs):
    """Returns the weights that maximise the mean of log sum_c w_c exp(logs[c, i])."""
    count = len(logs)
    top = logs.max(0)
    p = np.exp(logs - top)
    best = None
    for start in [np.full(count, 1 / count)] + [rng.dirichlet(np.ones(count)) for _ in range(5)]:
        found = minimize(lambda w: -np.log(w @ p).mean(), start, jac=lambda w: -(p / (w @ p)).mean(1), method="SLSQP",
                         bounds=[(0, 1)] * count, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                         options={"ftol": 1e-15, "maxiter": 2000})
        if best is None or found.fun < best.fun:
            best = found
    return best.x, -best.fun + top.mean()

cases = []
x = rng.normal(size=(14, d)) * [1.0, 3.0] + [2.0, -1.0]
x[:5] += [4.0, 0.0]
two = [0] * 5 + [1] * 9
chains = [
    [{"alpha": 0.7, "z": two}, {"alpha": 1.3, "z": two}, {"alpha": 0.9, "z": [0] * 5 + [1] * 8 + [2]}],
    [{"alpha": 0.5, "z": [0] * 14}, {"alpha": 1.1, "z": [0] * 14}, {"alpha": 0.8, "z": [0] * 13 + [1]}],
    [{"alpha": 2.0, "z": [i // 2 for i in range(14)]}, {"alpha": 3.0, "z": [i // 2 for i in range(14)]},
     {"alpha": 2.5, "z": [i // 3 for i in range(14)]}],
]
for shape, nu0 in [("full", 4.5), ("diagonal", 3.0), ("spherical", 3.0)]:
    logs = np.array([[np.log(len(c)) - logsumexp([-without(x, s, i, shape, nu0) for s in c]) for i in range(len(x))] for c in chains])
    weights, value = stack(logs)
    cases.append({"shape": shape, "nu0": nu0, "logs": logs.tolist(), "weights": weights.tolist(), "value": value})
matrices = []
for n, count, spread in [(50, 4, 1.0), (200, 3, 0.3), (30, 6, 4.0), (12, 2, 30.0)]:
    logs = rng.normal(size=(count, n)) * spread - 10
    weights, value = stack(logs)
    matrices.append({"logs": logs.tolist(), "weights": weights.tolist(), "value": value})
out = {"d": d, "kappa0": kappa0, "x": x.tolist(), "chains": chains, "cases": cases, "matrices": matrices}
with open(os.path.join(os.path.dirname(__file__), "stacking.json"), "w") as f:
    json.dump(out, f)
