"""Values that `best`, `at_best`, `selection`, `mode`, `calibration` and `f_score_of` are tested against: best.json. Run from the repository: python tests/data/analysis/make_best.py

Chances of the largest by adaptive quadrature (SciPy), subsets by enumeration, calibration by scikit-learn's curve and NumPy's digitize."""

import itertools
import json
import pathlib

import numpy as np
from scipy import integrate, stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score

rng = np.random.default_rng(11)


def chances(mean, error):
    def below(t, j):
        return stats.norm.cdf((t - mean[j]) / error[j]) if error[j] > 0 else float(t > mean[j])

    def one(i):
        others = [j for j in range(len(mean)) if j != i]
        if error[i] == 0:
            return np.prod([below(mean[i], j) for j in others])
        f = lambda t: stats.norm.pdf(t, mean[i], error[i]) * np.prod([below(t, j) for j in others])
        breaks = sorted(m for m, e in zip(mean, error) if e == 0 and abs(m - mean[i]) < 9 * error[i])
        return integrate.quad(f, mean[i] - 9 * error[i], mean[i] + 9 * error[i], points=breaks or None, limit=500)[0]

    q = np.array([one(i) for i in range(len(mean))])
    return (q / q.sum()).tolist()


def largest():
    out = []
    for mean, error in [
        ([0.70, 0.74, 0.73, 0.60], [0.02, 0.02, 0.03, 0.02]),
        ([1.0, 1.0], [0.1, 0.1]),
        ([0.2, 0.5, 0.45, 0.49], [0.05, 0.1, 0.02, 0.2]),
    ]:
        q = np.array(chances(mean, error))
        at = np.array([0.1, 0.2, 0.4, 0.8])[: len(mean)]
        x = np.array([0.69, 0.71, 0.75, 0.62])[: len(mean)]
        e = np.array([0.01, 0.02, 0.015, 0.03])[: len(mean)]
        b = int(np.argmax(mean))
        out.append({
            "mean": mean, "error": error, "chances": q.tolist(), "at": at.tolist(), "best": at[b], "best_error": float(np.sqrt((q * (at - at[b]) ** 2).sum())),
            "x": x.tolist(), "x_error": e.tolist(), "there": x[b], "there_error": float(np.sqrt(e[b] ** 2 + (q * (x - x[b]) ** 2).sum())),
        })
    return out


def selection():
    out = []
    for n, k, top in [(9, 4, 1), (9, 4, 2), (10, 5, 3), (6, 6, 2), (12, 2, 1)]:
        by = rng.normal(size=n)
        x = np.round(by + rng.normal(size=n), 1)
        hits, lost = [], []
        for subset in itertools.combinations(range(n), k):
            s = list(subset)
            chosen = s[int(np.argmax(by[s]))]
            hits.append(np.sum(x[s] > x[chosen]) < top)
            lost.append(x[s].max() - x[chosen])
        out.append({"by": by.tolist(), "x": x.tolist(), "subset": k, "top": top, "share": float(np.mean(hits)), "shortfall": float(np.mean(lost))})
    return out


def calibration():
    n = 400
    confidence = np.round(rng.beta(5, 2, size=n), 3)
    right = (rng.random(n) < confidence**1.7).astype(float)
    out = []
    for bins, equal in [(10, "width"), (15, "width"), (8, "mass")]:
        if equal == "width":
            # Bins open below and closed above, as `digitize(right=True)` has them; 0 is in the first.
            which = np.clip(np.digitize(confidence, np.arange(bins + 1) / bins, right=True), 1, bins) - 1
        else:
            # Nothing ranks equal confidences: each is right as often as all of them are.
            order = np.argsort(confidence, kind="stable")
            which = np.empty(n, int)
            for i in range(bins):
                which[order[i * n // bins : (i + 1) * n // bins]] = i
        here = [which == b for b in range(bins)]
        tied = np.array([right[confidence == c].mean() for c in confidence])
        often = tied if equal == "mass" else right
        gap = np.array([often[h].mean() - confidence[h].mean() if h.any() else 0.0 for h in here])
        weight = np.array([h.mean() for h in here])
        sign = np.where(gap < 0, -1.0, 1.0)[which]
        signed = np.array([sign[confidence == c].mean() for c in confidence]) * (right - confidence)
        null = sum(np.sqrt(2 / np.pi * (confidence[h] * (1 - confidence[h])).sum()) for h in here) / n
        accuracy = [often[h].mean() for h in here if h.any()]
        if equal == "width":
            # scikit-learn closes bins below: the same bins, since no confidence lies at an edge of these.
            inside = ~np.isin(confidence, np.arange(bins + 1) / bins)
            shares, _ = calibration_curve(right[inside], confidence[inside], n_bins=bins)
            mine = [right[h & inside].mean() for h in here if (h & inside).any()]
            assert np.allclose(shares, mine), "scikit-learn's curve is another"
        out.append({
            "bins": bins, "equal": equal, "ece": float((weight * np.abs(gap)).sum()), "error": float(signed.std(ddof=1) / np.sqrt(n)),
            "largest": float(np.abs(gap).max()), "null": float(null), "accuracy": [float(a) for a in accuracy],
        })
    return {"confidence": confidence.tolist(), "right": right.tolist(), "of": out}


def modes():
    values = rng.integers(0, 4, size=(7, 5)).astype(float)
    return {"values": values.tolist(), "mode": stats.mode(values, axis=0).mode.tolist()}


def f_scores():
    label = rng.integers(0, 5, size=60)
    said = np.where(rng.random(60) < 0.6, label, rng.integers(0, 6, size=60))
    out = {"label": label.tolist(), "said": said.tolist()}
    for average in ["weighted", "macro"]:
        score = lambda keep: f1_score(label[keep], said[keep], average=average, zero_division=0)
        every = np.ones(60, bool)
        without = np.array([score(np.arange(60) != i) for i in range(60)])
        out[average] = float(score(every))
        out[average + "_error"] = float(np.sqrt(59 / 60 * ((without - without.mean()) ** 2).sum()))
    return out


path = pathlib.Path(__file__).parent / "best.json"
path.write_text(json.dumps({"largest": largest(), "selection": selection(), "calibration": calibration(), "modes": modes(), "f_scores": f_scores()}) + "\n")
