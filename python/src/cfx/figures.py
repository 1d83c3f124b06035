"""Figures and claims of a run, as notebooks show them."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, overload

import numpy as np

from .frames import read_csv

__all__ = ["Claim", "Claims", "Figure"]


@dataclass(frozen=True)
class Figure:
    """A figure. A notebook shows it as SVG, with its caption."""

    #: Its title.
    title: str
    #: Its axes and coordinates, if it is one of several figures of a declaration.
    at: Dict[str, str]
    #: Its caption: what is pooled, how many values, what error bars mean.
    caption: str
    #: The path of its files without the ending; None if there is nothing to draw.
    path: Optional[Path]
    #: Why there is nothing to draw.
    absent: Optional[str]

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        return self._file(".svg").read_text(encoding="utf-8")

    @property
    def png(self) -> bytes:
        """The picture as PNG."""
        return self._file(".png").read_bytes()

    def frame(self, library: Optional[str] = None) -> Any:
        """The numbers drawn, as a pandas or polars frame."""
        return read_csv(self._file(".csv"), library)

    def images(self) -> "np.ndarray[Any, Any]":
        """The images of a figure made by ``images``, as an array: images × height × width × 3, uint8, in the order of :meth:`frame`."""
        path = self._file(".npz")
        if not path.is_file():
            raise FileNotFoundError(f"the figure “{self.title}” has no array of images: it is not a figure of `images`, or its images differ in size")
        with np.load(path) as archive:
            found: "np.ndarray[Any, Any]" = archive["images"]
        return found

    def _file(self, ending: str) -> Path:
        if self.path is None:
            raise ValueError(f"the figure “{self.title}” was not drawn: {self.absent}")
        return self.path.with_name(self.path.name + ending)

    def _repr_html_(self) -> str:
        title = html.escape(self.title + "".join(f" [{a}: {c}]" for a, c in self.at.items()))
        if self.path is None:
            return f"<p><b>{title}</b>: {html.escape(self.absent or '')}</p>"
        caption = html.escape(self.caption)
        # As an image: what a stranger's picture holds beside shapes does nothing in a notebook then.
        data = base64.b64encode(self.svg.encode("utf-8")).decode("ascii")
        picture = f'<img alt="{title}" src="data:image/svg+xml;base64,{data}">'
        return f'<figure style="margin:0">{picture}<figcaption>{caption}</figcaption></figure>'


@dataclass(frozen=True)
class Claim:
    """A claim with its outcome."""

    #: Its title.
    title: str
    #: Whether it holds; None where it could not be decided.
    holds: Optional[bool]
    #: Whether its sides are closer than two standard errors of their difference.
    within_error: Optional[bool]
    #: Both sides with their standard errors, or why there is no outcome.
    text: str
    #: A warning about the densities behind it, for example that some chains did not settle.
    doubt: Optional[str] = None

    def __bool__(self) -> bool:
        return self.holds is True

    @property
    def verdict(self) -> str:
        """``held``, ``failed`` or ``not decided``; with ``within error`` if its sides are that close."""
        if self.holds is None:
            return "not decided"
        word = "held" if self.holds else "failed"
        return f"{word}, within error" if self.within_error else word

    def __str__(self) -> str:
        doubt = f" ({self.doubt})" if self.doubt else ""
        return f"{self.title}: {self.verdict}: {self.text}{doubt}"


class Claims(Sequence[Claim]):
    """The claims of a run, in the order of the script."""

    def __init__(self, claims: List[Claim]) -> None:
        self._claims = claims

    @overload
    def __getitem__(self, which: int) -> Claim: ...

    @overload
    def __getitem__(self, which: slice) -> "Claims": ...

    @overload
    def __getitem__(self, which: str) -> Claim: ...

    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, str):
            found = [c for c in self._claims if c.title == which]
            if not found:
                raise KeyError(f"no claim “{which}”; there are: {', '.join(c.title for c in self._claims) or 'none'}")
            return found[0]
        return Claims(self._claims[which]) if isinstance(which, slice) else self._claims[which]

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return "\n".join(str(c) for c in self._claims) or "no claims"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td><b>{html.escape(c.verdict)}</b></td><td style='text-align:left'>{html.escape(c.title)}</td>"
            f"<td style='text-align:left'><code>{html.escape(c.text)}</code>"
            f"{'<br>' + html.escape(c.doubt) if c.doubt else ''}</td></tr>"
            for c in self._claims
        )
        head = "".join(f"<th style='text-align:left'>{word}</th>" for word in ("outcome", "claim", "both sides, with standard errors"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if rows else "<p>no claims</p>"
