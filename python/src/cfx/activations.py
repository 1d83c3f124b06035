"""Writes activations to files that ``load_stages`` reads in a script."""

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
    """The files that :func:`stages` wrote."""

    #: The archive, with one array for each stage.
    path: Path
    #: The file of labels, if there are labels.
    labels: Optional[Path]
    #: For each name that was given, the name of the stage in the script.
    names: Dict[str, str]
    #: If labels were names: the name of each class, in the order of their numbers.
    classes: Optional[List[str]]

    def line(self, name: str = "reps") -> str:
        """Returns the line of a script that reads the files. The script must be in the same folder as the files."""
        labels = f', labels: "{self.labels.name}"' if self.labels else ""
        return f'stages {name} = load_stages("{self.path.name}", rows: examples{labels})'

    def __str__(self) -> str:
        return self.line()


def natural(name: str) -> Tuple[List[Tuple[str, int]], str]:
    """Returns the sort key of the natural order, ``a2`` before ``a10``, in which a script has its stages."""
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
    """Writes activations, one array for each stage (layer), and labels to files that ``load_stages`` reads in a script.

    :param arrays: NumPy arrays or PyTorch tensors by name, from the first layer to the last. The first dimension is of examples.
        Arrays of two dimensions are examples × units. Arrays of three (examples × tokens × features) are pooled over tokens, arrays
        of four (images, see ``layout``) over positions
    :param labels: one for each example: whole numbers from 0, or names, which are numbered in sorted order
    :param path: the archive to write; labels go to ``NAME.labels.npy`` beside it
    :param pool: ``mean``, ``max``, or ``flatten``, which keeps every number
    :param layout: ``nchw`` (PyTorch) or ``nhwc``

    A script allows letters, digits and ``_`` in names, and sorts stages in natural order (``a2`` before ``a10``). Where names do not
    fit, they are changed: ``layer1.0`` becomes ``layer1_0``, and if the order given is another one, numbers come in front: ``s01_conv1``.
    ``names`` of the result says which name became which; ``line()`` returns the line of the script.
    """
    if not isinstance(arrays, Mapping):
        help = 'write `cfx.stages({"hidden": array}, labels)`'
        raise TypeError(f"arrays are given by name, as a dictionary, not {type(arrays).__name__}: {help}")
    if isinstance(labels, Mapping):
        raise TypeError("labels are one array, with a label for each example; activations by name come first")
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
        raise ValueError(f"`{name}` has the shape {x.shape}; activations have two dimensions (examples × units), three (tokens) or four (images)")
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
        raise ValueError(f"labels have the shape {y.shape}, but there are {count} examples: give one label for each")
    if np.issubdtype(y.dtype, np.integer):
        if y.size and y.min() < 0:
            raise ValueError("labels must be whole numbers from 0; there is a negative one")
        return y.astype("int64"), None
    if y.dtype.kind in "UO":
        found, numbers = np.unique(y.astype(str), return_inverse=True)
        return numbers.astype("int64"), [str(c) for c in found]
    raise ValueError(f"labels must be whole numbers or names, not {y.dtype}: if they are whole, write labels.astype(int)")


def _names(given: Sequence[str]) -> Dict[str, str]:
    clean = [re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_") or "stage" for name in given]
    clean = [c if not c[0].isdigit() else f"s{c}" for c in clean]
    if len(set(clean)) < len(clean) or sorted(clean, key=natural) != clean:
        width = len(str(len(clean)))
        clean = [f"s{i:0{width}d}_{name}" for i, name in enumerate(clean, 1)]
    return dict(zip(given, clean))
