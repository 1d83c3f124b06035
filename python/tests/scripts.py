"""The scripts of the repository, which tests read."""

from __future__ import annotations

from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parents[2]


def scripts_below(*folders: Path) -> List[Path]:
    """The scripts below folders, in order.

    A run leaves a folder `.cfx` beside its script, and copies of scripts in it and in its results: no script of the repository is there.
    """
    found = {path for folder in folders for path in folder.rglob("*.cfx") if path.is_file()}
    return sorted(path for path in found if not {".cfx", "results"} & set(path.parts[:-1]))
