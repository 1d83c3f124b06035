"""A folder of results, opened."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Union

from .figures import Claim, Claims, Figure
from .files import below
from .values import Value

__all__ = ["Run", "open"]

_FORMATS = ("cfx.manifest.4",)
#: Keywords whose declarations are values of a run.
_VALUES = ("dataset", "model", "stages", "density", "analysis", "let", "param")


class Run(Mapping[str, Value]):
    """The results of a run: values by name, figures, claims, the manifest.

    ``run["logp"]`` is the value declared as ``logp``. A notebook shows the claims and the values.
    """

    def __init__(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        #: The folder of results.
        self.path = Path(folder)
        manifest = self.path / "manifest.json"
        if not manifest.is_file():
            raise FileNotFoundError(f"{self.path} is not a folder of results: it has no manifest.json. `cfx run exp.cfx` writes results/exp beside the script")
        #: The manifest, as docs/results.md describes it.
        self.manifest: Dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        if self.manifest.get("format") not in _FORMATS:
            raise ValueError(
                f"{manifest} has the format {self.manifest.get('format')!r}; this package reads {', '.join(_FORMATS)}: "
                "run the script again with the command of this version"
            )
        outputs: Dict[str, List[Dict[str, Any]]] = {}
        for output in self.manifest["outputs"]:
            outputs.setdefault(output["of"], []).append(output)
        self._values = {
            v["name"]: Value(self.path, v, outputs.get(v["name"], [])) for v in self.manifest["values"] if v["keyword"] in _VALUES
        }

    @property
    def title(self) -> str:
        """The experiment's title."""
        return str(self.manifest["title"])

    @property
    def seed(self) -> int:
        """The experiment's seed."""
        return int(self.manifest["seed"])

    @property
    def report(self) -> Path:
        """The report, a page for a browser."""
        return self.path / "report.html"

    @property
    def claims(self) -> Claims:
        """The claims with their outcomes, in the order of the script."""
        fields = ("holds", "within_error", "text", "doubt")
        return Claims([Claim(title=c["name"], **{f: c[f] for f in fields}) for c in self.manifest["claims"]])

    @property
    def figures(self) -> "Figures":
        """The figures by title, in the order of the script."""
        return Figures(
            [
                Figure(
                    title=f["name"],
                    at=f["at"],
                    caption=f.get("caption", ""),
                    path=below(self.path, f["file"]) if "file" in f else None,
                    absent=f.get("absent"),
                )
                for f in self.manifest["figures"]
            ]
        )

    def __getitem__(self, name: str) -> Value:
        if name not in self._values:
            raise KeyError(f"the run has no `{name}`; there are: {', '.join(self._values)}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<cfx run “{self.title}” in {self.path}: {', '.join(self._values)}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{html.escape(v.keyword)} {html.escape(v.name)}</code></td>"
            f"<td style='text-align:left'>{html.escape(v.kind)}</td>"
            f"<td style='text-align:left'>{html.escape(' × '.join(f'{a}({n})' for a, n in v.axes.items()))}</td></tr>"
            for v in self._values.values()
        )
        claims = self.claims
        head = "".join(f"<th style='text-align:left'>{word}</th>" for word in ("declaration", "kind", "axes"))
        values = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"<h4>{html.escape(self.title)}</h4>{claims._repr_html_() if len(claims) else ''}{values}"


class Figures(Mapping[str, Figure]):
    """The figures of a run by title; figures over axes by title and coordinates, ``Title [run: 0]``."""

    def __init__(self, figures: List[Figure]) -> None:
        def key(f: Figure) -> str:
            return f.title + (f" [{', '.join(f'{a}: {c}' for a, c in f.at.items())}]" if f.at else "")

        self._figures = {key(f): f for f in figures}

    def __getitem__(self, title: str) -> Figure:
        if title not in self._figures:
            raise KeyError(f"no figure “{title}”; there are: {', '.join(self._figures) or 'none'}")
        return self._figures[title]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __repr__(self) -> str:
        return f"<figures: {'; '.join(self._figures) or 'none'}>"

    def _repr_html_(self) -> str:
        return "".join(f._repr_html_() for f in self._figures.values())


def open(folder: Union[str, "os.PathLike[str]"]) -> Run:
    """Opens a folder of results, such as ``results/exp``."""
    return Run(folder)
