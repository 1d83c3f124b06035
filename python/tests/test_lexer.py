"""Highlighting, and the lists of words behind it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygments")
from pygments.token import Comment, Error, Keyword, Name, Number, String  # noqa: E402

from cfx.lexer import CfxLexer  # noqa: E402
from scripts import ROOT, scripts_below  # noqa: E402


@pytest.mark.parametrize("path", scripts_below(ROOT / "stdlib", ROOT / "examples", ROOT / "tests" / "suite"))
def test_scripts_are_read_whole(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tokens = list(CfxLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(part for _, part in tokens) == text
    assert [part for kind, part in tokens if kind is Error] == []


def test_words_are_what_they_are() -> None:
    tokens = list(CfxLexer().get_tokens('model net = train(tiny_resnet, model: 0.5) # train\nfigure "train" = all(noise == 20%)\n'))
    kinds = {(part, kind) for kind, part in tokens}
    assert {
        ("model", Keyword.Declaration),
        ("model", Name.Attribute),
        ("net", Name.Variable),
        ("train", Name.Builtin),
        ("# train", Comment.Single),
        ('"train"', String.Double),
        ("20%", Number),
        ("noise", Name),
    } <= kinds


def test_the_lists_of_words_are_up_to_date() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "editors" / "generate.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_runs_leave_is_no_script(tmp_path: Path) -> None:
    for place in (".cfx", "results/exp"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "copy.cfx").write_text("experiment copy\n", encoding="utf-8")
    script = tmp_path / "exp.cfx"
    script.write_text("experiment e\n", encoding="utf-8")
    assert scripts_below(tmp_path) == [script]
