"""Writes reference.json: values of NumPy, SciPy and scikit-learn for the tests of src/ops/repr. Run: python make.py (numpy, scipy, scikit-learn)."""
import json
import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn.cross_decomposition import CCA

rng = np.random.default_rng(5)
n, a, b = 40, 6, 4
z = rng.normal(size=(n, 3))
x = z @ rng.normal(size=(3, a)) + 0.5 * rng.normal(size=(n, a)) + rng.normal(size=a)
y = z @ rng.normal(size=(3, b)) + 0.8 * rng.normal(size=(n, b))


def fix(v):
    return v * np.sign(v[np.abs(v).argmax(axis=0), np.arange(v.shape[1])])


def svd(m, k):
    s, vt = np.linalg.svd(m, full_matrices=False)[1:]
    return (m @ fix(vt[:k].T)).ravel().tolist(), float((s[:k] ** 2).sum() / (s ** 2).sum())


def basis(m, share=None):
    u, s, _ = np.linalg.svd(m - m.mean(0), full_matrices=False)
    k = len(s) if share is None else int(np.searchsorted(np.cumsum(s ** 2) / (s ** 2).sum(), share) + 1)
    return u[:, :k]


def rho(p, q):
    w, r, _ = np.linalg.svd(p.T @ q, full_matrices=False)
    return p @ w, r


def gram(m):
    return m @ m.T


def rbf(m):
    d = squareform(pdist(m))
    return np.exp(-d ** 2 / (2 * (0.5 * np.median(pdist(m))) ** 2))


def hsic(k, l):
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ l @ h)


def hsic1(k, l):
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    one = np.ones(n)
    return np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ l @ one)


def cka(f, h):
    k, l = f(x - x.mean(0)), f(y - y.mean(0))
    return float(h(k, l) / np.sqrt(h(k, k) * h(l, l)))


variates, r = rho(basis(x), basis(y))
weights = np.abs(variates.T @ (x - x.mean(0))).sum(1)
# An independent way to the correlations: scikit-learn's iterative algorithm.
model = CCA(n_components=b, max_iter=20000, tol=1e-14).fit(x, y)
xs, ys = model.transform(x, y)
sklearn = [float(np.corrcoef(xs[:, i], ys[:, i])[0, 1]) for i in range(b)]
assert np.allclose(sklearn, r, atol=1e-5), (sklearn, r)
xu, yu = ((m - m.mean(0)) / np.linalg.norm(m - m.mean(0)) for m in (x, y))

plain, plain_energy = svd(x, 3)
centred, centred_energy = svd(x - x.mean(0), 3)
wide, wide_energy = svd(x[:5], 3)
# Singular values 1, 1e-2, 1e-6, 1e-7: beyond the Gram matrix.
q1, q2 = np.linalg.qr(rng.normal(size=(n, 4)))[0], np.linalg.qr(rng.normal(size=(4, 4)))[0]
steep = q1 @ np.diag([1, 1e-2, 1e-6, 1e-7]) @ q2.T
steep_out, steep_energy = svd(steep, 3)
labels = [i % 3 for i in range(n)]


def published(p, q):
    """Weights and similarity of the code published with PWCCA (google/svcca, pwcca.py and cca_core.py), written anew: units x examples."""
    if len(p) > len(q):
        p, q = q, p
    cov = np.cov(p, q)
    k = len(p)
    pp, pq, qq = cov[:k, :k] / abs(cov[:k, :k]).max(), cov[:k, k:], cov[k:, k:] / abs(cov[k:, k:]).max()
    pq = pq / np.sqrt(abs(cov[:k, :k]).max() * abs(cov[k:, k:]).max())

    def root(m):
        w, v = np.linalg.eigh(m)
        return v @ np.diag(np.sqrt(w)) @ v.T

    u, s, _ = np.linalg.svd(root(np.linalg.pinv(pp)) @ pq @ root(np.linalg.pinv(qq)))
    mean = p.mean(1, keepdims=True)
    # The code leaves signs to LAPACK, and its weights depend on them: here each direction's largest coefficient is positive.
    directions = fix(u).T @ (p - mean) + mean
    w = np.abs(np.linalg.qr(directions.T)[0].T @ p.T).sum(1)
    return float((w / w.sum() * s).sum())


def canonical(p, q):
    """Of the first side: coefficients of units scaled to equal variance, loadings, shares of variance, spreads, weights."""
    c, d = p - p.mean(0), q - q.mean(0)
    h, rr = rho(basis(p), basis(q))
    h = h[:, :len(rr)]
    coefficients = np.linalg.lstsq(c, h, rcond=None)[0] * c.std(0)[:, None]
    coefficients = coefficients / np.linalg.norm(coefficients, axis=0)
    sign = np.sign(coefficients[np.abs(coefficients).argmax(0), np.arange(len(rr))])
    loadings = np.array([[np.corrcoef(c[:, j], h[:, i])[0, 1] for i in range(len(rr))] for j in range(c.shape[1])])
    share = np.array([sum((h[:, i] @ c[:, j]) ** 2 for j in range(c.shape[1])) for i in range(len(rr))]) / (c ** 2).sum()
    spread = (coefficients ** 2).sum(0) ** 2 / (coefficients ** 4).sum(0)
    return {"correlation": rr.tolist(), "coefficient": (coefficients * sign).T.ravel().tolist(),
            "loading": (loadings * sign).T.ravel().tolist(), "share": share.tolist(), "spread": spread.tolist()}


def spectrum(m):
    s = np.linalg.svd(m, compute_uv=False)
    p = s / s.sum()
    return {"values": s.tolist(), "energy": (np.cumsum(s ** 2) / (s ** 2).sum()).tolist(),
            "effective_rank": float(np.exp(-(p * np.log(p)).sum())), "participation": float((s ** 2).sum() ** 2 / (s ** 4).sum())}


def projected(m, h=None):
    """The rows of a matrix at what least squares make of two directions: its leading singular ones, or the variates given."""
    c = m - m.mean(0)
    h = np.linalg.svd(c, full_matrices=False)[0][:, :2] if h is None else h[:, :2]
    return (m.mean(0) + h @ (h.T @ c)).ravel().tolist()


square = y @ rng.normal(size=(b, a))
json.dump({
    "pwcca_published": published(x.T, y.T), "canonical_x": canonical(x, y), "canonical_y": canonical(y, x),
    "pwcca_weights": (weights[:b] / weights[:b].sum()).tolist(),
    "spectrum": spectrum(x), "spectrum_centred": spectrum(x - x.mean(0)), "spectrum_wide": spectrum(x[:5]),
    "project_singular": projected(x), "project_canonical": projected(x, variates),
    "project_raw": (x @ np.linalg.svd(x)[2][:2].T @ np.linalg.svd(x)[2][:2]).ravel().tolist(),
    "square": square.ravel().tolist(),
    "cosine": float(1 - (x * square).sum() / np.linalg.norm(x) / np.linalg.norm(square)),
    "euclidean": float(np.linalg.norm(x - square) / np.sqrt(n)),
    "x": x.ravel().tolist(), "y": y.ravel().tolist(), "n": n, "a": a, "b": b, "labels": labels,
    "svd": plain, "energy": plain_energy, "centred": centred, "centred_energy": centred_energy,
    "wide": wide, "wide_energy": wide_energy, "steep_in": steep.ravel().tolist(), "steep": steep_out,
    "mean_distance": float(pdist(x).mean()), "mean_distance_class_1": float(pdist(x[1::3]).mean()),
    "cca": float(r.mean()), "cca_largest": float(r[0]), "pwcca": float((weights[:b] * r).sum() / weights[:b].sum()),
    "svcca": float(rho(basis(x, 0.9), basis(y, 0.9))[1].mean()),
    "cka": cka(gram, hsic), "cka_debiased": cka(gram, hsic1), "cka_rbf": cka(rbf, hsic), "cka_rbf_debiased": cka(rbf, hsic1),
    "procrustes": float(2 - 2 * np.linalg.svd(xu.T @ yu)[1].sum()),
}, open("reference.json", "w"))
