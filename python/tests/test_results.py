"""Results as frames, labelled arrays, figures, claims, chains and weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import cfx

pandas = pytest.importorskip("pandas")


def test_a_run_names_its_values(results: cfx.Run) -> None:
    assert results.title == "Everything that Python reads"
    assert {"net", "reps", "p", "logp", "test"} <= set(results)
    assert results["logp"].kind == "number per example"
    assert results["test"].axes == {"noise": 2}
    assert "Labels matter" in results._repr_html_() and results.report.is_file()
    with pytest.raises(KeyError, match="no `lopg`; there are"):
        results["lopg"]
    with pytest.raises(FileNotFoundError, match="no manifest.json"):
        cfx.open("nowhere")


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "cfx.manifest.1"}))
    with pytest.raises(ValueError, match="run the script again"):
        cfx.open(tmp_path)


def test_frames_have_types(results: cfx.Run) -> None:
    frame = results["test"].frame("pandas")
    assert list(frame.columns) == ["noise", "test", "test_se", "test_count"]
    assert str(frame["noise"].dtype) == "float64" and list(frame["noise"]) == [0.0, 0.5]
    assert str(frame["test_count"].dtype) == "int64"
    logp = results["logp"].frame("pandas")
    assert {str(logp[c].dtype) for c in ("example", "label")} == {"int64"}
    assert logp.attrs["units"] == {"logp": "nats"} and results["logp"].units == {"logp": "nats"}
    truth = results["large"].frame("pandas")
    assert str(truth["large"].dtype) == "bool" and dict(zip(truth["size"], truth["large"])) == {"small": False, "large": True}
    ratio = results["ratio"].frame("pandas").set_index("size")
    assert np.isnan(ratio.loc["small", "ratio"]) and ratio.loc["large", "ratio"] == pytest.approx(1 / 3)
    assert isinstance(ratio.loc["small", "absent"], str) and ratio.loc["large", "absent"] is None
    steps = results["steps"].frame("pandas")
    assert str(steps["epoch"].dtype) == "int64" and {"loss", "accuracy"} <= set(steps.columns)
    with pytest.raises(FileNotFoundError, match="no table"):
        results["reps"].frame()
    with pytest.raises(ValueError, match="'pandas' or 'polars'"):
        results["test"].frame("numpy")


def test_a_notebook_shows_a_value(results: cfx.Run) -> None:
    shown = results["logp"]._repr_html_()
    assert "number per example over stage(1)" in shown and shown.count("<tr") == 11 and "rows more" in shown
    assert "<table" not in results["reps"]._repr_html_()


def test_csv_and_parquet_agree(results: cfx.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    for name in ("test", "logp", "large", "ratio", "steps", "cost", "group"):
        parquet = results[name].frame("pandas")
        with monkeypatch.context() as without:
            without.setattr("cfx.frames.available", lambda module: module != "pyarrow")
            csv = results[name].frame("pandas")
        pandas.testing.assert_frame_equal(parquet, csv)


def test_parquet_says_what_it_is(results: cfx.Run) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = results.path / "tables" / "logp.parquet"
    schema = parquet.read_schema(path)
    about = json.loads(schema.metadata[b"cfx"])
    assert about == json.loads(path.with_suffix(".json").read_text())
    assert about["columns"][-1]["unit"] == "nats"
    assert {f.name: str(f.type) for f in schema} == {"stage": "string", "example": "int64", "label": "int64", "logp": "double"}
    assert str(parquet.read_schema(results.path / "tables" / "large.parquet").field("large").type) == "bool"


def test_polars_frames(results: cfx.Run) -> None:
    polars = pytest.importorskip("polars")
    frame = results["large"].frame("polars")
    assert isinstance(frame, polars.DataFrame) and frame.schema["large"] == polars.Boolean


def test_a_package_that_is_missing_is_named(results: cfx.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cfx.frames.available", lambda module: False)
    for call, module in [
        (results["test"].frame, "pandas"),
        (results["test"].dataset, "xarray"),
        (results["p"].draws, "xarray"),
        (results["p"].inference_data, "arviz"),
        (lambda: results["net"].state_dict(noise=0.5), "torch"),
    ]:
        with pytest.raises(ImportError, match=f"pip install {module}"):
            call()


def test_numbers_are_labelled_arrays(results: cfx.Run) -> None:
    pytest.importorskip("xarray")
    found = results["test"].dataset()
    assert found["test"].dims == ("noise",) and list(found["noise"].values) == [0.0, 0.5]
    table = results["test"].frame("pandas")
    assert np.array_equal(found["test"].values, table["test"]) and np.array_equal(found["test_se"].values, table["test_se"])
    assert found["test_count"].dtype == np.int64 and list(found["test_count"].values) == list(table["test_count"])
    assert float(results["test"].dataset(noise=0.5)["test"]) == table["test"][1]


def test_scores_have_ids_labels_and_units(results: cfx.Run) -> None:
    pytest.importorskip("xarray")
    found = results["logp"].dataset()
    assert found["logp"].dims == ("stage", "example") and found["logp"].attrs["units"] == "nats"
    frame = results["logp"].frame("pandas")
    one = frame.iloc[7]
    assert float(found["logp"].sel(stage=one["stage"], example=one["example"])) == one["logp"]
    assert int(found["label"].sel(example=one["example"])) == one["label"]
    # Labels that differ along an axis are over that axis.
    fits = results["fits"].dataset()
    assert fits["label"].dims == ("noise", "example")
    wrong = float((fits["label"].sel(noise=0.0) != fits["label"].sel(noise=0.5)).mean())
    assert 0.3 < wrong < 0.6


def test_representations_are_labelled_arrays(results: cfx.Run) -> None:
    pytest.importorskip("xarray")
    found = results["reps"].dataset(stage="hidden")
    assert found["reps"].dims[-2:] == ("example", "unit") and found.sizes["unit"] == 3
    assert found["label"].dims == ("example",)


def test_records_words_truths_and_tables_are_datasets(results: cfx.Run) -> None:
    pytest.importorskip("xarray")
    cost = results["cost"].dataset()
    assert {"mean", "std", "count"} <= set(cost.data_vars)
    group = results["group"].dataset()
    assert str(group["group"].sel(size="large").item()) == "high" and str(group["group"].sel(size="small").item()) == "low"
    large = results["large"].dataset()
    assert bool(large["large"].sel(size="large")) and not bool(large["large"].sel(size="small"))
    steps = results["steps"].dataset()
    assert steps["loss"].dims == ("noise", "row") and steps["loss"].shape == (2, 1)
    chain = results["chain"].dataset()
    assert chain["alpha"].dims == ("stage", "class", "row")


def test_figures_and_claims(results: cfx.Run) -> None:
    assert list(results.figures) == ["Accuracy", "Two of each"]
    images = results.figures["Two of each"].images()
    assert images.shape == (20, 8, 8, 3) and images.dtype == np.uint8 and len(results.figures["Two of each"].frame("pandas")) == 20
    with pytest.raises(FileNotFoundError, match="no array of images"):
        results.figures["Accuracy"].images()
    figure = results.figures["Accuracy"]
    assert figure.svg.startswith("<svg") and figure.png.startswith(b"\x89PNG") and "data:image/svg+xml;base64," in figure._repr_html_()
    assert len(figure.frame("pandas")) > 0
    assert [c.verdict.split(",")[0] for c in results.claims] == ["held", "failed"]
    assert results.claims["Labels matter"] and not results.claims["Nothing is above one"]
    assert ">" in results.claims[0].text and "Nothing is above one" in results.claims._repr_html_()


def test_chains(results: cfx.Run) -> None:
    xarray = pytest.importorskip("xarray")
    p = results["p"]
    posterior = p.draws()
    assert posterior["alpha"].dims == ("chain", "draw", "stage", "class")
    assert dict(posterior.sizes) == {"chain": 2, "draw": 10, "stage": 1, "class": 10}
    assert posterior["class"].dtype == np.int64 and list(posterior["class"].values) == list(range(10))
    partitions = p.draws("partitions")
    component, ids = partitions["component"], partitions["id"]
    assert component.dims == ("chain", "state", "stage", "class", "row") and component.dtype == np.int32
    after = partitions["after_draw"]
    assert after.dims == ("state", "stage", "class") and (after.values == np.array([0, 5])[:, None, None]).all()
    # Rows that are there have a component, and as many components are occupied as the trace says.
    there = (ids >= 0).values
    assert ((component.values >= 0) == there[None, None]).all()
    occupied = component.max("row") + 1
    trace = posterior["components"].isel(draw=after.isel(stage=0, **{"class": 0}).values).rename(draw="state")
    assert np.array_equal(occupied.transpose(*trace.dims).values, trace.values)
    # Each class's rows are the examples with its label.
    label = results["reps"].dataset(stage="hidden")["label"]
    for k in range(10):
        own = ids.isel(stage=0).sel({"class": k}).values
        assert set(label.sel(example=own[own >= 0]).values.tolist()) == {k}
    # A matrix S0 of each state where it is learned, of each fit where it is given.
    measure = p.draws("base_measure")
    assert measure["scale"].dims[-2:] == ("unit", "unit_other") and measure["mean"].dims == ("stage", "class", "unit")
    scale = measure["scale"].values
    assert np.allclose(scale, np.swapaxes(scale, -1, -2), rtol=1e-12, equal_nan=True) and np.isfinite(scale).any()
    with pytest.raises(KeyError, match="there are: base_measure, partitions, posterior, sample_stats"):
        p.draws("prior")
    zarr = pytest.importorskip("zarr")
    assert np.array_equal(zarr.open_group(str(p.zarr), mode="r")["posterior/alpha"][:], posterior["alpha"].values)
    same = xarray.open_zarr(p.zarr / "posterior", consolidated=False, zarr_format=2)
    assert np.array_equal(same["alpha"].values, posterior["alpha"].values)


def test_arviz_summarises(results: cfx.Run) -> None:
    arviz = pytest.importorskip("arviz")
    summary = arviz.summary(results["p"].inference_data(), var_names=["alpha"])
    assert len(summary) == 10


def test_weights(results: cfx.Run) -> None:
    net = results["net"]
    weights = net.weights(noise=0.5)
    assert sorted(w.shape for w in weights.values()) == [(8,), (8, 64), (10,), (10, 8)]
    assert all(np.isfinite(w).all() and w.dtype == np.float32 for w in weights.values())
    assert not np.array_equal(next(iter(weights.values())), next(iter(net.weights(noise="0%").values())))
    with pytest.raises(ValueError, match="has 2 combinations"):
        net.weights()
    with pytest.raises(FileNotFoundError, match="no weights"):
        results["logp"].weights()
    # A message says how the files that are there are read.
    with pytest.raises(FileNotFoundError, match=r"no table for the stages `reps`.*use dataset\(\)"):
        results["reps"].frame()
    safetensors = pytest.importorskip("safetensors.numpy")
    path = next(o["path"] for o in results.manifest["outputs"] if o["is"] == "model" and o["at"]["noise"] == "50%")
    read = safetensors.load_file(results.path / path)
    assert set(read) == set(weights) and all(np.array_equal(read[n], weights[n]) for n in read)


def test_state_dict_fits_the_network(results: cfx.Run) -> None:
    torch = pytest.importorskip("torch")
    state = results["net"].state_dict(noise=0.5)
    assert all(isinstance(t, torch.Tensor) for t in state.values())


def test_every_output_is_there(results: cfx.Run) -> None:
    for output in results.manifest["outputs"]:
        assert (results.path / output["path"]).is_file()
        assert output["is"] in ("figure", "table", "array", "density", "model")


def test_results_of_a_stranger_lead_nowhere_and_run_nothing(results: cfx.Run, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(results.path, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for path in ("/etc/hosts.parquet", "../tables/test.parquet", "tables/../../x.parquet", "C:\\x.parquet", ""):
        changed = json.loads(json.dumps(manifest))
        for output in changed["outputs"]:
            if output["of"] == "test" and output["path"].endswith(".parquet"):
                output["path"] = path or output["path"]
        changed["figures"][0]["file"] = path.replace(".parquet", "") or ".."
        (folder / "manifest.json").write_text(json.dumps(changed), encoding="utf-8")
        run = cfx.open(folder)
        with pytest.raises(ValueError, match="does not lie in their folder"):
            run.figures
        if path:
            with pytest.raises(ValueError, match="does not lie in their folder"):
                run["test"].frame()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    figure = cfx.open(folder).figures["Accuracy"]
    assert figure.path is not None
    figure.path.with_name(figure.path.name + ".svg").write_text("<svg><script>alert(1)</script></svg>", encoding="utf-8")
    assert "<script" not in figure._repr_html_()
