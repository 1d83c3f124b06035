"""Activations on their way into a script: what ``load_stages`` reads."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

__all__ = ["Stages", "natural", "stages"]


@dataclass(frozen=True)
class Stages:
    """Activations that were written."""

    #: The archive, with one array a stage.
    path: Path
    #: The file of labels.
    labels: Optional[Path]
    #: The names of the stages in the script, by the names given.
    names: Dict[str, str]
    #: The names of the classes, by label, where labels were no whole numbers.
    classes: Optional[List[str]]

    def line(self, name: str = "reps") -> str:
        """The line of a script beside the files that reads them."""
        labels = f', labels: "{self.labels.name}"' if self.labels else ""
        return f'stages {name} = load_stages("{self.path.name}", rows: examples{labels})'

    def __str__(self) -> str:
        return self.line()


def natural(name: str) -> Tuple[List[Tuple[str, int]], str]:
    """The key of the natural order, ``a2`` before ``a10``, in which a script counts stages."""
    parts = re.split(r"([0-9]+)", name)
    # The end counts as the lowest letter, as the command has it.
    texts, numbers = [*parts[0::2][:-1], parts[-1] + "\0"], [int(n) for n in parts[1::2]]
    out = list(zip(texts, [*numbers, 0]))
    return out, name


def stages(
    arrays: Mapping[str, Any],
    labels: Optional[Any] = None,
    *,
    path: Union[str, "os.PathLike[str]"] = "activations.npz",
    pool: str = "mean",
    layout: str = "nchw",
) -> Stages:
    """Writes activations, one array a stage, as ``load_stages`` reads them, with labels beside.

    :param arrays: by name, in the order of depth. Examples come first. NumPy arrays or PyTorch tensors of two dimensions (examples × units);
        of three (examples × tokens × features) and four (images, see ``layout``), which are pooled over tokens and positions
    :param labels: one an example: whole numbers from 0, or names, which are numbered in their sorted order
    :param path: the archive; labels go to ``NAME.labels.npy`` beside it
    :param pool: ``mean``, ``max``, or ``flatten`` for none
    :param layout: ``nchw`` (PyTorch) or ``nhwc``

    Names become names of a script: letters, digits and ``_``. A script counts stages in natural order (``a2`` before ``a10``); where the order
    given is another one, names get numbers in front: ``s01_conv1``. The result says which name became which, and prints the script's line.
    """
    if not arrays:
        raise ValueError("no arrays are given")
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path} does not end in .npz")
    if pool not in ("mean", "max", "flatten"):
        raise ValueError(f"`pool` is 'mean', 'max' or 'flatten', not {pool!r}")
    if layout not in ("nchw", "nhwc"):
        raise ValueError(f"`layout` is 'nchw' or 'nhwc', not {layout!r}")
    matrices = {name: _matrix(name, array, pool, layout) for name, array in arrays.items()}
    lengths = {name: len(matrix) for name, matrix in matrices.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the arrays have different numbers of examples: {lengths}")
    for name, matrix in matrices.items():
        if not np.isfinite(matrix).all():
            row, column = np.argwhere(~np.isfinite(matrix))[0]
            raise ValueError(f"`{name}` has a number that is not finite, at example {row}, unit {column}")
    numbers, classes = _labels(labels, next(iter(lengths.values())))
    names = _names(list(arrays))
    path.parent.mkdir(parents=True, exist_ok=True)
    by_name: Dict[str, Any] = {names[name]: matrix for name, matrix in matrices.items()}
    np.savez(path, **by_name)
    beside = path.with_name(path.stem + ".labels.npy") if numbers is not None else None
    if beside is not None and numbers is not None:
        np.save(beside, numbers)
    return Stages(path, beside, names, classes)


def _numpy(array: Any) -> "np.ndarray[Any, Any]":
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        array = array.float() if array.is_floating_point() else array
        array = array.numpy()
    return np.asarray(array)


def _matrix(name: str, array: Any, pool: str, layout: str) -> "np.ndarray[Any, Any]":
    x = _numpy(array)
    if x.ndim not in (2, 3, 4):
        raise ValueError(f"`{name}` has {x.ndim} dimensions; activations have two (examples × units), three (tokens) or four (images)")
    if x.ndim == 2:
        return x
    if pool == "flatten":
        # Positions last, so that both layouts flatten alike.
        x = np.moveaxis(x, -1, 1) if x.ndim == 4 and layout == "nhwc" else x
        return x.reshape(len(x), -1)
    over = (1,) if x.ndim == 3 else ((2, 3) if layout == "nchw" else (1, 2))
    return np.asarray(x.mean(axis=over) if pool == "mean" else x.max(axis=over))


def _labels(labels: Any, count: int) -> "Tuple[Optional[np.ndarray[Any, Any]], Optional[List[str]]]":
    if labels is None:
        return None, None
    y = _numpy(labels)
    if y.shape != (count,):
        raise ValueError(f"labels have the shape {y.shape}; there are {count} examples")
    if np.issubdtype(y.dtype, np.integer):
        if y.size and y.min() < 0:
            raise ValueError("labels are whole numbers from 0; there is one below")
        return y.astype("int64"), None
    if y.dtype.kind in "UO":
        found, numbers = np.unique(y.astype(str), return_inverse=True)
        return numbers.astype("int64"), [str(c) for c in found]
    raise ValueError(f"labels are whole numbers or names, not {y.dtype}")


def _names(given: Sequence[str]) -> Dict[str, str]:
    clean = [re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "stage" for name in given]
    clean = [c if not c[0].isdigit() else f"s{c}" for c in clean]
    if len(set(clean)) < len(clean) or sorted(clean, key=natural) != clean:
        width = len(str(len(clean)))
        clean = [f"s{i:0{width}d}_{name}" for i, name in enumerate(clean, 1)]
    return dict(zip(given, clean))
