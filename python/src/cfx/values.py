"""The declared values of a run: tables, labelled arrays, Markov chains, weights."""

from __future__ import annotations

import html
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import numpy as np

from . import files, frames

if TYPE_CHECKING:
    import pandas
    import xarray

__all__ = ["Value"]

Place = Dict[str, Any]

#: How files of each kind are read.
_WAYS = {"table": "frame()", "array": "dataset()", "density": "draws() or inference_data()", "model": "weights() or state_dict()"}

#: Rows of a table that a notebook shows.
_ROWS = 10


class Value:
    """A declared value: a model, a representation, a density, an analysis.

    :class:`cfx.Run` makes it. What it can return depends on what the run wrote: :meth:`frame` and :meth:`dataset` for numbers,
    :meth:`dataset` for representations, :meth:`inference_data` for densities, :meth:`state_dict` for models with kept weights.
    """

    def __init__(self, root: Path, declared: Dict[str, Any], outputs: List[Dict[str, Any]]) -> None:
        self._root = root
        self._outputs = outputs
        #: Its name in the script.
        self.name: str = declared["name"]
        #: The keyword that declares it: ``model``, ``stages``, ``density``, ``analysis``, …
        self.keyword: str = declared["keyword"]
        #: What it is, in words: ``number per example``.
        self.kind: str = declared["kind"]
        #: Its axes, outermost first, with the number of their coordinates.
        self.axes: Dict[str, int] = {a["name"]: a["count"] for a in declared["axes"]}

    def __repr__(self) -> str:
        axes = " × ".join(f"{name}({count})" for name, count in self.axes.items())
        return f"<{self.keyword} {self.name}: {self.kind}{' over ' + axes if axes else ''}>"

    def _repr_html_(self) -> str:
        axes = " × ".join(f"{name}({count})" for name, count in self.axes.items())
        head = f"<p><code>{html.escape(self.keyword)} {html.escape(self.name)}</code>: {html.escape(self.kind)}{' over ' + html.escape(axes) if axes else ''}</p>"
        if self._table() is None or not frames.available("pandas"):
            return head
        frame = self.frame("pandas")
        rest = f"<p>and {len(frame) - _ROWS} rows more</p>" if len(frame) > _ROWS else ""
        return f"{head}{frame.head(_ROWS).to_html(index=False)}{rest}"

    # --- tables -------------------------------------------------------------------------------------------------------------

    def _table(self, part: str = "") -> Optional[Path]:
        stems = [p.with_suffix("") for p in self._paths("table", ".parquet")]
        return next((s for s in stems if frames.about(s).get("part", "") == part), None)

    @property
    def parts(self) -> List[str]:
        """The parts of a record that are tables themselves, for :meth:`frame`: for a ``calibration``, ``["table"]``."""
        stems = [p.with_suffix("") for p in self._paths("table", ".parquet")]
        return [part for part in (frames.about(s).get("part", "") for s in stems) if part]

    @property
    def columns(self) -> List[Dict[str, Any]]:
        """Describes the columns of the table: ``name``, ``is`` (what it holds), ``type``, and if they apply ``of`` and ``unit``."""
        stem = self._table()
        if stem is None:
            raise self._lacks("table")
        columns: List[Dict[str, Any]] = frames.about(stem)["columns"]
        return columns

    @property
    def units(self) -> Dict[str, str]:
        """The units of its numbers, by the part of a record, or by its own name."""
        found = {(c["of"] or self.name): c["unit"] for c in self.columns if c["is"] == "value" and "unit" in c} if self._table() else {}
        for about in self._arrays():
            if "unit" in about:
                found[about["part"] or self.name] = about["unit"]
        return found

    def frame(self, library: Optional[str] = None, *, part: str = "") -> Any:
        """Returns the tidy table, one row for each observation: a pandas frame, or a polars frame if ``library`` is ``"polars"`` or
        pandas is not installed.

        ``part`` names a part of a record that is a table itself (see :attr:`parts`).
        """
        stem = self._table(part)
        if stem is None:
            raise self._lacks(f"table `{part}`" if part else "table")
        return frames.read_table(stem, library)

    # --- arrays -------------------------------------------------------------------------------------------------------------

    def _arrays(self) -> List[Dict[str, Any]]:
        return [json.loads(p.read_text(encoding="utf-8")) for p in self._paths("array", ".json") if p.parent.name == "arrays"]

    def places(self) -> List[Place]:
        """Returns the combinations of coordinates that have an array each; empty if one array holds all of them."""
        out: List[Place] = []
        for about in self._arrays():
            if about["at"] and about["at"] not in out:
                out.append(about["at"])
        return out

    def dataset(self, **at: Any) -> "xarray.Dataset":
        """Returns the value as an ``xarray.Dataset``.

        Dimensions are the value's axes, then ``example``, then ``unit``; coordinates are those of the axes, the ids of examples, and
        ``label``. A number ``x`` comes with ``x_se`` and ``x_count`` if it has a standard error and a count. Each variable has its
        unit in ``attrs["units"]``. If arrays differ in shape, name one place: ``run["reps"].dataset(stage="stage1")``.
        """
        frames.needs("xarray", "`dataset`")
        import xarray

        abouts = self._arrays()
        whole = [a for a in abouts if not a["at"]]
        if whole and not any(a["at"] for a in abouts):
            found = xarray.merge([self._of_array(a) for a in whole], join="outer", compat="no_conflicts", combine_attrs="drop_conflicts")
            return found.sel(at) if at else found
        if any(a["at"] for a in abouts):
            here = [a for a in abouts if _matches(a["at"], at)]
            places = {json.dumps(a["at"]) for a in here}
            if len(places) == 1:
                return xarray.merge([self._of_array(a) for a in here], compat="no_conflicts", combine_attrs="drop_conflicts")
            if self._table() is None:
                known = "; ".join(f"dataset({_call(p)})" for p in self.places())
                raise ValueError(f"the arrays of `{self.name}` have different shapes; name one of them: {known}")
        found = self._of_table()
        return found.sel(at) if at else found

    def _of_array(self, about: Dict[str, Any]) -> "xarray.Dataset":
        import xarray

        folder = self._root / "arrays"
        name = about["part"] or self.name
        dims = tuple(d["name"] for d in about["dims"])
        attrs = {"units": about["unit"]} if "unit" in about else {}
        variables: Dict[str, Any] = {name: (dims, np.load(files.below(folder, about["values"])), dict(attrs))}
        if "errors" in about:
            variables[f"{name}_se"] = (dims, np.load(files.below(folder, about["errors"])), {**attrs, "long_name": f"standard error of {name}"})
        if "counts" in about:
            variables[f"{name}_count"] = (dims, np.load(files.below(folder, about["counts"])), {"long_name": f"values behind {name}; -1: not known"})
        coords: Dict[str, Any] = {d["name"]: _array(d["coordinates"]) for d in about["dims"] if "coordinates" in d}
        examples = next((d["name"] for d in about["dims"] if d["role"] in ("example", "row")), None)
        if examples is not None and "ids" in about:
            coords[examples] = np.load(files.below(folder, about["ids"])).astype("int64")
        if examples is not None and "labels" in about:
            labels = np.load(files.below(folder, about["labels"]))
            outer = tuple(d for d in dims if d != "unit") if labels.ndim > 1 else (examples,)
            coords["label"] = (outer, _named(labels, about.get("classes")))
        for axis, coordinate in about["at"].items():
            coords[axis] = coordinate
        return xarray.Dataset(variables, coords, {"cfx_name": self.name, "cfx_kind": self.kind})

    def _of_table(self) -> "xarray.Dataset":
        import xarray

        frame, described = self.frame("pandas"), {c["name"]: c for c in self.columns}
        keys = [n for n, c in described.items() if c["is"] in ("axis", "example", "row", "item")]
        labels = [n for n, c in described.items() if c["is"] == "label"]
        order = {axis["name"]: axis["coordinates"] for axis in frames.about(self._stem())["axes"]}
        if any(c["is"] == "column" for c in described.values()) and "row" not in keys:
            frame["row"] = frame.groupby(keys, sort=False, dropna=False).cumcount() if keys else range(len(frame))
            keys.append("row")
        if not keys:
            rest = {n: frame[n].iloc[0] for n in frame.columns}
            found = xarray.Dataset({n: ((), _scalar(v)) for n, v in rest.items()})
        else:
            for name in frame.columns:
                if str(frame[name].dtype) in ("Int64", "boolean"):
                    frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
            found = frame.set_index(keys).to_xarray()
            # In the order of the script, not of the alphabet.
            found = found.reindex({axis: _array(c) for axis, c in order.items() if axis in found.dims})
        for name in labels:
            found = found.set_coords(name)
        for name, column in described.items():
            if name in found and "unit" in column:
                found[name].attrs["units"] = column["unit"]
        found.attrs.update(cfx_name=self.name, cfx_kind=self.kind)
        return found

    def _stem(self) -> Path:
        stem = self._table()
        if stem is None:
            raise self._lacks("table")
        return stem

    # --- densities ----------------------------------------------------------------------------------------------------------

    @property
    def zarr(self) -> Path:
        """The Zarr store of a density's chains, for ``arviz.from_zarr`` or ``xarray.open_zarr``."""
        found = {"/".join(PurePosixPath(o["path"]).parts[:2]) for o in self._outputs if o["is"] == "density"}
        if not found:
            raise self._lacks("store of chains")
        return files.below(self._root, found.pop())

    def draws(self, group: str = "posterior") -> "xarray.Dataset":
        """Returns a group of a density's store: ``posterior``, ``sample_stats``, ``partitions`` or ``base_measure``."""
        frames.needs("xarray", "`draws`")
        import xarray

        known = files.zarr_groups(self.zarr)
        if group not in known:
            raise KeyError(f"the density `{self.name}` has no group `{group}`; there are: {', '.join(known)}")
        arrays = files.zarr_arrays(self.zarr / group)
        coords = {n: (d, a) for n, (d, a) in arrays.items() if list(d) == [n] or n in ("after_draw", "id")}
        return xarray.Dataset({n: (d, a) for n, (d, a) in arrays.items() if n not in coords}, coords)

    def inference_data(self) -> Any:
        """Returns a density's chains for ArviZ: ``InferenceData``, or a ``DataTree`` for versions of ArviZ that use it instead."""
        frames.needs("arviz", "`inference_data`")
        import arviz

        groups: Dict[str, Any] = {g: self.draws(g) for g in files.zarr_groups(self.zarr) if g not in ("partitions", "base_measure")}
        if hasattr(arviz, "InferenceData"):
            return arviz.InferenceData(**groups)
        import xarray

        return xarray.DataTree.from_dict(groups)

    # --- models -------------------------------------------------------------------------------------------------------------

    def weights(self, **at: Any) -> Dict[str, "np.ndarray[Any, Any]"]:
        """Returns the weights of a model by PyTorch's names, as NumPy arrays. If the model has axes, name one place: ``weights(run=0)``."""
        found: List[Tuple[Place, str]] = [(o.get("at", {}), o["path"]) for o in self._outputs if o["is"] == "model"]
        if not found:
            raise FileNotFoundError(f"no weights of `{self.name}` were kept; write `keep: weights` in its `train(…)`")
        here = [(place, path) for place, path in found if _matches(place, at)]
        if len(here) != 1:
            raise ValueError(f"the model `{self.name}` has {len(found)} combinations of coordinates; name one of them: {'; '.join(_call(p) for p, _ in found)}")
        return files.safetensors(files.below(self._root, here[0][1]))

    def state_dict(self, **at: Any) -> Dict[str, Any]:
        """Returns the weights as PyTorch tensors: ``net.load_state_dict(run["net"].state_dict())``."""
        frames.needs("torch", "`state_dict`")
        import torch

        return {name: torch.from_numpy(array) for name, array in self.weights(**at).items()}

    # --- helpers ------------------------------------------------------------------------------------------------------------

    def _paths(self, kind: str, ending: str) -> List[Path]:
        return [files.below(self._root, o["path"]) for o in self._outputs if o["is"] == kind and o["path"].endswith(ending)]

    def _lacks(self, what: str) -> FileNotFoundError:
        there = sorted({o["is"] for o in self._outputs}) or ["nothing"]
        ways = ", ".join(way for kind, way in _WAYS.items() if kind in there)
        use = f": use {ways}" if ways else ""
        return FileNotFoundError(f"the run wrote no {what} for the {self.keyword} `{self.name}`; it wrote: {', '.join(there)}{use}")


def _matches(place: Place, at: Place) -> bool:
    """Returns whether a place has these coordinates; a number may be given as a number or as the script writes it."""

    def same(here: Any, wanted: Any) -> bool:
        if here == wanted or str(here) == str(wanted):
            return True
        text = str(here)
        try:
            number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
            return bool(abs(number - float(wanted)) <= 1e-12 * max(1.0, abs(number)))
        except (TypeError, ValueError):
            return False

    return all(axis in place and same(place[axis], wanted) for axis, wanted in at.items())


def _call(place: Place) -> str:
    return ", ".join(f"{axis}={coordinate!r}" for axis, coordinate in place.items())


def _array(coordinates: List[Any]) -> "np.ndarray[Any, Any]":
    words = any(isinstance(c, str) for c in coordinates)
    return np.array(coordinates, dtype=object if words else None)


def _named(labels: "np.ndarray[Any, Any]", classes: Optional[List[Any]]) -> "np.ndarray[Any, Any]":
    """Returns labels as names of classes; -1 or None if there is none."""
    if not classes:
        return labels
    words = any(isinstance(c, str) for c in classes)
    names = np.array([*classes, None if words else -1], dtype=object if words else "int64")
    return names[np.where((labels >= 0) & (labels < len(classes)), labels, len(classes))]


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
