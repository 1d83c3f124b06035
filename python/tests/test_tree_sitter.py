"""The grammar for tree-sitter, compiled here: its corpus, and every script of the repository without an error."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from scripts import ROOT, scripts_below

tree_sitter = pytest.importorskip("tree_sitter")

GRAMMAR = ROOT / "editors" / "tree-sitter-cfx"
KEYWORDS = "experiment use axis param let dataset network layer recipe model stages density analysis figure claim extern variant"


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Any:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("grammar") / "cfx.so"
    source = GRAMMAR / "src"
    files = [str(source / "parser.c"), str(source / "scanner.c")]
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-I", str(source), *files, "-o", str(library)], check=True)
    make = ctypes.CDLL(str(library)).tree_sitter_cfx
    make.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return tree_sitter.Language(capsule(make(), b"tree_sitter.Language", None))


def shape(node: Any) -> str:
    """A tree as the corpus writes it: named nodes without their fields."""
    inside = " ".join(shape(child) for child in node.named_children)
    return f"({node.type} {inside})" if inside else f"({node.type})"


def corpus() -> Iterator[Tuple[str, str, str]]:
    for path in sorted((GRAMMAR / "test" / "corpus").glob("*.txt")):
        parts = re.split(r"^=+\n(.+)\n=+\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        for title, body in zip(parts[::2], parts[1::2]):
            text, tree = body.split("\n---\n")
            yield title, text, re.sub(r"\s+", " ", tree).replace("( ", "(").replace(" )", ")").strip()


CORPUS = list(corpus())


@pytest.mark.parametrize("title,text,tree", CORPUS, ids=[c[0] for c in CORPUS])
def test_corpus(language: Any, title: str, text: str, tree: str) -> None:
    assert shape(tree_sitter.Parser(language).parse(text.encode()).root_node) == tree


def faults(node: Any) -> List[str]:
    if node.is_error or node.is_missing:
        return [f"line {node.start_point[0] + 1}: {node.type}"]
    return [fault for child in node.children if child.has_error or child.is_missing for fault in faults(child)]


def test_every_script_is_read(language: Any) -> None:
    parser = tree_sitter.Parser(language)
    roots = ["stdlib", "examples", "tests/suite", "src/cli/templates", "python"]
    scripts = scripts_below(*(ROOT / root for root in roots))
    assert len(scripts) > 100
    wrong = []
    for path in scripts:
        tree = parser.parse(path.read_bytes())
        wrong += [f"{path.relative_to(ROOT)}: {fault}" for fault in faults(tree.root_node)]
    assert not wrong, "\n".join(wrong)


def test_every_keyword_is_highlighted(language: Any) -> None:
    text = (GRAMMAR / "queries" / "highlights.scm").read_text(encoding="utf-8")
    tree_sitter.Query(language, text)
    for word in KEYWORDS.split():
        assert f'"{word}"' in text, word
