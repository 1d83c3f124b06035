"""Writes divergence.json by SciPy: relative entropies and divergences of fitted mixtures in two dimensions, integrated on a grid of
Gauss-Legendre nodes (each axis mapped to (-1, 1) by centre + width u / (1 - u^2)), with and without a new component."""
import json, os
import numpy as np
from scipy import stats

rng = np.random.default_rng(4)
d, n, kappa0, k_init = 2, 24, 0.4, 6

def mixture(x, shape, nu0, states, new):
    """Returns a function of points: the mean over states of each state's mixture density; and the same state by state."""
    centre, var = x.mean(0), x.var(0)
    scale = var * k_init ** (-2 / d)
    if shape == "spherical":
        scale = np.full(d, var.mean() * k_init ** (-2 / d))

    def component(rows):
        m = len(rows)
        kn = kappa0 + m
        mean = rows.mean(0) if m else centre
        mu = (kappa0 * centre + m * mean) / kn
        scatter = (rows - mean).T @ (rows - mean) + kappa0 * m / kn * np.outer(mean - centre, mean - centre)
        if shape == "full":
            nu = nu0 + m
            s = np.diag(scale) + scatter
            return stats.multivariate_t(mu, s * (kn + 1) / (kn * (nu - d + 1)), df=nu - d + 1).pdf
        if shape == "diagonal":
            nu = nu0 + m
            width = np.sqrt((scale + np.diag(scatter)) * (kn + 1) / (kn * nu))
            return lambda p: stats.t(nu, mu, width).pdf(p).prod(1)
        nu = nu0 + m * d
        s = scale[0] * (1 + np.trace(scatter) / scale[0])
        return stats.multivariate_t(mu, np.eye(d) * s * (kn + 1) / (kn * nu), df=nu).pdf

    def one(state):
        z = np.array(state["z"])
        sizes = [(z == k).sum() for k in range(z.max() + 1)]
        parts = [component(x[z == k]) for k in range(z.max() + 1)]
        weights = np.array(sizes, float)
        if new:
            parts.append(component(x[:0]))
            weights = np.append(weights, state["alpha"])
        weights /= weights.sum()
        return lambda p: sum(w * f(p) for w, f in zip(weights, parts))
    each = [one(s) for s in states]
    return each, lambda p: sum(f(p) for f in each) / len(each)

u, w = np.polynomial.legendre.leggauss(700)

def integrate(values, centre, width):
    """Integrates a function of points over the plane."""
    g = u / (1 - u ** 2)
    jac = w * (1 + u ** 2) / (1 - u ** 2) ** 2
    a, b = np.meshgrid(centre[0] + width[0] * g, centre[1] + width[1] * g, indexing="ij")
    weight = np.outer(jac, jac) * width[0] * width[1]
    return float((values(np.stack([a.ravel(), b.ravel()], 1)) * weight.ravel()).sum())

x = rng.normal(size=(n, d)) * [1.0, 3.0] + [2.0, -1.0]
x[: n // 3] += [4.0, 0.0]
y = rng.normal(size=(n, d)) @ np.array([[1.0, 0.5], [0.0, 2.0]]) + [3.0, 1.0]
zx = [dict(alpha=0.7, z=[0] * 8 + [1] * 16), dict(alpha=1.9, z=[0] * 8 + [1] * 10 + [0] * 2 + [2] * 4)]
zy = [dict(alpha=1.1, z=[0] * 24), dict(alpha=0.4, z=[0, 1] * 12)]
cases = []
for shape, nu0 in [("full", 5.5), ("diagonal", 4.0), ("spherical", 4.5)]:
    for new in [False, True]:
        p_states, p = mixture(x, shape, nu0, zx, new)
        q_states, q = mixture(y, shape, nu0, zy, new)
        diagonal = stats.multivariate_normal(x.mean(0), np.diag(x.var(0)))
        full = stats.multivariate_normal(x.mean(0), np.cov(x.T, bias=True))
        def divergence(f, log_q):
            def values(points):
                v = f(points)
                return np.where(v > 0, v * (np.log(np.maximum(v, 1e-300)) - log_q(points)), 0.0)
            return integrate(values, x.mean(0), x.std(0))
        log = lambda f: lambda points: np.log(np.maximum(f(points), 1e-300))
        cases.append(dict(
            shape=shape, nu0=nu0, new=new,
            mass=integrate(p, x.mean(0), x.std(0)),
            diagonal=divergence(p, diagonal.logpdf), full=divergence(p, full.logpdf),
            per_state=float(np.mean([divergence(f, diagonal.logpdf) for f in p_states])),
            kl=divergence(p, log(q)),
            kl_per_state=float(np.mean([divergence(f, log(g)) for f, g in zip(p_states, q_states)]))))
        print(cases[-1])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "divergence.json"), "w") as f:
    json.dump(dict(d=d, kappa0=kappa0, x=x.tolist(), y=y.tolist(), zx=zx, zy=zy, cases=cases), f, indent=1)
