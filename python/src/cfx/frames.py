"""Tables as frames: pandas or polars, with the types that the run wrote."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Dict, Optional

__all__ = ["about", "available", "needs", "read_csv", "read_table", "units"]

_PANDAS = {"integer": "Int64", "boolean": "boolean", "text": "string", "number": "float64"}


def available(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None


def needs(module: str, what: str) -> None:
    """Says which package is missing, and how to install it.

    Raises ``ImportError`` if the module cannot be imported.
    """
    if not available(module):
        raise ImportError(f"{what} needs {module}: pip install {module}")


def _library(wanted: Optional[str]) -> str:
    if wanted is not None and wanted not in ("pandas", "polars"):
        raise ValueError(f"`library` is 'pandas' or 'polars', not {wanted!r}")
    for name in [wanted] if wanted else ["pandas", "polars"]:
        if available(name):
            return name
    raise ImportError(f"a frame needs {wanted or 'pandas or polars'}: pip install {wanted or 'pandas'}{' pyarrow' if wanted != 'polars' else ''}")


def about(stem: Path) -> Dict[str, Any]:
    """The description of a table: axes, and for each column what it is, its type and its unit."""
    found: Dict[str, Any] = json.loads(stem.with_name(stem.name + ".json").read_text(encoding="utf-8"))
    return found


def units(description: Dict[str, Any]) -> Dict[str, str]:
    """The units of a table's columns, by column."""
    return {c["name"]: c["unit"] for c in description["columns"] if "unit" in c}


def read_table(stem: Path, library: Optional[str] = None) -> Any:
    """Reads a table as a frame: from Parquet, or, where pandas has no pyarrow, from CSV.

    In pandas, columns of whole numbers and truth values without gaps are ``int64`` and ``bool``, with gaps ``Int64`` and
    ``boolean``; ``frame.attrs["units"]`` holds the units of columns.
    """
    description = about(stem)
    if _library(library) == "polars":
        import polars

        return polars.read_parquet(stem.with_name(stem.name + ".parquet"))
    import pandas

    types = {c["name"]: _PANDAS[c["type"]] for c in description["columns"]}
    if available("pyarrow"):
        import pyarrow.parquet

        # Through Arrow itself, so that whole numbers with gaps never pass through floats.
        arrow = pyarrow.parquet.read_table(stem.with_name(stem.name + ".parquet"))
        back = {pyarrow.int64(): pandas.Int64Dtype(), pyarrow.bool_(): pandas.BooleanDtype(), pyarrow.string(): pandas.StringDtype()}
        frame = arrow.to_pandas(types_mapper=back.get)
    else:
        path = stem.with_name(stem.name + ".csv")
        texts = {name: "string" if kind == "boolean" else kind for name, kind in types.items()}
        frame = pandas.read_csv(path, dtype=texts, keep_default_na=False, na_values=[""])
        for name, kind in types.items():
            if kind == "boolean":
                frame[name] = frame[name].map({"true": True, "false": False}).astype("boolean")
    for name, kind in types.items():
        if kind in ("Int64", "boolean") and not frame[name].isna().any():
            frame[name] = frame[name].astype("int64" if kind == "Int64" else "bool")
        elif kind == "string":
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    frame.attrs["units"] = units(description)
    return frame


def read_csv(path: Path, library: Optional[str] = None) -> Any:
    """Reads a CSV file as a frame; types are guessed."""
    if _library(library) == "polars":
        import polars

        return polars.read_csv(path)
    import pandas

    return pandas.read_csv(path)
