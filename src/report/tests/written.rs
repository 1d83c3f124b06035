//! A whole report from a made-up run; formats read back; set `CFX_PICTURES=DIR` to have the report written there.

use super::super::files::Output;
use super::super::frame::{Cells, Field, Is};
use super::super::*;
use super::example::{Run, SCRIPT, all_arrays, declared, example, values, with_input};
use super::page::balanced;
use crate::base::{Hash, Span};
use crate::engine::value::{Column, Figure, Scores, Truth};
use crate::plan::graph::LabelledAxis;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;

#[test]
fn the_whole_report() {
    let run = example();
    let dir = tempfile::tempdir().expect("a folder");
    let out = std::env::var("CFX_PICTURES").map_or_else(|_| dir.path().join("results"), |d| PathBuf::from(d).join("report"));
    let files = with_input(&run, |input| write(input, &out)).expect("written");
    let names: Vec<String> = files.iter().map(|f| f.strip_prefix(&out).expect("below").display().to_string()).collect();
    for name in [
        "report.html",
        "manifest.json",
        "figures/class-log-densities-by-stage.svg",
        "figures/class-log-densities-by-stage.png",
        "tables/logp.csv",
        "tables/logp.parquet",
        "tables/logp.json",
        "tables/guess.csv",
        "arrays/logp.npy",
        "arrays/logp.ids.npy",
        "arrays/logp.json",
        "arrays/reps.stage1.npy",
        "arrays/complexity.npy",
        "arrays/complexity.se.npy",
        "arrays/complexity.count.npy",
        "arrays/logp.labels.npy",
    ] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    assert!(files.iter().all(|f| f.is_file()));
    let left: Vec<_> = std::fs::read_dir(&out)
        .expect("read")
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with(".cfx-"))
        .collect();
    assert!(left.is_empty(), "no temporary files are left");
    let html = std::fs::read_to_string(out.join("report.html")).expect("read");
    // Nothing of the script's text becomes markup, and nothing is fetched.
    assert!(!html.contains("<script") && !html.contains("<b>bold") && !html.contains("src=\"http") && !html.contains("@import"));
    assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("&lt;b&gt;bold&lt;/b&gt; &amp; &#39;quoted&#39;"));
    assert!(html.contains("class=\"badge good\">held</span>") && html.contains("held, within error"));
    assert!(html.contains("0.70 ± 0.02 &gt; 0.50") && html.contains("1 failed") && html.contains("use &lt;fewer&gt; draws"));
    assert!(html.contains("disagree") && html.contains("1.010") && html.contains("nothing to draw: &lt;too few&gt;"));
    assert!(html.contains("id=\"line-14\"") && html.contains("Line 14 of the script"));
    balanced(&html);
    // The manifest says what each file is, how claims came out, and what figures say.
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("manifest.json")).expect("read")).expect("JSON");
    let output =
        |path: &str| manifest["outputs"].as_array().expect("files").iter().find(|f| f["path"] == path).expect(path).clone();
    assert_eq!(
        (output("arrays/logp.npy")["is"].clone(), output("arrays/logp.npy")["of"].clone()),
        (json!("array"), json!("logp"))
    );
    assert_eq!(manifest["outputs"].as_array().expect("files").len(), names.len() - 2);
    assert_eq!(manifest["claims"][1]["within_error"], true);
    assert_eq!(manifest["figures"][0]["file"], "figures/class-log-densities-by-stage");
    assert_eq!(manifest["figures"][1]["absent"], "nothing to draw: <too few>");
    // Beside an array stands what it is.
    let about: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.join("arrays/complexity.json")).expect("read")).expect("JSON");
    assert_eq!((about["errors"].clone(), about["counts"].clone()), (json!("complexity.se.npy"), json!("complexity.count.npy")));
    // The same run gives the same bytes.
    let again = dir.path().join("again");
    with_input(&run, |input| write(input, &again)).expect("written");
    for name in &names {
        assert_eq!(std::fs::read(out.join(name)).expect("read"), std::fs::read(again.join(name)).expect("read"), "{name}");
    }
}

#[test]
fn the_manifest_lists_every_cell() {
    let run = example();
    let manifest = with_input(&run, |input| {
        let report = Output { path: "report.html".into(), hash: Hash::of(b"x"), is: "report", of: String::new(), at: Vec::new() };
        manifest::manifest(input, &Settling::default(), &[], &[report])
    });
    let calls = manifest["calls"].as_array().expect("calls");
    assert_eq!(calls.iter().map(|c| c["cells"].as_u64().unwrap()).sum::<u64>(), run.graph.cells.len() as u64);
    assert_eq!(calls[0]["keys"][0], run.graph.cells[0].key.to_string());
    assert_eq!(calls[0]["estimate"]["seconds"], 1.25);
    assert_eq!(calls[0]["actual"]["seconds"], 1.5);
    assert_eq!(manifest["settings"][calls[0]["settings"].as_u64().unwrap() as usize]["width"], 8);
    assert_eq!(manifest["files"][0]["path"], "digits.csv");
    assert_eq!(manifest["script"]["blake3"], Hash::of(SCRIPT.as_bytes()).to_string());
    // What all cells of a call agree in stands once.
    let each = |field: &serde_json::Value, n: u64| match field["each"].as_array() {
        Some(list) => list.clone(),
        None => vec![field.clone(); n as usize],
    };
    let outcomes: Vec<_> = calls.iter().flat_map(|c| each(&c["outcomes"], c["cells"].as_u64().unwrap())).collect();
    let count = |word: &str| outcomes.iter().filter(|o| *o == word).count() as f64;
    let now = count("computed") + count("absent");
    let ran = now + count("stored");
    let totals = &manifest["totals"];
    let pair = |estimate: f64, actual: f64| (Some(estimate), Some(actual));
    let of = |v: &serde_json::Value| (v["estimate"].as_f64(), v["actual"].as_f64());
    assert_eq!(of(&totals["seconds"]), pair(1.25 * ran, 1.5 * ran));
    assert_eq!(of(&totals["disk"]), pair(1e3 * ran, 3e3 * ran));
    assert_eq!(of(&totals["operations"]["data"]["largest_memory"]), pair(1e6, 2e6));
    assert_eq!(totals["operations"]["data"]["cells"], 1);
    assert_eq!(totals["memory"]["actual"], serde_json::Value::Null);
    // Not all results are there at once.
    let (memory, least) = (totals["memory"]["estimate"].as_f64().expect("a number"), crate::plan::estimate::BASE + 1e6);
    assert!(memory > least && memory <= least + 1e3 * now, "{memory}");
    let help: Vec<_> = calls.iter().flat_map(|c| each(&c["help"], c["cells"].as_u64().unwrap())).collect();
    assert!(help.iter().any(|h| h == "use <fewer> draws"), "{help:?}");
    // Records may be fewer than cells: a run that stopped.
    let short = Run { records: Vec::new(), ..run };
    let manifest = with_input(&short, |input| manifest::manifest(input, &Settling::default(), &[], &[]));
    assert_eq!(manifest["calls"][0]["outcomes"], "not run");
}

#[test]
fn tidy_tables_have_axes_values_errors_and_reasons() {
    let run = example();
    let table = |name: &str| with_input(&run, |input| tables::tidy(declared(&run, name), &values(&run, name, input)));
    let names = |t: &Frame| t.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    let numbers = |t: &Frame, name: &str| match &t.column(name).expect(name).cells {
        Cells::Numbers(x) => x.clone(),
        other => panic!("{name} holds {}", other.word()),
    };
    let one = |t: &Frame, name: &str, row: usize| t.column(name).expect(name).cells.get(row).map(|o| format!("{o:?}"));
    let t = table("complexity").expect("a table");
    assert_eq!(names(&t), ["class", "complexity", "complexity_se", "complexity_count", "absent"]);
    assert_eq!(t.rows(), 10);
    assert!(t.columns.iter().all(|c| c.cells.len() == 10));
    let c = numbers(&t, "complexity");
    assert!(c[3].is_nan() && c[6] == 2.0);
    assert_eq!((one(&t, "complexity_count", 7), one(&t, "complexity_count", 6)), (Some("Integer(9)".into()), None));
    assert_eq!((one(&t, "absent", 3), one(&t, "absent", 4)), (Some("Text(\"too few members\")".into()), None));
    assert_eq!(one(&t, "class", 1), Some("Text(\"class, 1\")".into()));
    let about = tables::about(declared(&run, "complexity"), "", &t, &[(String::new(), "nats".into())]);
    assert_eq!(about["columns"][1], json!({ "name": "complexity", "is": "value", "type": "number", "of": "", "unit": "nats" }));
    assert_eq!((&about["columns"][2]["is"], &about["columns"][2]["unit"]), (&json!("error"), &json!("nats")));
    assert_eq!((&about["columns"][3]["type"], &about["columns"][3]["unit"]), (&json!("integer"), &json!(null)));
    let t = table("logp").expect("a table");
    assert_eq!(names(&t), ["stage", "example", "label", "logp"]);
    assert_eq!((t.rows(), one(&t, "example", 59)), (180, Some("Integer(118)".into())));
    assert_eq!((one(&t, "label", 1), one(&t, "logp", 3)), (Some("Text(\"class, 1\")".into()), None));
    let t = table("guess").expect("a table");
    assert_eq!(names(&t), ["stage", "f_score", "accuracy", "accuracy_se"]);
    assert_eq!(numbers(&t, "f_score"), [0.5, 0.6, 0.7]);
    assert!(table("reps").is_none() && table("p").is_none() && table("data").is_none());
    // A column of a table that is named like an axis keeps apart from it; numeric coordinates are numbers.
    let history = Table {
        columns: vec![("epoch".into(), Column::Numbers(vec![1.0, 2.0])), ("loss".into(), Column::Numbers(vec![0.5, 0.25]))],
    };
    let noise =
        LabelledAxis { name: "epoch".into(), role: "epoch".into(), coordinates: vec!["20%".into()], ..LabelledAxis::default() };
    let d = Declared {
        keyword: "analysis".into(),
        name: "h".into(),
        kind: "table".into(),
        source: String::new(),
        span: Span::default(),
        doc: None,
        axes: vec![noise].into(),
        entries: vec![Entry::Number(0.0)],
    };
    let t = tables::tidy(&d, &[Value::Table(Arc::new(history.clone()))]).expect("a table");
    assert_eq!(names(&t), ["epoch", "h.epoch", "loss"]);
    assert_eq!(numbers(&t, "epoch"), [0.2, 0.2]);
    assert_eq!(one(&t, "h.epoch", 1), Some("Integer(2)".into()));
    // Truth values are truth values; names of classes that are whole numbers are whole numbers, on the axis and as labels.
    let digits = LabelledAxis {
        name: "class".into(),
        role: "class".into(),
        coordinates: vec!["0".into(), "7".into()],
        ..LabelledAxis::default()
    };
    let d = Declared { name: "holds".into(), axes: vec![digits].into(), ..d };
    let truth = |holds| Value::Truth(Truth { holds, within_error: false, no_error: false, text: "1 > 0".into() });
    let t = tables::tidy(&d, &[truth(true), truth(false)]).expect("a table");
    assert_eq!((one(&t, "class", 1), one(&t, "holds", 1)), (Some("Integer(7)".into()), Some("Truth(false)".into())));
    assert_eq!(String::from_utf8(formats::csv(&t).expect("written")).expect("text").lines().nth(1), Some("0,true,false,1 > 0"));
    let labelled = Value::Scores(Arc::new(Scores {
        values: vec![0.5, f64::NAN],
        ids: Arc::new(vec![4, 6]),
        labels: Arc::new(vec![1, 0]),
        classes: vec!["3".into(), "8".into()],
        missing: Arc::new(vec![(0, "too few".into())]),
        ..Scores::default()
    }));
    let d = Declared { axes: vec![].into(), ..d };
    let t = tables::tidy(&d, std::slice::from_ref(&labelled)).expect("a table");
    assert_eq!((one(&t, "label", 0), one(&t, "label", 1)), (Some("Integer(8)".into()), Some("Integer(3)".into())));
    assert_eq!((one(&t, "holds", 1), one(&t, "absent", 1)), (None, Some("Text(\"too few\")".into())));
}

#[test]
fn a_manifest_of_many_cells_is_no_longer_than_one_of_a_thousand() {
    let length = |count: usize| {
        let mut run = Run::default();
        for i in 0..count {
            run.cell("fit", vec![("a".into(), i.to_string())], vec![Entry::Number(i as f64)], Value::Word("x".into()));
        }
        run.records.iter_mut().enumerate().for_each(|(i, r)| r.seconds = i as f64);
        let manifest = with_input(&run, |input| manifest::manifest(input, &Settling::default(), &[], &[]));
        let call = &manifest["calls"][0];
        assert_eq!((&call["keys"]["count"], &call["outcomes"]["computed"]), (&json!(count), &json!(count)));
        assert_eq!(call["keys"]["first"], run.graph.cells[0].key.to_string());
        assert_eq!(call["actual"]["seconds"], json!({ "sum": count * (count - 1) / 2, "least": 0, "most": count - 1 }));
        manifest::text(&manifest).len()
    };
    assert!(length(6000) < length(2000) + 100);
}

#[test]
fn networks_that_ran_on_an_accelerator_are_told_in_the_manifest() {
    let told = |device: &str, on_device: f64| {
        let mut run = Run::default();
        let cell = run.cell("train", vec![], vec![], Value::Word("x".into()));
        Arc::make_mut(&mut run.graph.cells[cell].common).on_device = on_device;
        run.records[cell].device = device.into();
        let manifest = with_input(&run, |input| manifest::manifest(input, &Settling::default(), &[], &[]));
        manifest["calls"][0]["bits_may_differ"] == json!(true)
    };
    let (cpu, gpu) = (crate::engine::device::kind("cpu"), crate::engine::device::kind("candle-0.11.1 on a GPU"));
    assert!(told(&gpu, 1e9));
    assert!(!told(&gpu, 0.0) && !told(&cpu, 1e9) && !told("", 1e9));
}

#[test]
fn csv_reads_back() {
    let table = Table {
        columns: vec![
            ("name, with comma".into(), Column::Texts(vec!["a \"quoted\"\nline".into(), "ü".into(), String::new(), "-".into()])),
            ("x".into(), Column::Numbers(vec![0.1 + 0.2, f64::NAN, -0.0, 1e-300])),
        ],
    };
    let bytes = formats::csv(&Frame::from(&table)).expect("written");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    assert_eq!(reader.headers().expect("names").iter().collect::<Vec<_>>(), ["name, with comma", "x"]);
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    assert_eq!(&rows[0][0], "a \"quoted\"\nline");
    assert_eq!(rows[0][1].parse::<f64>().expect("a number"), 0.1 + 0.2);
    assert_eq!((&rows[1][1], &rows[2][1]), ("", "0"));
    assert_eq!(rows[3][1].parse::<f64>().expect("a number"), 1e-300);
    assert!(formats::csv(&Frame::default()).is_ok());
}

/// Returns a file with these bytes.
fn on_disk(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    file
}

#[test]
fn parquet_reads_back() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    let field = |name: &str, cells| Field { name: name.into(), is: Is::Value, of: String::new(), cells };
    let table = Frame {
        columns: vec![
            field("class", Cells::Texts(vec![Some("ä".into()), None])),
            field("f.score", Cells::Numbers(vec![0.1, f64::NAN])),
            field("count", Cells::Integers(vec![None, Some(1 << 40)])),
            field("holds", Cells::Truths(vec![Some(true), None])),
        ],
    };
    let bytes = formats::parquet(&table, &json!({ "format": "cfx.table.1" })).expect("written");
    let reader = SerializedFileReader::new(on_disk(&bytes)).expect("read");
    let rows: Vec<_> = reader.get_row_iter(None).expect("rows").map(|r| r.expect("a row")).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].get_string(0).expect("a text"), "ä");
    assert_eq!(rows[0].get_double(1).expect("a number"), 0.1);
    assert_eq!(rows[1].get_long(2).expect("a whole number"), 1 << 40);
    assert!(rows[0].get_bool(3).expect("a truth value"));
    let null = |row: usize, column: usize| {
        matches!(rows[row].get_column_iter().nth(column).expect("a column").1, parquet::record::Field::Null)
    };
    assert!(null(1, 0) && null(1, 1) && null(0, 2) && null(1, 3) && !null(0, 0));
    let metadata = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
    assert_eq!((metadata[0].key.as_str(), metadata[0].value.as_deref()), ("cfx", Some("{\"format\":\"cfx.table.1\"}")));
    let empty = formats::parquet(&Frame { columns: vec![field("x", Cells::Numbers(vec![]))] }, &json!({})).expect("written");
    let reader = SerializedFileReader::new(on_disk(&empty)).expect("read");
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn arrays_lead_with_the_axes() {
    let run = example();
    let arrays = |name: &str| with_input(&run, |input| all_arrays(&run, name, input, 1 << 20));
    let logp = arrays("logp");
    assert_eq!((logp.len(), logp[0].shape.as_slice()), (1, [3, 60].as_slice()));
    let bytes = formats::npy(&logp[0].shape, &logp[0].data);
    assert_eq!((bytes.len() - 8 * 180) % 64, 0);
    let file = npyz::NpyFile::new(bytes.as_slice()).expect("read");
    assert_eq!(file.shape(), [3, 60]);
    let back: Vec<f64> = file.into_vec().expect("numbers");
    assert!(back.iter().zip(&logp[0].data).all(|(a, b)| a.to_bits() == b.to_bits()));
    // Representations of different widths are one array each.
    let reps = arrays("reps");
    assert_eq!(
        reps.iter().map(|a| (a.name.as_str(), a.shape.clone())).collect::<Vec<_>>(),
        [("reps.stage1", vec![4, 2]), ("reps.stage2", vec![4, 2]), ("reps.stage3", vec![4, 3])]
    );
    assert_eq!(reps[0].data[..3], [0.0, 1.0, 2.0]);
    let complexity = arrays("complexity");
    assert!(complexity[0].shape == [10] && complexity[0].data[3].is_nan());
    let (errors, counts) = (complexity[0].errors.as_ref().expect("errors"), complexity[0].counts.as_ref().expect("counts"));
    assert!(errors[3].is_nan() && errors[7] == 0.01 && (counts[7], counts[6]) == (9, -1));
    let (shape, labels) = logp[0].labels.as_ref().expect("labels");
    assert_eq!(
        (shape.as_slice(), labels[13], &logp[0].classes.as_ref().expect("names")[3]),
        ([60].as_slice(), 3, &json!("class, 3"))
    );
    assert_eq!((&logp[0].dims[0]["coordinates"][2], &reps[0].at["stage"]), (&json!("stage3"), &json!("stage1")));
    let counts =
        npyz::NpyFile::new(formats::npy_i64(&[2], &[-1, 1 << 40]).as_slice()).expect("read").into_vec::<i64>().expect("numbers");
    assert_eq!(counts, [-1, 1 << 40]);
    assert_eq!(arrays("guess").len(), 2);
    assert!(with_input(&run, |input| all_arrays(&run, "logp", input, 100)).is_empty());
    let ids = npyz::NpyFile::new(formats::npy_u32(&[1, 70_000]).as_slice()).expect("read").into_vec::<u32>().expect("numbers");
    assert_eq!(ids, [1, 70_000]);
    assert_eq!(
        npyz::NpyFile::new(formats::npy(&[], &[2.5]).as_slice()).expect("read").into_vec::<f64>().expect("numbers"),
        [2.5]
    );
}

#[test]
fn the_plan_shows_what_takes_what() {
    let run = example();
    let (nodes, edges) = picture::declarations(&run.graph);
    let at = |name: &str| nodes.iter().position(|n| n.title == name).expect("a box");
    assert!(edges.contains(&(at("data"), at("net"))) && edges.contains(&(at("p"), at("logp"))));
    assert!(!edges.contains(&(at("data"), at("logp"))), "only direct inputs");
    assert_eq!(nodes[at("logp")].about, "analysis over stage(3)");
    let svg = picture::draw(&nodes, &edges);
    assert!(svg.contains(">logp0<"));
    // Loops, which no plan has, do no harm.
    picture::draw(&nodes[..2], &[(0, 1), (1, 0), (5, 0)]);
    picture::draw(&[], &[]);
    if let Ok(dir) = std::env::var("CFX_PICTURES") {
        std::fs::write(format!("{dir}/plan.png"), figure::png::render(&svg).expect("drawn")).expect("written");
    }
}

#[test]
fn names_and_numbers_for_reading() {
    assert_eq!(slug("Where classes become separable?"), "Where-classes-become-separable");
    assert_eq!(slug("../..//x"), "x");
    // What is not told apart by letters is by the mark.
    let long = "l".repeat(81);
    assert!(slug("!?").starts_with("untitled-") && slug("!?") != slug("?!"));
    assert!(slug(&long).starts_with(&long[..80]) && slug(&long) != slug(&format!("{long}l")) && slug(&long[..80]) == long[..80]);
    assert!(slug("Ж").starts_with("untitled-") && slug("Ж").len() == 17 && slug("Ж") != slug("Д"));
    assert_eq!(page::short(1234.5678), "1234.6");
    assert_eq!(
        (page::short(f64::NAN), page::short(-0.25), page::short(3.0)),
        (String::new(), "−0.25".to_string(), "3".to_string())
    );
    assert_eq!(
        (crate::base::time::duration(0.0123), crate::base::time::duration(7200.0)),
        ("12 ms".to_string(), "2.0 h".to_string())
    );
    let figure = Figure { svg: String::new(), png: vec![], caption: String::new(), data: Table::default() };
    assert_eq!(figure.data.rows(), 0);
}
