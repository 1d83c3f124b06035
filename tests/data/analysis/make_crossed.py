"""Writes tests/suite/scores/data/crossed.npz, scores of 30 examples in four runs and in twelve pairs of runs, and prints the numbers that
tests/suite/scores/crossed.cfx expects. Run here: python make_crossed.py (numpy)."""
import numpy as np

rng = np.random.default_rng(5)
runs, n = 4, 30
labels = np.arange(n) % 2
scores = rng.normal(size=(runs, 1)) + rng.normal(size=n) + 0.5 * rng.normal(size=(runs, n))
where = "../../suite/scores/data/crossed.npz"
np.savez_compressed(where, x=np.arange(n, dtype=float)[:, None], labels=labels.astype(np.int64), **{f"run{i}": scores[i] for i in range(runs)})


def error(v):
    """Returns the error of the mean of a x b numbers with effects of rows and of columns (analysis of variance; a variance below 0 is 0)."""
    a, b = v.shape
    r, c, m = v.mean(1), v.mean(0), v.mean()
    rest = ((v - r[:, None] - c + m) ** 2).sum() / ((a - 1) * (b - 1))
    rows, columns = b * ((r - m) ** 2).sum() / (a - 1), a * ((c - m) ** 2).sum() / (b - 1)
    assert columns > rest
    return np.sqrt((rows + columns - rest if rows > rest else columns) / (a * b))


above = (scores > -0.7).astype(float)
print("mean", scores.mean(), "error", error(scores), "plain", scores.std(ddof=1) / np.sqrt(runs * n))
print("share", above.mean(), "error of the mean", error(above))
two = above[[0, 1]]
print("two runs: share", two.mean(), "error of the mean", error(two))
for k in range(2):
    print("class", k, "share", two[:, labels == k].mean(), "error", error(two[:, labels == k]))
# Pigeonhole bootstrap, 200,000 draws.
t = rng.multinomial(runs, np.full(runs, 1 / runs), size=200_000) / runs
e = rng.multinomial(n, np.full(n, 1 / n), size=200_000) / n
drawn = np.einsum("kr,rn,kn->k", t, scores, e)
print("pigeonhole", drawn.std(), np.quantile(drawn, [0.025, 0.975]))
for k in range(2):
    print("mean of class", k, scores[:, labels == k].mean(), "error", error(scores[:, labels == k]))
