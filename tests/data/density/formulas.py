"""Writes formulas.json: normal-inverse-Wishart predictives and marginal likelihoods, and the posterior of alpha, by SciPy."""
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
for k, n in [(1, 500), (3, 500), (12, 200)]:
    log = lambda a: k * np.log(a) + special.gammaln(a) - special.gammaln(a + n) - a
    top = max(log(a) for a in np.linspace(1e-4, 30, 30000))
    m = [integrate.quad(lambda a, p=p: a ** p * np.exp(log(a) - top), 0, 60, limit=500)[0] for p in range(3)]
    mean = m[1] / m[0]
    alphas.append(dict(k=k, n=n, mean=mean, sd=float(np.sqrt(m[2] / m[0] - mean ** 2))))

with open(os.path.join(os.path.dirname(__file__), "formulas.json"), "w") as f:
    json.dump(dict(niw=cases, alpha=alphas), f)
