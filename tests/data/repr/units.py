"""Writes representations of 24 rows whose units are constant, repeated, shifted and scaled: tests/suite/representations/data/units.npz and
tests/suite/densities/data/classes.npz, and prints NumPy's values for the scripts beside them. Run here: python units.py (numpy)."""
import numpy as np

rng = np.random.default_rng(0)
n = 24
labels = np.arange(n) % 2
x = rng.normal(size=(n, 3)) + labels[:, None]
other = x @ rng.normal(size=(3, 2)) + 0.7 * rng.normal(size=(n, 2))


def beside(m, value):
    return np.hstack([m, np.full((len(m), 1), value)])


def in_class(value, beyond):
    last = rng.normal(size=(n, 1))
    last[labels == 0] = value
    if beyond is not None:
        last[labels == 1] = beyond
    return np.hstack([x, last])


arrays = {
    "x": x, "other": other,
    "beside_tenth": beside(x, 0.1), "beside_half": beside(x, 0.5), "beside_huge": beside(x, 1e90),
    "tenth": np.full((n, 2), 0.1), "half": np.full((n, 2), 0.5), "huge": np.full((n, 2), 1e90),
    "large": x * 1e90, "small": x * 1e-90, "shifted": x + 1e6, "repeated": np.hstack([x, x[:, :1]]),
}
np.savez_compressed("../../suite/representations/data/units.npz", **arrays)
classes = {
    "without": x, "zero": in_class(0.0, None), "tenth": in_class(0.1, None), "large": in_class(1e10, None),
    "apart": in_class(0.1, 0.7), "same": in_class(0.1, 0.1),
}
np.savez_compressed("../../suite/densities/data/classes.npz", labels=labels.astype(np.int64), **classes)


def centred(m):
    return m - m.mean(0)


def cka(a, b):
    a, b = centred(a), centred(b)
    return np.linalg.norm(a.T @ b) ** 2 / np.linalg.norm(a.T @ a) / np.linalg.norm(b.T @ b)


def cca(a, b):
    q, r = (np.linalg.svd(centred(m), full_matrices=False)[0] for m in (a, b))
    return np.linalg.svd(q.T @ r, compute_uv=False).mean()


def procrustes(a, b):
    a, b = (centred(m) / np.linalg.norm(centred(m)) for m in (a, b))
    return 2 - 2 * np.linalg.svd(a.T @ b, compute_uv=False).sum()


print("cka", cka(x, other), "cca", cca(x, other), "procrustes", procrustes(x, other))
print("repeated: cka", cka(arrays["repeated"], other), "procrustes", procrustes(arrays["repeated"], other))
print("distance", np.mean([np.linalg.norm(x[i] - x[j]) for i in range(n) for j in range(i)]))
