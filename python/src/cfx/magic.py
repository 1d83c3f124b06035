"""The cell magic ``%%cfx``: a script in a cell of a notebook."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, Optional

from .command import CfxError, run
from .results import Run

__all__ = ["load_ipython_extension"]

#: The first line of the scripts that the magic writes. It stands where the cell has `%%cfx`, so that lines are counted alike in both.
_FIRST = "# Written by %%cfx in a notebook, which overwrites this file."


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="%%cfx", add_help=False, description="Runs the cell as a script and shows its results.")
    parser.add_argument("name", nargs="?", default="notebook", help="name of the script: the cell is written to NAME.cfx in the current folder")
    parser.add_argument("--as", dest="variable", default="run", help="variable that receives the results (default: run)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="value of a `param` of the script")
    parser.add_argument("--data", action="append", default=[], metavar="DIR", help="a further folder that the script may read")
    parser.add_argument("--strict", action="store_true", help="a claim that fails is an error")
    return parser


def _is_own(script: Path) -> bool:
    with open(script, encoding="utf-8", errors="replace") as lines:
        return lines.readline().rstrip("\n") == _FIRST


def run_cell(shell: Any, line: str, cell: str) -> Optional[Run]:
    """Writes a cell to ``NAME.cfx``, runs it, and puts the results into a variable. Errors are printed without a traceback.

    A file that the magic did not write is not overwritten.
    """
    try:
        given = _arguments().parse_args(shlex.split(line))
    except SystemExit:
        return None
    wrong = [v for v in given.set if "=" not in v]
    if wrong:
        print(f"`--set {wrong[0]}` sets nothing: write --set NAME=VALUE, without spaces around `=`")
        return None
    script = Path(given.name if given.name.endswith(".cfx") else f"{given.name}.cfx")
    if script.exists() and not _is_own(script):
        print(f"{script} was not written by %%cfx and is not overwritten: choose another name, or run it with cfx.run({str(script)!r})")
        return None
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"{_FIRST}\n{cell.rstrip()}\n", encoding="utf-8")
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
