"""cfx in Python: run scripts, and read what they leave.

>>> import cfx
>>> run = cfx.run("exp.cfx", set={"epochs": 20})      # or cfx.open("results/exp")
>>> run["logp"].frame()                               # pandas or polars
>>> run["logp"].dataset()                             # xarray, with named axes, errors, ids, labels, units
>>> run.figures["Classes by stage"]                   # shows itself in a notebook
>>> run.claims
>>> run["p"].inference_data()                         # ArviZ
>>> run["net"].state_dict()                           # PyTorch

What the files are is described in docs/results.md of the repository. The package needs NumPy alone; pandas, polars, xarray, ArviZ
and PyTorch are asked for where they are used. In a notebook, ``%load_ext cfx`` gives the cell magic ``%%cfx``.
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
