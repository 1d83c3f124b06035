"""Writes scales.json: values of NumPy for representations with constant and repeated units, and for units of very unlike scales (computed in
80-bit floats at an ordinary scale), for src/ops/repr/tests/invariances.rs. Run: python scales.py (numpy); reads reference.json."""
import json
import numpy as np

r = json.load(open("reference.json"))
x = np.array(r["x"]).reshape(-1, r["a"])
y = np.array(r["y"]).reshape(-1, r["b"])
n = len(x)
rng = np.random.default_rng(11)
rotation = np.linalg.qr(rng.normal(size=(r["a"], r["a"])))[0]
order = rng.permutation(n)
units = rng.permutation(r["a"])


def centred(m):
    return m - m.mean(0)


def cka(p, q):
    k, l = centred(p) @ centred(p).T, centred(q) @ centred(q).T
    return float((k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum()))


def procrustes(p, q):
    p, q = (centred(m) / np.linalg.norm(centred(m)) for m in (p, q))
    return float(2 - 2 * np.linalg.svd(p.T @ q, compute_uv=False).sum())


def energy(m, k):
    s = np.linalg.svd(m, compute_uv=False)
    return float((s[:k] ** 2).sum() / (s ** 2).sum())


def distance(m):
    i, j = np.triu_indices(n, 1)
    return float(np.sqrt(((m[i] - m[j]) ** 2).sum(1)).mean())


constant = np.hstack([x, np.full((n, 1), 0.1), np.zeros((n, 1))])
repeated = np.hstack([x, x[:, :1], x[:, :1], x[:, 3:4]])
# One unit far above all others: what is left of the rest is below rounding.
large = np.hstack([np.zeros((n, 5)), x[:, 5:]])
out = {"rotation": rotation.ravel().tolist(), "order": order.tolist(), "units": units.tolist()}
for name, m in [("plain", x), ("constant", constant), ("repeated", repeated), ("large", large)]:
    out[name] = {
        "cka": cka(m, y), "procrustes": procrustes(m, y), "distance": distance(m),
        "energy": energy(m, 2), "centred_energy": energy(centred(m), 2),
    }
json.dump(out, open("scales.json", "w"))
