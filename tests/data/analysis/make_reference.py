"""Makes reference.json: numbers and what NumPy and SciPy (2.4, 1.17) say of them. Run: python make_reference.py"""

import json
import pathlib

import numpy as np
from scipy import stats

rng = np.random.default_rng(20230207)
out = {}

# One sample with ties and missing values.
x = np.round(rng.normal(3.0, 2.0, 41), 1)
x[[4, 17]] = np.nan
v = x[~np.isnan(x)]


def woodruff(v, q):
    step = np.sqrt(q * (1 - q) / len(v))
    return (np.quantile(v, min(1, q + step)) - np.quantile(v, max(0, q - step))) / 2


out["sample"] = {
    "x": [None if np.isnan(a) else a for a in x],
    "mean": v.mean(),
    "standard_error": stats.sem(v),
    "std": v.std(ddof=1),
    "median": np.median(v),
    "median_error": woodruff(v, 0.5),
    "quantile_0.1": np.quantile(v, 0.1),
    "quantile_0.1_error": woodruff(v, 0.1),
    "quantile_0.95": np.quantile(v, 0.95),
    "minimum": v.min(),
    "maximum": v.max(),
    "total": v.sum(),
    "count": len(v),
    "ranks": stats.rankdata(v).tolist(),
}
counts, edges = np.histogram(v, bins=12)
density, _ = np.histogram(v, bins=12, density=True)
out["histogram"] = {"counts": counts.tolist(), "edges": edges.tolist(), "density": density.tolist()}

# Pairs with ties on both sides.
a = np.round(rng.normal(size=60), 1)
b = np.round(0.6 * a + 0.7 * rng.normal(size=60), 1)
r, rho, tau = stats.pearsonr(a, b)[0], stats.spearmanr(a, b)[0], stats.kendalltau(a, b)[0]
out["pairs"] = {
    "x": a.tolist(), "y": b.tolist(), "pearson": r, "spearman": rho, "kendall": tau,
    "pearson_error": (1 - r * r) / np.sqrt(57),
    "spearman_error": (1 - rho * rho) * np.sqrt((1 + rho * rho / 2) / 57),
    "kendall_error": (1 - tau * tau) * np.sqrt(0.437 / 56),
}

# Numbers per example of three cells: ids in random order, some missing in some cells, some without a number.
labels = rng.integers(0, 3, 40)
effect = rng.normal(size=40)
cells, frames = [], []
for c in range(3):
    ids = rng.permutation(40)[: 40 - 3 * c]
    values = effect[ids] + 0.5 * c + 0.3 * rng.normal(size=len(ids))
    values[rng.integers(0, len(ids))] = np.nan
    cells.append({"ids": ids.tolist(), "values": [None if np.isnan(a) else a for a in values], "labels": labels[ids].tolist()})
    frames.append(dict(zip(ids.tolist(), values)))
common = [i for i in cells[0]["ids"] if all(i in f for f in frames)]
grid = np.array([[f[i] for f in frames] for i in common])
origin = np.array([(c, i) for c, f in enumerate(frames) for i, a in f.items() if not np.isnan(a)])
pool = np.array([a for f in frames for a in f.values() if not np.isnan(a)])


def moments(values, weights, effects):
    """Standard error of the weighted mean under random effects: a list of incidence matrices, the last one that of single values."""
    w = np.asarray(weights, float)
    total = w.sum()
    res = values - (w * values).sum() / total
    a = np.diag(w) - np.outer(w, w) / total
    # Sums of squares: res' D Z Z' D res for each effect, sum of w res^2 for what is left.
    found = [((z.T @ (w * res)) ** 2).sum() for z in effects[:-1]] + [(w * res**2).sum()]
    forms = [a @ z @ z.T @ a for z in effects[:-1]] + [a]
    active = list(range(len(effects)))
    while True:
        rows = np.array([[np.trace(forms[i] @ effects[j] @ effects[j].T) for j in active] for i in active])
        v = np.linalg.solve(rows, np.array(found)[active])
        if v.min() >= 0:
            return np.sqrt(sum(x * ((effects[j].T @ w) ** 2).sum() for x, j in zip(v, active)) / total**2)
        active.pop(int(v.argmin()))


def incidence(key):
    return (np.asarray(key)[:, None] == np.unique(key)[None, :]).astype(float)


def clustered(values, cell, example):
    return moments(values, np.ones(len(values)), [incidence(cell), incidence(example), np.eye(len(values))])


first = {i: a for i, a in frames[0].items() if not np.isnan(a)}
second = {i: a for i, a in frames[1].items() if not np.isnan(a)}
both = [i for i in first if i in second]
out["scores"] = {
    "cells": cells,
    "common": common,
    "union_minus_common": len(set().union(*frames)) - len(common),
    "mean_each": np.nanmean(grid, axis=1).tolist(),
    "std_each": np.nanstd(grid, axis=1, ddof=1).tolist(),
    "mean_all": pool.mean(),
    "count_all": len(pool),
    "error_all": clustered(pool, origin[:, 0], origin[:, 1]),
    "class_means": [np.mean([a for i, a in first.items() if labels[i] == k]) for k in range(3)],
    "class_errors": [stats.sem([a for i, a in first.items() if labels[i] == k]) for k in range(3)],
    "class_counts": [sum(labels[i] == k for i in first).item() for k in range(3)],
    "bin": list(range(10, 25)),
    "bin_mean": np.mean([a for i, a in first.items() if 10 <= i < 25]),
    "spearman_01": stats.spearmanr([first[i] for i in both], [second[i] for i in both])[0],
    "pairs_01": len(both),
    "difference_01": [frames[0][i] - frames[1][i] for i in cells[0]["ids"] if i in frames[1]],
}
out["scores"]["difference_01"] = [None if np.isnan(a) else a for a in out["scores"]["difference_01"]]

# Exact permutation tests.
p, q = rng.normal(0.0, 1.0, 8), rng.normal(0.9, 1.0, 7)
d0, d1 = rng.normal(0.0, 1.0, 10), None
d1 = d0 + rng.normal(0.5, 0.7, 10)


def difference(a, b, axis=-1):
    return a.mean(axis=axis) - b.mean(axis=axis)


def distance(a, b, axis=-1):
    return np.abs(difference(a, b, axis))


exact = dict(vectorized=True, n_resamples=np.inf, alternative="greater")
t = stats.permutation_test((p, q), distance, permutation_type="independent", **exact)
u = stats.permutation_test((d0, d1), distance, permutation_type="samples", **exact)
boot = stats.bootstrap((v,), np.mean, n_resamples=200_000, method="percentile", rng=rng)
out["tests"] = {
    "p": p.tolist(), "q": q.tolist(), "difference": difference(p, q), "p_value": t.pvalue,
    "d0": d0.tolist(), "d1": d1.tolist(), "paired_difference": difference(d0, d1), "paired_p_value": u.pvalue,
    "bootstrap_low": boot.confidence_interval.low, "bootstrap_high": boot.confidence_interval.high,
    "bootstrap_error": boot.standard_error.item(),
}

# Values of ordered pairs of nine units, not all of them there.
own = np.random.default_rng(5)
unit, there = own.normal(size=9), own.random((9, 9)) < 0.7
noise = own.normal(size=(9, 9))
ordered = [(i, j, unit[i] + 2 * unit[j] + noise[i, j]) for i in range(9) for j in range(9) if i != j and there[i, j]]
grouped = {}
for i, j, h in ordered:
    grouped.setdefault((min(i, j), max(i, j)), []).append(h)
z = np.array([[float(u in pair) for u in range(9)] for pair in grouped])
out["pairs_of_units"] = {
    "values": [[next((h for a, b, h in ordered if (a, b) == (i, j)), None) for j in range(9)] for i in range(9)],
    "mean": np.mean([h for _, _, h in ordered]),
    "count": len(ordered),
    "error": moments(
        np.array([np.mean(h) for h in grouped.values()]), [len(h) for h in grouped.values()], [z, np.eye(len(grouped))]
    ),
}

# A curve with a gap.
cx = np.array([0.0, 0.1, 0.2, 0.5, 1.0])
cy = np.array([0.9, 0.85, 0.7, 0.3, 0.1])
out["curve"] = {"y": cy.tolist(), "area": np.trapezoid(cy, cx), "without_third": np.trapezoid(np.delete(cy, 2), np.delete(cx, 2))}

text = json.dumps(out, indent=1, default=float)
pathlib.Path(__file__).with_name("reference.json").write_text(text + "\n")
