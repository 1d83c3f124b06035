"""Readers of the two binary forms that need no library: Zarr version 2 without compression, and safetensors."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, Dict, List, Tuple

import numpy as np

__all__ = ["below", "safetensors", "zarr_arrays", "zarr_groups"]

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def below(folder: Path, name: str) -> Path:
    """The path of a file below a folder. Results may be a stranger's: names that lead elsewhere are refused."""
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or PureWindowsPath(name).drive or "\\" in name:
        raise ValueError(f"the results in {folder} name the file {name!r}, which does not lie in their folder")
    return folder.joinpath(*parts)


def zarr_groups(store: Path) -> List[str]:
    """The groups of a store, by name."""
    return sorted(p.parent.name for p in store.glob("*/.zgroup"))


def zarr_arrays(group: Path) -> Dict[str, Tuple[Tuple[str, ...], "np.ndarray[Any, Any]"]]:
    """The arrays of a group, by name: dimensions and numbers."""
    out: Dict[str, Tuple[Tuple[str, ...], "np.ndarray[Any, Any]"]] = {}
    for about in sorted(group.glob("*/.zarray")):
        meta = json.loads(about.read_text())
        if meta["compressor"] is not None or meta["filters"] or meta["chunks"] != meta["shape"]:
            raise ValueError(f"{about.parent} is compressed or cut into chunks; open it with xarray.open_zarr")
        attributes = json.loads((about.parent / ".zattrs").read_text())
        chunk = about.parent / ".".join(["0"] * len(meta["shape"]))
        numbers = np.frombuffer(chunk.read_bytes(), dtype=meta["dtype"]).reshape(meta["shape"]).copy()
        out[about.parent.name] = (tuple(attributes["_ARRAY_DIMENSIONS"]), numbers)
    return out


def safetensors(path: Path) -> Dict[str, "np.ndarray[Any, Any]"]:
    """The tensors of a safetensors file, by name, in the file's order of offsets."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    body = memoryview(raw)[8 + length :]
    out: Dict[str, "np.ndarray[Any, Any]"] = {}
    for name, about in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        start, end = about["data_offsets"]
        dtype = _DTYPES.get(about["dtype"])
        if dtype is None:
            raise ValueError(f"{path}: `{name}` has the dtype {about['dtype']}; read it with the safetensors package")
        out[name] = np.frombuffer(body[start:end], dtype=dtype).reshape(about["shape"]).copy()
    return out
