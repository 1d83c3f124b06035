"""Writes formulas.json by SciPy: normal-inverse-Wishart predictives and marginal likelihoods, the posterior of alpha, and log densities
of points under two states of a mixture with full, diagonal and spherical covariances, prior derived from the rows."""
import json, os
import numpy as np
from scipy import stats, special, integrate

rng = np.random.default_rng(1)

def posterior(x, mu0, kappa0, nu0, s0):
    n = len(x)
    mean = x.mean(0)
    kn, nn = kappa0 + n, nu0 + n
    c = (x - mean).T @ (x - mean)
    return (kappa0 * mu0 + n * mean) / kn, kn, nn, s0 + c + kappa0 * n / kn * np.outer(mean - mu0, mean - mu0)

cases = []
for d, n, kappa0, nu0 in [(1, 4, 0.01, 3.0), (2, 7, 0.3, 4.0), (3, 5, 1.0, 6.5), (5, 40, 0.01, 7.0), (9, 4, 0.01, 11.0)]:
    x = rng.normal(size=(n, d)) * 2 + 1
    mu0 = rng.normal(size=d)
    a = rng.normal(size=(d, d + 2))
    s0 = a @ a.T + np.eye(d)
    mu, k, nu, s = posterior(x, mu0, kappa0, nu0, s0)
    points = rng.normal(size=(4, d)) * 3
    t = stats.multivariate_t(mu, s * (k + 1) / (k * (nu - d + 1)), df=nu - d + 1)
    lm = (-n * d / 2 * np.log(np.pi) + d / 2 * np.log(kappa0 / k) + special.multigammaln(nu / 2, d) - special.multigammaln(nu0 / 2, d)
          + nu0 / 2 * np.linalg.slogdet(s0)[1] - nu / 2 * np.linalg.slogdet(s)[1])
    cases.append(dict(d=d, kappa0=kappa0, nu0=nu0, mu0=mu0.tolist(), s0=s0.tolist(), x=x.tolist(), points=points.tolist(),
                      log_marginal=lm, log_predictive=np.atleast_1d(t.logpdf(points)).tolist()))

alphas = []
for k, n in [(1, 500), (3, 500), (12, 200), (1, 2), (3, 5)]:
    log = lambda a: k * np.log(a) + special.gammaln(a) - special.gammaln(a + n) - a
    top = max(log(a) for a in np.linspace(1e-4, 30, 30000))
    m = [integrate.quad(lambda a, p=p: a ** p * np.exp(log(a) - top), 0, 60, limit=500)[0] for p in range(3)]
    mean = m[1] / m[0]
    alphas.append(dict(k=k, n=n, mean=mean, sd=float(np.sqrt(m[2] / m[0] - mean ** 2))))

# Predictives of fitted mixtures: mean over states of the mixture of each, components' and the prior's.
d, n, kappa0, k_init = 3, 11, 0.3, 6
x = rng.normal(size=(n, d)) * [1.0, 2.0, 0.5] + [3.0, -1.0, 0.0]
points = rng.normal(size=(5, d)) * 2 + [3.0, -1.0, 0.0]
states = [dict(alpha=0.7, z=[0, 1, 0, 1, 0, 0, 1, 0, 2, 0, 1]), dict(alpha=1.9, z=[0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1])]
centre, var = x.mean(0), x.var(0)
shrink = k_init ** (-2 / d)
mixtures = []
for shape, nu0 in [("full", 5.5), ("diagonal", 3.0), ("spherical", 2.5)]:
    def component(rows):
        m = len(rows)
        kn = kappa0 + m
        mean = rows.mean(0) if m else centre
        mu = (kappa0 * centre + m * mean) / kn
        scatter = (rows - mean).T @ (rows - mean) + kappa0 * m / kn * np.outer(mean - centre, mean - centre)
        if shape == "full":
            nu = nu0 + m
            s = np.diag(var * shrink) + scatter
            return stats.multivariate_t(mu, s * (kn + 1) / (kn * (nu - d + 1)), df=nu - d + 1).pdf
        if shape == "diagonal":
            nu = nu0 + m
            scale = np.sqrt((var * shrink + np.diag(scatter)) * (kn + 1) / (kn * nu))
            return lambda p: stats.t(nu, mu, scale).pdf(p).prod(1)
        # sigma^2 ~ inverse gamma(nu0 / 2, s0 / 2), mean ~ N(mu0, sigma^2 / kappa0 I)
        nu = nu0 + m * d
        s = var.mean() * shrink + np.trace(scatter)
        return stats.multivariate_t(mu, np.eye(d) * s * (kn + 1) / (kn * nu), df=nu).pdf
    each = []
    for state in states:
        z, alpha = np.array(state["z"]), state["alpha"]
        parts = [(z == c).sum() * component(x[z == c])(points) for c in range(z.max() + 1)]
        each.append((sum(parts) + alpha * component(x[:0])(points)) / (n + alpha))
    mixtures.append(dict(shape=shape, nu0=nu0, log_density=np.log(np.mean(each, 0)).tolist()))
mixture = dict(d=d, kappa0=kappa0, components=k_init, x=x.tolist(), points=points.tolist(), states=states, cases=mixtures)

with open(os.path.join(os.path.dirname(__file__), "formulas.json"), "w") as f:
    json.dump(dict(niw=cases, alpha=alphas, mixture=mixture), f)
