"""Writes least_squares.json: a line of least squares by SciPy, on plain and on logarithmic axes. Run in this folder: python least_squares.py"""

import json

import numpy as np
from scipy.stats import linregress

rng = np.random.default_rng(4)
x = np.round(np.exp(rng.normal(1.0, 0.8, 40)), 6)
y = np.round(2.5 * x**1.3 * np.exp(rng.normal(0.0, 0.2, 40)), 6)


def line(a, b):
    fit = linregress(a, b)
    return {"slope": fit.slope, "stderr": fit.stderr, "intercept": fit.intercept, "r_squared": fit.rvalue**2}


out = {"x": x.tolist(), "y": y.tolist(), "linear": line(x, y), "log": line(np.log10(x), np.log10(y))}
with open("least_squares.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
