"""Writes linkage.json: trees of scipy.cluster.hierarchy for the tests of src/ops/analysis/linkage.rs. Run: python make_linkage.py (numpy, scipy)."""
import json
import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform

rng = np.random.default_rng(3)
points = np.concatenate([rng.normal(size=(7, 3)), 4 + rng.normal(size=(6, 3)), [8, 0, 0] + rng.normal(size=(4, 3))])
d = pdist(points)
out = {"n": len(points), "d": squareform(d).ravel().tolist()}
for method in ["average", "complete", "single", "ward"]:
    z = hierarchy.linkage(d, method)
    correlation, heights = hierarchy.cophenet(z, d)
    labels = {}
    for k in [1, 2, 3, 5, len(points)]:
        groups = hierarchy.fcluster(z, k, "maxclust").tolist()
        first = list(dict.fromkeys(groups))
        labels[str(k)] = [first.index(g) for g in groups]
    out[method] = {"merges": z.tolist(), "order": hierarchy.leaves_list(z).tolist(), "cophenetic": float(correlation),
                   "heights": heights.tolist(), "groups": labels}
json.dump(out, open("linkage.json", "w"))
