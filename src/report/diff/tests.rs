//! Two runs compared: what is told, and what is not.

use super::{Diff, Side, Verdict};
use crate::base::Hash;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Writes a folder of results with a table of one number a run.
fn results(folder: &Path, numbers: &[(f64, Option<f64>)], change: impl Fn(&mut Json)) -> Side {
    std::fs::create_dir_all(folder.join("tables")).unwrap();
    let cell = |x: &Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let rows: String = numbers.iter().enumerate().map(|(i, (x, e))| format!("{i},{x},{}\n", cell(e))).collect();
    let csv = format!("run,acc,acc_se\n{rows}");
    let column = |name: &str, is: &str| json!({ "name": name, "is": is, "type": "number", "of": "" });
    let about = json!({ "columns": [column("run", "axis"), column("acc", "value"), column("acc_se", "error")] }).to_string();
    let mut outputs = Vec::new();
    for (path, text) in [("tables/acc.csv", &csv), ("tables/acc.json", &about)] {
        std::fs::write(folder.join(path), text).unwrap();
        outputs.push(json!({ "path": path, "blake3": Hash::of(text.as_bytes()).to_string(), "is": "table", "of": "acc" }));
    }
    let mut manifest = json!({
        "format": "cfx.manifest.4", "title": "T", "seed": 1, "cfx": "0.2.0", "overrides": [],
        "files": [{ "path": "/a/x.npy", "blake3": "00112233445566" }],
        "settings": [{ "epochs": 4, "optimizer": { "make": "sgd", "with": [["momentum", 0.9]] }, "method": { "word": "uniform" } }],
        "axes": [{ "name": "run", "coordinates": ["0", "1"] }],
        "calls": [{ "label": "net", "op": "train", "version": 1, "cells": 2, "settings": 0, "line": 8, "lines": { "epochs": 9 }, "devices": "here" }],
        "claims": [{ "name": "C", "at": {}, "holds": true, "within_error": false, "text": "1 > 0" }],
        "outputs": outputs,
    });
    change(&mut manifest);
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    Side::read(folder).unwrap()
}

fn both(a: &[(f64, Option<f64>)], b: &[(f64, Option<f64>)], change: impl Fn(&mut Json)) -> Diff {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Diff::of(&results(one.path(), a, |_| {}), &results(two.path(), b, change))
}

#[test]
fn equal_runs_are_the_same_wherever_their_files_lie() {
    let numbers = [(0.5, Some(0.1)), (0.25, None)];
    let diff = both(&numbers, &numbers, |m| m["files"][0]["path"] = json!("/elsewhere/x.npy"));
    assert!(diff.is_same() && diff.text().contains("the same"), "{diff:?}");
    assert_eq!(diff.json()["same"], json!(true));
}

#[test]
fn numbers_differ_by_more_than_their_errors_or_not() {
    // √(0.03² + 0.04²) = 0.05: 0.1 apart is just beyond, 0.0999 is not.
    let a = [(0.5, Some(0.03)), (0.5, Some(0.03)), (0.5, None), (0.5, Some(0.0)), (0.5, Some(0.1))];
    let b = [(0.75, Some(0.04)), (0.5999, Some(0.04)), (0.6, Some(0.1)), (0.6, Some(0.0)), (0.5, Some(0.2))];
    let diff = both(&a, &b, |_| {});
    let [table] = diff.tables.as_slice() else { panic!("{:?}", diff.tables) };
    assert_eq!((table.both, table.differ.len(), table.rows), (5, 4, [0, 0]));
    let verdict = |at: &str| table.differ.iter().find(|n| n.at == at).map(|n| n.verdict);
    assert_eq!(verdict("run: 0"), Some(Verdict::Beyond));
    assert_eq!(verdict("run: 1"), Some(Verdict::Within));
    assert_eq!(verdict("run: 2"), Some(Verdict::Unknown));
    assert_eq!(verdict("run: 3"), Some(Verdict::Beyond));
    assert_eq!(verdict("run: 4"), None);
    let words = diff.text();
    assert!(words.contains("run: 0: 0.5000 ± 0.03000 → 0.7500 ± 0.04000 (5.000 standard errors)"), "{words}");
    assert!(
        words.contains("acc: of 5 values in both: 2 beyond their errors, 1 within their errors, 1 without known errors"),
        "{words}"
    );
    assert_eq!(diff.json()["tables"][0]["beyond"], json!(2));
}

#[test]
fn rows_of_one_run_alone_are_counted() {
    let diff = both(&[(0.5, None)], &[(0.5, None), (0.7, None), (0.8, None)], |_| {});
    assert_eq!((diff.tables[0].rows, diff.tables[0].both), ([0, 2], 1));
}

#[test]
fn settings_are_told_with_their_lines_and_versions_apart() {
    let numbers = [(0.5, None)];
    let diff = both(&numbers, &numbers, |m| {
        m["seed"] = json!(2);
        m["overrides"] = json!([{ "name": "rounds", "value": "7" }]);
        m["settings"][0]["epochs"] = json!(8);
        m["settings"][0]["optimizer"]["with"][0][1] = json!(0.5);
        m["calls"][0]["lines"] = json!({ "epochs": 12 });
        m["calls"][0]["version"] = json!(2);
        m["calls"][0]["devices"] = json!({ "each": ["here", "there"] });
        m["axes"][0]["coordinates"] = json!(["0", "1", "2"]);
        m["files"][0]["blake3"] = json!("99");
        m["claims"][0]["holds"] = json!(false);
    });
    let words = diff.text();
    for line in [
        "seed: 1 → 2",
        "parameter rounds: - → 7",
        "axis run: 0, 1 → 0, 1, 2",
        "net (train): epochs: 4 (line 9) → 8 (line 12)",
        "net (train): optimizer.momentum: 0.9 (line 8) → 0.5 (line 8)",
        "x.npy: 001122334455 → 99",
        "operation train: 1 → 2",
        "kinds of devices: here → here, there",
        "C: holds: 1 > 0 → does not hold: 1 > 0",
    ] {
        assert!(words.contains(line), "`{line}` is not in\n{words}");
    }
    assert!(!words.contains("method") && !words.contains("numbers"), "{words}");
}

#[test]
fn what_is_no_run_is_refused_and_changed_tables_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Side::read(folder.path()).unwrap_err().contains("is not a folder of results"));
    std::fs::write(folder.path().join("manifest.json"), "{}").unwrap();
    assert!(Side::read(folder.path()).unwrap_err().contains("holds no manifest"));
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let a = results(one.path(), &[(0.5, None)], |_| {});
    let b = results(two.path(), &[(0.6, None)], |_| {});
    std::fs::write(two.path().join("tables/acc.csv"), "run,acc,acc_se\n0,0.5,\n").unwrap();
    let diff = Diff::of(&a, &b);
    assert!(diff.tables[0].unread.as_ref().is_some_and(|w| w.contains("changed since the run")) && !diff.is_same());
}
