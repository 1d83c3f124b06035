"""Writes reference.json: values of NumPy, SciPy and scikit-learn for the tests of probes. Run in this folder."""

import json

import numpy as np
from scipy.special import rel_entr, softmax
from scipy.stats import beta, norm, spearmanr
from sklearn.metrics import mutual_info_score

rng = np.random.default_rng(20190208)
out = {}

# Clopper-Pearson lower bounds: (hits, n, alpha, bound), as statsmodels' proportion_confint(hits, n, 2 * alpha, "beta")[0].
cases = [(k, n, a) for n in (10, 100, 1000, 100_000) for a in (0.001, 0.01, 0.05) for k in sorted({1, n // 3, n // 2 + 1, int(0.9 * n), n - 1, n})]
out["clopper_pearson"] = [[k, n, a, float(beta.ppf(a, k, n - k + 1))] for k, n, a in cases]

ps = [1e-300, 1e-12, 1e-4, 0.02, 0.3, 0.5, 0.5000001, 0.51, 0.8, 0.99, 0.99993092, 1 - 1e-9]
out["normal_quantile"] = [[p, float(norm.ppf(p))] for p in ps]

# Radii of CERTIFY: (sigma, hits, n, alpha, radius); abstentions are -1.
radii = []
for sigma, n, a in ((0.5, 100_000, 0.001), (0.25, 100_000, 0.01), (1.0, 1000, 0.001)):
    for k in (n, n - 1, n - 2, int(0.99 * n), int(0.7 * n), int(0.51 * n), int(0.501 * n), n // 2, n // 4, 0):
        p = beta.ppf(a, k, n - k + 1) if k else 0.0
        radii.append([sigma, k, n, a, float(sigma * norm.ppf(p)) if p > 0.5 else -1.0])
out["radius"] = radii

# Memorization and influence: trials x examples of membership, correctness.
trials, n, m = 37, 9, 5
member = rng.random((trials, n)) < 0.7
member[:, 3] = True
member[:, 7] = False
correct = rng.random((trials, n)) < np.where(member, 0.9, 0.4)
tested = rng.random((trials, m)) < 0.6


def sides(inside, right):
    return [(int(right[inside].sum()), int(inside.sum())), (int(right[~inside].sum()), int((~inside).sum()))]


def difference(s):
    return None if 0 in (s[0][1], s[1][1]) else s[0][0] / s[0][1] - s[1][0] / s[1][1]


def error(s):
    if 0 in (s[0][1], s[1][1]):
        return None
    ps = [((r + 0.5) / (t + 1), t) for r, t in s]
    return float(np.sqrt(sum(p * (1 - p) / t for p, t in ps)))


all_sides = [sides(member[:, i], correct[:, i]) for i in range(n)]
out["memorization"] = {
    "member": member.astype(int).tolist(),
    "correct": correct.astype(int).tolist(),
    "tested": tested.astype(int).tolist(),
    "scores": [difference(s) for s in all_sides],
    "errors": [error(s) for s in all_sides],
    "influence": [[difference(sides(member[:, i], tested[:, j])) for j in range(m)] for i in range(n)],
}

# Selectivity and mutual information of units: examples x units, some silent, some often 0.
labels = rng.integers(0, 4, 60)
x = np.maximum(rng.normal(size=(60, 5)) + 0.8 * (labels[:, None] == np.arange(5)), 0)
x[:, 3] = 0.0
means = np.stack([x[labels == c].mean(0) for c in range(4)])
best = means.argmax(0)
top = means.max(0)
rest = (means.sum(0) - top) / 3
with np.errstate(invalid="ignore"):
    index = (top - rest) / (top + rest)


def binned(v, bins):
    s = np.sort(v)
    cuts = sorted({s[len(v) * j // bins] for j in range(1, bins)})
    return np.array([sum(c <= y for c in cuts) for y in v])


def entropies(*columns):
    counts = np.unique(np.stack(columns, 1), axis=0, return_counts=True)[1]
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum() + (len(counts) - 1) / (2 * counts.sum() * np.log(2))


units = []
for u in range(5):
    b = binned(x[:, u], 6)
    plain = mutual_info_score(labels, b) / np.log(2)
    corrected = entropies(b) + entropies(labels) - entropies(b, labels)
    units.append([float(plain), float(corrected), len(np.unique(b))])
out["units"] = {
    "x": x.tolist(),
    "labels": labels.tolist(),
    "selectivity": [None if np.isnan(v) else float(v) for v in index],
    "class": best.tolist(),
    "bins": 6,
    "information": units,
}

# Divergence of softmax outputs.
p, q = (rng.normal(scale=3, size=(7, 4)).astype(np.float32) for _ in range(2))
kl = rel_entr(softmax(p.astype(float), 1), softmax(q.astype(float), 1)).sum(1)
out["divergence"] = {"p": p.tolist(), "q": q.tolist(), "kl": kl.tolist()}

# Area under curves.
fraction = np.array([0, 0.2, 0.5, 1.0])
accuracy = rng.random((3, 4))
areas = np.trapezoid(accuracy, fraction, axis=1)
out["area"] = {
    "fraction": fraction.tolist(),
    "accuracy": accuracy.tolist(),
    "mean": float(areas.mean()),
    "error": float(areas.std(ddof=1) / np.sqrt(3)),
}

# Rank correlation, with ties.
pairs = np.round(rng.normal(size=(25, 2)) @ np.array([[1, 0.5], [0, 1]]), 1)
out["spearman"] = {"pairs": pairs.tolist(), "r": float(spearmanr(pairs[:, 0], pairs[:, 1]).statistic)}

with open("reference.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
