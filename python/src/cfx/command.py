"""The command, called from Python: running and checking scripts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

from .progress import Progress, shown
from .results import Run
from .results import open as open_results

__all__ = ["CfxError", "Diagnostic", "check", "find_command", "run"]

PathLike = Union[str, "os.PathLike[str]"]

_WORDS = {1: "a cell failed", 2: "the arguments are wrong", 3: "the script is wrong", 4: "a claim failed", 5: "the store is in use, or something cannot be written"}


class CfxError(RuntimeError):
    """The command failed. ``exit_code`` is its exit code; ``run`` has the results so far, or is None."""

    def __init__(self, message: str, exit_code: int, run: Optional[Run] = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.run = run


@dataclass(frozen=True)
class Diagnostic:
    """A message about a script."""

    #: Stable code, such as ``cfx::name::unknown``.
    code: str
    #: ``error`` or ``warning``.
    severity: str
    #: What is wrong, in a sentence.
    message: str
    #: What to do about it.
    help: Optional[str]
    #: File, line and column (from 1) of the main place.
    file: Optional[str]
    line: Optional[int]
    column: Optional[int]

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file else ""
        return f"{place}{self.severity}: {self.message} [{self.code}]" + (f"\n  {self.help}" if self.help else "")


def find_command() -> str:
    """Returns the path of the command: ``$CFX``, else the one that pip installed with this package, else the one on the path.

    :raises FileNotFoundError: there is none
    """
    name = "cfx.exe" if os.name == "nt" else "cfx"
    candidates: List[Optional[str]] = [os.environ.get("CFX")]
    folders = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent), str(Path(__file__).parents[1] / "bin")]
    try:
        folders.append(sysconfig.get_path("scripts", scheme=f"{os.name}_user"))
    except KeyError:
        pass
    candidates += [str(Path(folder) / name) for folder in folders]
    candidates.append(shutil.which("cfx"))
    for candidate in candidates:
        if candidate and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError("the command `cfx` was not found: install the wheel, put `cfx` on the path, or set the environment variable CFX to its path")


def _set(values: Optional[Mapping[str, Any]]) -> List[str]:
    if values is not None and not isinstance(values, Mapping):
        raise TypeError(f"`set` takes the values of parameters by name, set={{\"epochs\": 20}}, not {values!r}")

    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return [part for name, value in (values or {}).items() for part in ("--set", f"{name}={text(value)}")]


def run(
    script: PathLike,
    *,
    set: Optional[Mapping[str, Any]] = None,  # noqa: A002 - the flag's name
    out: Optional[PathLike] = None,
    store: Optional[PathLike] = None,
    data: Sequence[PathLike] = (),
    threads: Optional[int] = None,
    device: Optional[str] = None,
    strict: bool = False,
    arguments: Sequence[str] = (),
    progress: Union[bool, Progress] = True,
    **unknown: Any,
) -> Run:
    """Runs a script and opens its results.

    Results that are in the store are not computed again. An interrupted run continues where it stopped.

    :param script: path of the script
    :param set: values of the script's parameters, ``{"epochs": 20}``
    :param out: folder for the results; by default ``results/NAME`` beside the script
    :param store: folder of the store; by default ``.cfx`` beside the script
    :param data: further folders that the script may read
    :param threads: number of threads; by default all
    :param device: device of networks: ``"cpu"``, ``"cuda:0"``, ``"metal"``; by default ``"auto"``
    :param strict: whether a claim that fails is an error
    :param arguments: further arguments of ``cfx run``, such as ``["--only", "test"]``
    :param progress: whether to show progress (a bar in a notebook, a line on a terminal), or an object of your own that shows it
    :raises CfxError: the script is wrong, a cell failed, or, with ``strict``, a claim failed; ``error.run`` has the results so far
    """
    if unknown:
        given = ", ".join(f'"{name}": {value!r}' for name, value in unknown.items())
        raise TypeError(f"run() has no argument `{next(iter(unknown))}`; values of the script's parameters are given by set={{{given}}}")
    script = Path(script)
    out = Path(out) if out is not None else script.parent / "results" / script.stem
    command = [find_command(), "run", str(script), "--json", "--out", str(out), *_set(set)]
    for flag, value in (("--store", store), ("--threads", threads), ("--device", device)):
        command += [flag, str(value)] if value is not None else []
    command += [part for folder in data for part in ("--data", str(folder))]
    command += ["--strict"] if strict else []
    command += list(arguments)
    show = progress if isinstance(progress, Progress) else shown(bool(progress))
    said: List[str] = []
    failed: List[Dict[str, Any]] = []
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert child.stderr is not None
    try:
        for line in child.stderr:
            event = _event(line)
            if event is None:
                said.append(line)
            else:
                failed += [event] if event["event"] == "failed" else []
                show.event(event)
        child.wait()
    except KeyboardInterrupt:
        # The command keeps what is done and ends by itself.
        if os.name != "nt":
            child.send_signal(signal.SIGINT)
        else:
            # Windows has no such signal for one process. A console tells the command too; in a notebook it is ended.
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.terminate()
        child.wait()
        raise
    finally:
        show.close()
    code = child.returncode
    results = open_results(out) if code in (0, 1, 4) and (out / "manifest.json").is_file() else None
    if code == 0 and results is not None:
        return results
    words = "".join(said).strip()
    cells = "".join(f"\n{f.get('title')}: {f.get('message')}" + (f"\n  {f['help']}" if f.get("help") else "") for f in failed)
    raise CfxError(f"{_WORDS.get(code, f'cfx ended with {code}')}{cells}{chr(10) + words if words else ''}", code, results)


def _event(line: str) -> Optional[Dict[str, Any]]:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def check(script: Optional[PathLike] = None, *, text: Optional[str] = None, set: Optional[Mapping[str, Any]] = None) -> List[Diagnostic]:  # noqa: A002
    """Checks a script, given by its path or as ``text``, without reading data. Returns the messages; an empty list means there are none."""
    if (script is None) == (text is None):
        raise TypeError("give either the path of a script, or `text=`")
    command = [find_command(), "check", "-" if text is not None else str(script), "--json", *_set(set)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8")
    if done.returncode not in (0, 3):
        raise CfxError(done.stderr.strip() or _WORDS.get(done.returncode, ""), done.returncode)
    out = []
    for said in json.loads(done.stdout)["diagnostics"]:
        main = said["labels"][0] if said["labels"] else {"file": None}
        start = main.get("start") or {}
        out.append(
            Diagnostic(
                said["code"], said["severity"], said["message"], said["help"], main["file"], start.get("line"), start.get("column")
            )
        )
    return out
