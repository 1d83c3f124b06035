"""Prints the numbers that tests/suite/numbers/shared.cfx expects: errors of numbers that share what they err by, written out. Run: python make_shared.py (numpy)."""

import numpy as np

run = np.arange(4)
acc = run * run / 2
other = np.array([0.0, 1.0, 4.0])
se = lambda x: x.std(ddof=1) / np.sqrt(len(x))
base, e = other.mean(), se(other)
print("base", base, e)
print("gain", (acc - base).mean(), np.hypot(se(acc), e))
# The square of a mean is above that of the true one by its variance, which is left out.
print("ratio", (acc / base).mean(), np.sqrt(se(acc) ** 2 / base**2 + (acc.mean() ** 2 - se(acc) ** 2) * e**2 / base**4))
second = np.sqrt(run + 1.0)
print("between", (acc - second).mean(), se(acc - second))
# Two crossed axes: the analysis of variance of a table without repeats.
k = np.array([1.0, 2.0, 5.0])
table = run[:, None] * k[None, :] + k[None, :] ** 2
m, n = table.mean(), table.size
rows, columns = table.mean(1) - m, table.mean(0) - m
rest = table - m - rows[:, None] - columns[None, :]
ms = lambda x, repeats, df: repeats * (x**2).sum() / df
parts = ms(rows, 3, 3), ms(columns, 4, 2), ms(rest, 1, 6)
print("table", m, np.sqrt((parts[0] + parts[1] - parts[2]) / n), parts)
