"""Writes diagnostics.json: rank-normalised split R-hat and effective sample sizes of a few sets of chains, by ArviZ."""
import json, os
import numpy as np
import arviz as az

rng = np.random.default_rng(3)

def ar(chains, n, rho, shift=0.0):
    e = rng.normal(size=(chains, n))
    x = np.zeros((chains, n))
    for t in range(n):
        x[:, t] = (rho * x[:, t - 1] if t else 0) + e[:, t]
    return np.round(x + shift * np.arange(chains)[:, None], 4)

sets = [ar(4, 80, 0.0), ar(4, 100, 0.7), ar(2, 151, 0.95), ar(4, 60, 0.3, 1.0), ar(1, 120, 0.5), ar(3, 90, -0.6),
        rng.poisson(3, size=(4, 100)).astype(float)]
out = []
for x in sets:
    f = lambda fn, **k: float(np.asarray(fn(x, **k)))
    # ArviZ gives no R-hat for one chain; its halves would do.
    r_hat = f(az.rhat, method="rank") if len(x) > 1 else None
    out.append(dict(chains=x.tolist(), r_hat=r_hat, bulk=f(az.ess, method="bulk"), tail=f(az.ess, method="tail")))
with open(os.path.join(os.path.dirname(__file__), "diagnostics.json"), "w") as f:
    json.dump(dict(arviz=az.__version__, sets=out), f)
