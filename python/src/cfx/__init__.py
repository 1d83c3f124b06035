"""Runs scripts of cfx and reads their results.

>>> import cfx
>>> run = cfx.run("exp.cfx", set={"epochs": 20})      # or cfx.open("results/exp")
>>> run["logp"].frame()                               # pandas or polars
>>> run["logp"].dataset()                             # xarray, with named axes, errors, ids, labels, units
>>> run.figures["Classes by stage"]                   # a notebook shows the picture
>>> run.claims
>>> run["p"].inference_data()                         # ArviZ
>>> run["net"].state_dict()                           # PyTorch

docs/results.md of the repository describes the files. The package needs only NumPy; pandas, polars, xarray, ArviZ and PyTorch are
needed by the methods that return their objects. In a notebook, ``%load_ext cfx`` adds the cell magic ``%%cfx``.
"""

from .activations import Stages, stages
from .command import CfxError, Diagnostic, check, find_command, run
from .figures import Claim, Claims, Figure
from .magic import load_ipython_extension
from .results import Run, open
from .values import Value

__all__ = [
    "CfxError",
    "Claim",
    "Claims",
    "Diagnostic",
    "Figure",
    "Run",
    "Stages",
    "Value",
    "check",
    "find_command",
    "load_ipython_extension",
    "open",
    "run",
    "stages",
]
