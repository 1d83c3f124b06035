"""A run that all tests read, made once by the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import cfx


@pytest.fixture(scope="session")
def command() -> str:
    """The command; tests that need it are left out where it is not there."""
    try:
        return cfx.find_command()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def results(command: str, tmp_path_factory: pytest.TempPathFactory) -> cfx.Run:
    """The results of `exp.cfx`."""
    folder = tmp_path_factory.mktemp("run")
    script = folder / "exp.cfx"
    shutil.copy(Path(__file__).with_name("exp.cfx"), script)
    return cfx.run(script, progress=False)
