"""Activations on their way into a script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cfx
from cfx.activations import natural


def test_arrays_become_stages(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images, tokens, flat = rng.normal(size=(6, 4, 3, 3)), rng.normal(size=(6, 5, 2)), rng.normal(size=(6, 7))
    done = cfx.stages({"conv1": images, "enc2": tokens, "head3": flat}, np.arange(6) % 3, path=tmp_path / "a.npz")
    with np.load(done.path) as archive:
        assert list(archive) == ["conv1", "enc2", "head3"]
        assert np.allclose(archive["conv1"], images.mean(axis=(2, 3))) and np.allclose(archive["enc2"], tokens.mean(axis=1))
        assert np.array_equal(archive["head3"], flat)
    assert done.labels is not None and np.load(done.labels).tolist() == [0, 1, 2, 0, 1, 2]
    assert done.line("mine") == 'stages mine = load_stages("a.npz", rows: examples, labels: "a.labels.npy")'
    last = cfx.stages({"conv": np.moveaxis(images, 1, -1)}, path=tmp_path / "b.npz", layout="nhwc", pool="max")
    with np.load(last.path) as archive:
        assert np.array_equal(archive["conv"], images.max(axis=(2, 3)))
    whole = cfx.stages({"conv": np.moveaxis(images, 1, -1)}, path=tmp_path / "c.npz", layout="nhwc", pool="flatten")
    with np.load(whole.path) as archive:
        assert np.array_equal(archive["conv"], images.reshape(6, -1))


def test_names_keep_the_order_given(tmp_path: Path) -> None:
    x = np.zeros((2, 1))
    done = cfx.stages({"stem": x, "layer1.0": x, "head": x}, path=tmp_path / "a.npz")
    assert done.names == {"stem": "s1_stem", "layer1.0": "s2_layer1_0", "head": "s3_head"}
    assert sorted(done.names.values(), key=natural) == list(done.names.values())
    assert sorted(["a10", "a2", "a"], key=natural) == ["a2", "a10", "a"]


def test_names_of_classes_are_numbered(tmp_path: Path) -> None:
    done = cfx.stages({"a": np.zeros((3, 1))}, ["dog", "cat", "dog"], path=tmp_path / "a.npz")
    assert done.labels is not None and done.classes == ["cat", "dog"] and np.load(done.labels).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "arrays, labels, words",
    [
        ({}, None, "no arrays"),
        ({"a": np.zeros(3)}, None, "has the shape"),
        ({"a": np.zeros((3, 1)), "b": np.zeros((2, 1))}, None, "different numbers of examples"),
        ({"a": np.array([[0.0], [np.nan]])}, None, "not finite, at example 1, unit 0"),
        ({"a": np.zeros((3, 1))}, [0, 1], "there are 3 examples"),
        ({"a": np.zeros((2, 1))}, [-1, 0], "a negative one"),
        ({"a": np.zeros((2, 1))}, [0.5, 1.0], "whole numbers or names"),
    ],
)
def test_what_is_wrong_is_said(arrays: object, labels: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        cfx.stages(arrays, labels, path=tmp_path / "a.npz")  # type: ignore[arg-type]


def test_a_script_reads_them(command: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(40) % 2
    first = rng.normal(size=(40, 3))
    done = cfx.stages({"first": first, "second": first + labels[:, None]}, labels, path=tmp_path / "acts.npz")
    (tmp_path / "exp.cfx").write_text(
        f'cfx 1\nexperiment "Own" {{ seed: 1 }}\n{done.line("reps")}\nanalysis spread = mean_distance(reps, by: class)\n'
    )
    run = cfx.run(tmp_path / "exp.cfx", progress=False)
    pytest.importorskip("xarray")
    own = run["reps"].dataset()
    stages = list(done.names.values())
    assert [str(s) for s in own["stage"].values] == stages
    assert np.allclose(own["reps"].sel(stage=stages[0]).values, first)
    spread = run["spread"].dataset()["spread"]
    rows = first[labels == 1]
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(rows) for b in rows[i + 1 :]]
    assert float(spread.sel({"stage": stages[0], "class": 1})) == pytest.approx(np.mean(pairs))


def test_arrays_without_names_are_refused(tmp_path: Path) -> None:
    x, y = np.zeros((3, 2)), np.arange(3)
    with pytest.raises(TypeError, match="arrays are given by name"):
        cfx.stages(x, y, path=tmp_path / "a.npz")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="arrays are given by name"):
        cfx.stages(y, {"hidden": x}, path=tmp_path / "a.npz")  # type: ignore[arg-type]
