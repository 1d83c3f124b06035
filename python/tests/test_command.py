"""The command from Python: running, checking, progress, the cell magic."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest

import cfx
from cfx.magic import run_cell
from cfx.progress import Progress

SCRIPT = """cfx 1
experiment "Small" { seed: 1 }

param most: int = 3
axis run = 0..most
analysis x = run * 2
claim "It holds" = all(x < 2 * most)
claim "It does not" = any(x > 100)
"""


class Counting(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.kinds: List[str] = []
        self.closed = 0

    def event(self, event: Dict[str, Any]) -> None:
        self.kinds.append(event["event"])
        super().event(event)

    def close(self) -> None:
        self.closed += 1


def script_in(folder: Path, text: str = SCRIPT) -> Path:
    path = folder / "small.cfx"
    path.write_text(text, encoding="utf-8")
    return path


def test_parameters_reach_the_script(command: str, tmp_path: Path) -> None:
    progress = Counting()
    run = cfx.run(script_in(tmp_path), set={"most": 5}, progress=progress)
    assert run["x"].axes == {"run": 5}
    assert run.manifest["overrides"] == [{"name": "most", "value": "5", "default": "3"}]
    assert "plan" in progress.kinds and progress.closed == 1 and "of" in progress.text()
    assert run.path == tmp_path / "results" / "small"


def test_a_wrong_script_is_an_error(command: str, tmp_path: Path) -> None:
    with pytest.raises(cfx.CfxError, match="the script is wrong(.|\n)*maen") as caught:
        cfx.run(script_in(tmp_path, SCRIPT.replace("run * 2", "maen(run)")), progress=False)
    assert caught.value.exit_code == 3 and caught.value.run is None


def test_a_failed_claim_is_an_error_where_asked(command: str, tmp_path: Path) -> None:
    script = script_in(tmp_path)
    assert not cfx.run(script, progress=False).claims["It does not"]
    with pytest.raises(cfx.CfxError, match="a claim failed") as caught:
        cfx.run(script, strict=True, progress=False)
    assert caught.value.exit_code == 4 and caught.value.run is not None and caught.value.run.claims["It holds"]


def test_a_failed_cell_is_an_error_with_results(command: str, tmp_path: Path) -> None:
    rows = np.zeros((4, 2))
    rows[3, 1] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    text = (
        'cfx 1\nexperiment "Broken" { seed: 1 }\nstages s = load_stages("rows.npy", rows: examples)\n'
        "analysis d = mean_distance(s)\nanalysis fine = 1 + 1\n"
    )
    with pytest.raises(cfx.CfxError, match="a cell failed(.|\n)*NaN at row 3, column 1") as caught:
        cfx.run(script_in(tmp_path, text), progress=False)
    assert caught.value.exit_code == 1 and caught.value.run is not None
    assert caught.value.run["fine"].columns[0]["is"] == "value"


def test_checking(command: str, tmp_path: Path) -> None:
    assert cfx.check(text=SCRIPT) == []
    (found,) = cfx.check(text="cfx 1\nexperiment \"x\" { seed: 1 }\nanalysis x = maen(1)\n")
    assert (found.severity, found.line, found.column) == ("error", 3, 14)
    assert found.code.startswith("cfx::") and "mean" in (found.help or "") and "maen" in str(found)
    assert cfx.check(script_in(tmp_path)) == []
    with pytest.raises(TypeError):
        cfx.check()


def test_the_cell_magic(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)

    class Shell:
        user_ns: Dict[str, Any] = {}

    found = run_cell(Shell, "mine --as got --set most=2", SCRIPT)
    assert found is not None and Shell.user_ns["got"] is found and found["x"].axes == {"run": 2}
    # The file has a line in place of the cell's `%%cfx`, so that messages name the lines of the cell.
    first, rest = Path("mine.cfx").read_text().split("\n", 1)
    assert first.startswith("# Written by %%cfx") and rest == SCRIPT
    assert run_cell(Shell, "", "cfx 1\nexperiment \"x\" { seed: 1 }\nanalysis x = maen(1)\n") is None
    said = capsys.readouterr().out
    assert "maen" in said and "notebook.cfx:4:" in said
    # Its own file is written again.
    assert run_cell(Shell, "mine --set most=4", SCRIPT) is not None
    assert run_cell(Shell, "mine --set most", SCRIPT) is None
    assert "NAME=VALUE" in capsys.readouterr().out


def test_the_cell_magic_overwrites_no_file_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.cfx").write_text("cfx 1\n")
    assert run_cell(object(), "mine", SCRIPT) is None
    assert "not overwritten" in capsys.readouterr().out and Path("mine.cfx").read_text() == "cfx 1\n"


def test_the_magic_is_registered() -> None:
    registered = {}

    class Shell:
        @staticmethod
        def register_magic_function(function: Any, kind: str, name: str) -> None:
            registered[kind, name] = function

    cfx.load_ipython_extension(Shell)
    assert list(registered) == [("cell", "cfx")]


def test_the_command_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / ("cfx.exe" if os.name == "nt" else "cfx")
    other.write_text("#!/bin/sh\n")
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CFX", str(other))
    assert cfx.find_command() == str(other)
    monkeypatch.setenv("CFX", str(tmp_path / "none"))
    monkeypatch.setattr("cfx.command.shutil.which", lambda name: str(other))
    monkeypatch.setattr("cfx.command.sysconfig.get_path", lambda *a, **k: str(tmp_path / "empty"))
    monkeypatch.setattr("cfx.command.sys.executable", str(tmp_path / "empty" / "python"))
    assert cfx.find_command() == str(other)
    monkeypatch.setattr("cfx.command.shutil.which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="install the wheel"):
        cfx.find_command()


def test_values_of_parameters_in_the_wrong_place_are_refused_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r'no argument `most`.*set=\{"most": 5\}'):
        cfx.run(script_in(tmp_path), most=5)
    with pytest.raises(TypeError, match="`set` takes the values of parameters by name"):
        cfx.run(script_in(tmp_path), set="most=5")  # type: ignore[arg-type]
