"""The cell magic ``%%cfx``: a script in a cell of a notebook."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, Optional

from .command import CfxError, run
from .results import Run

__all__ = ["load_ipython_extension"]


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="%%cfx", add_help=False, description="Runs the cell as a script and shows its results.")
    parser.add_argument("name", nargs="?", default="notebook", help="name of the script: NAME.cfx is written beside the notebook")
    parser.add_argument("--as", dest="variable", default="run", help="variable that the results go to (default: run)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter")
    parser.add_argument("--data", action="append", default=[], metavar="DIR", help="a further folder that the script may read")
    parser.add_argument("--strict", action="store_true", help="a claim that fails is an error")
    return parser


def run_cell(shell: Any, line: str, cell: str) -> Optional[Run]:
    """Runs a cell: writes ``NAME.cfx``, runs it, puts the results into a variable. What went wrong is printed, as a traceback would only hide it."""
    try:
        given = _arguments().parse_args(shlex.split(line))
    except SystemExit:
        return None
    script = Path(given.name).with_suffix(".cfx")
    script.write_text(cell if cell.endswith("\n") else cell + "\n", encoding="utf-8")
    try:
        found = run(script, set=dict(v.split("=", 1) for v in given.set), data=given.data, strict=given.strict)
    except CfxError as error:
        print(error)
        if error.run is not None:
            shell.user_ns[given.variable] = error.run
        return None
    shell.user_ns[given.variable] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext cfx``."""
    shell.register_magic_function(lambda line, cell: run_cell(shell, line, cell), "cell", "cfx")
