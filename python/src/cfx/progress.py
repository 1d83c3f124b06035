"""Shows the progress of a run: a bar in a notebook, a line on a terminal."""

from __future__ import annotations

import html
import sys
import time
from typing import Any, Dict, Optional

__all__ = ["Notebook", "Progress", "Terminal", "shown"]

_ENDS = ("finished", "cached", "absent", "failed", "skipped")


class Progress:
    """Counts the events of a run; shows nothing. A class of your own may override :meth:`show`."""

    def __init__(self) -> None:
        self.cells = 0
        self.done = 0
        self.title = ""
        self.started = time.monotonic()
        self._last = 0.0

    def event(self, event: Dict[str, Any]) -> None:
        """Takes one event of ``cfx run --json``."""
        kind = event["event"]
        if kind == "plan":
            self.cells, self.done = int(event["cells"]), int(event["cached"])
        elif kind in ("started", "progress"):
            self.title = str(event.get("title", ""))
        elif kind in _ENDS and not (kind == "cached" and self.done >= self.cells):
            self.done += 1
        # Ten pictures a second are enough.
        if time.monotonic() - self._last > 0.1:
            self._last = time.monotonic()
            self.show()

    def show(self) -> None:
        """Shows the progress."""

    def close(self) -> None:
        """Called once, at the end."""

    def text(self) -> str:
        """The progress in one line."""
        return f"{min(self.done, self.cells)} of {self.cells} cells, {time.monotonic() - self.started:.0f} s  {self.title}"


class Terminal(Progress):
    """A line on standard error that is overwritten."""

    def show(self) -> None:
        sys.stderr.write("\r\x1b[2K" + self.text()[:100])
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


class Notebook(Progress):
    """A bar below the cell of a notebook."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: Optional[Any] = None

    def show(self) -> None:
        from IPython import display as notebook

        share = min(self.done, self.cells) / self.cells if self.cells else 0.0
        page: Any = notebook.HTML
        bar = page(f'<progress value="{share:.4f}" max="1" style="width:20em"></progress> {html.escape(self.text())}')
        if self._handle is None:
            show: Any = notebook.display
            self._handle = show(bar, display_id=True)
        else:
            self._handle.update(bar)

    def close(self) -> None:
        if self._handle is not None:
            self.title = "done"
            self.show()


def shown(wanted: bool) -> Progress:
    """Returns what shows progress here: a bar in a notebook, a line on a terminal, otherwise nothing."""
    if not wanted:
        return Progress()
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and type(shell).__name__ == "ZMQInteractiveShell":
        return Notebook()
    return Terminal() if sys.stderr.isatty() else Progress()
