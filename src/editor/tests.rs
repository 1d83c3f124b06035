//! Scripts with a place marked `‸`, and what an editor is told of it.

use super::context::{Context, Place};
use super::rename::applied;
use super::*;
use crate::api::{Registry, Source};
use std::path::Path;

const SCRIPT: &str = r#"cfx 1
experiment "Runs" { seed: 1 }

use std.data { digits }
use std.networks { mlp as net }

## How often training is repeated.
axis run = 0..3
param width: int = 8

network small(units = 16) {
  flatten
  hidden: linear(units) -> relu
  linear(classes)
}

dataset data = digits()
model m = train(small(units: width), data.train, seed: run) { epochs: 1, batch: 64, rate: 0.1 }
## Share of test images that are named right.
analysis acc = accuracy(m, data.test)
analysis spread = std(acc, over: run)
analysis other = accuracy(train(net(hidden: [8]), data.train) { epochs: 1, batch: 64, rate: 0.1 }, data.test)
stages reps = svd(tap(m, data.test, at: hidden), width: 4)
claim "Better than chance" = all(acc > 10%)
"#;

/// Returns a script as a document.
fn document(text: &str) -> Document {
    Document::new(Source::text("exp.cfx", text, Path::new(".")), &Registry::standard())
}

/// Returns the script with some text put in place of another, and the byte marked in it.
fn marked(from: &str, to: &str) -> (Document, usize) {
    assert!(SCRIPT.contains(from), "{from}");
    let text = SCRIPT.replacen(from, to, 1);
    let at = text.find('‸').expect("a mark");
    (document(&text.replace('‸', "")), at)
}

fn labels(from: &str, to: &str) -> Vec<String> {
    let (document, at) = marked(from, to);
    complete(&document, at).1.into_iter().map(|c| c.label).collect()
}

#[test]
fn the_script_of_these_tests_is_sound() {
    assert!(document(SCRIPT).checked.diags.0.is_empty(), "{:?}", document(SCRIPT).checked.diags);
}

#[test]
fn lines_and_columns_are_those_of_utf_16() {
    let text = "a𝄞b\r\nü";
    let lines = Lines::of(text);
    assert_eq!(lines.place(text, 5), (0, 3));
    assert_eq!(lines.byte(text, 0, 3), 5);
    assert_eq!(lines.byte(text, 0, 2), 1, "inside a pair of units is before the character");
    assert_eq!(lines.byte(text, 0, 99), 6, "before the end of the line");
    assert_eq!((lines.place(text, 8), lines.byte(text, 1, 0)), ((1, 0), 8));
    assert_eq!(lines.byte(text, 7, 0), text.len());
}

#[test]
fn hover_says_what_a_name_is() {
    let said = |from: &str, to: &str| {
        let (document, at) = marked(from, to);
        hover(&document, at, &[]).map(|h| h.text).unwrap_or_default()
    };
    let of_value = said("std(acc", "std(a‸cc");
    assert!(of_value.contains("analysis acc: number over run(3) = 3 cells"), "{of_value}");
    assert!(of_value.contains("Share of test images"), "{of_value}");
    assert!(said("over: run)", "over: r‸un)").contains("axis run(3): 0, 1, 2"));
    assert!(said("seed: run", "seed: r‸un").contains("How often training is repeated."));
    let of_call = said("= accuracy", "= acc‸uracy");
    assert!(of_call.contains("number over run(3)") && of_call.contains("extern accuracy("), "{of_call}");
    assert!(said("epochs: 1", "ep‸ochs: 1").contains("epochs: int"));
    assert!(said("linear(units)", "linear(un‸its)").contains("units = 16"));
    assert!(said("linear(units)", "lin‸ear(units)").contains("std.layers"));
    assert!(said("analysis acc", "anal‸ysis acc").contains("analysis"));
    assert!(said("std.networks", "std.net‸works").contains("resnet18"));
    assert_eq!(said("10%", "10‸%"), "");
}

#[test]
fn hover_says_what_a_run_would_do() {
    let (document, at) = marked("std(acc", "std(a‸cc");
    let expected = crate::api::Expected {
        name: "acc".into(),
        kind: "number".into(),
        axes: Vec::new(),
        entries: 3,
        absent: 0,
        cells: 3,
        kept: 1,
        to_run: 2,
        spared: 0,
        seconds: 90.0,
        at_most: false,
    };
    let said = hover(&document, at, &[expected]).map(|h| h.text).unwrap_or_default();
    assert!(said.contains("3 cells: 1 in the store, 2 to run, about 2 min of one core"), "{said}");
}

#[test]
fn a_name_leads_to_its_declaration() {
    let there = |from: &str, to: &str| {
        let (document, at) = marked(from, to);
        definition(&document, at).map(|t| (t.file.clone(), t.text[t.bytes].to_string()))
    };
    assert_eq!(there("std(acc", "std(a‸cc"), Some((Where::Script, "acc".into())));
    assert_eq!(there("linear(units)", "linear(u‸nits)"), Some((Where::Script, "units".into())));
    assert_eq!(there("= accuracy", "= acc‸uracy"), Some((Where::Library("training.cfx".into()), "accuracy".into())));
    assert_eq!(there("= digits()", "= dig‸its()"), Some((Where::Library("data.cfx".into()), "digits".into())));
    assert_eq!(there("width: 4", "wid‸th: 4"), Some((Where::Library("representations.cfx".into()), "width".into())));
    assert_eq!(there("std.networks", "std.netw‸orks").map(|t| t.0), Some(Where::Library("networks.cfx".into())));
    assert_eq!(there("seed: 1 }", "seed: 1‸ }"), None);
}

#[test]
fn every_use_of_a_name_is_found_and_changed() {
    let (document, at) = marked("axis run", "axis r‸un");
    assert_eq!(references(&document, at).len(), 3, "its declaration, `seed: run`, `over: run`");
    let edits = rename(&document, at, "trial", &Registry::standard()).expect("a name");
    let text = applied(document.text(), &edits);
    assert!(text.contains("axis trial = 0..3") && text.contains("seed: trial") && text.contains("over: trial"), "{text}");
    assert!(document_is_sound(&text));
    let (document, at) = marked("small(units = 16)", "small(un‸its = 16)");
    let edits = rename(&document, at, "k", &Registry::standard()).expect("a name");
    let text = applied(document.text(), &edits);
    assert!(text.contains("linear(k)") && text.contains("small(k: width)") && document_is_sound(&text), "{text}");
}

fn document_is_sound(text: &str) -> bool {
    document(text).checked.diags.0.is_empty()
}

#[test]
fn a_name_that_would_break_the_script_is_refused() {
    let refused = |from: &str, to: &str, name: &str| {
        let (document, at) = marked(from, to);
        rename(&document, at, name, &Registry::standard()).expect_err(name).0
    };
    assert!(refused("axis run", "axis r‸un", "acc").contains("bound twice"));
    assert!(refused("axis run", "axis r‸un", "9th").contains("is not a name"));
    assert!(refused("axis run", "axis r‸un", "model").contains("is not a name"));
    assert!(refused("= accuracy", "= acc‸uracy", "x").contains("belongs to the language"));
    assert!(refused("train(net(", "train(n‸et(", "x").contains("another file"));
    assert!(refused("10%", "10‸%", "x").contains("no name"));
}

#[test]
fn places_are_known_while_a_script_is_being_written() {
    let place = |from: &str, to: &str| {
        let (document, at) = marked(from, to);
        Context::at(&document, at).place
    };
    assert_eq!(place("analysis spread", "ana‸"), Place::Beginning);
    assert_eq!(place("## Share of", "## Share‸ of"), Place::Nowhere);
    assert_eq!(place("\"Better", "\"Be‸tter"), Place::Nowhere);
    assert_eq!(place("use std.data {", "use std.‸ {"), Place::Topic);
    assert_eq!(place("{ digits }", "{ dig‸ }"), Place::Taken("data".into()));
    assert_eq!(place("(m, data.test)", "(m, data.‸)"), Place::Member { of: "data".into(), called: false });
    assert_eq!(place("std(acc, over: run)", "history(m).‸"), Place::Member { of: "history".into(), called: true });
    assert_eq!(place("std(acc,", "std(acc[run: 0].‸,"), Place::Member { of: "acc".into(), called: false });
    let argument = |position, given: &[&str]| Place::Argument {
        callee: "std".into(),
        in_body: false,
        given: given.iter().map(|g| g.to_string()).collect(),
        position,
    };
    assert_eq!(place("std(acc, over: run)", "std(‸)"), argument(0, &[]));
    assert_eq!(place("std(acc, over: run)", "std(acc, ov‸"), argument(1, &[]));
    assert_eq!(place("std(acc, over: run)", "std(acc, over: run, ‸"), argument(2, &["over"]));
    assert_eq!(place("std(acc, over: run)", "std(acc - ‸)"), Place::Value);
    let setting = |callee: &str, name: &str, position| Place::Setting {
        callee: callee.into(),
        in_body: false,
        name: name.into(),
        position,
    };
    assert_eq!(place("over: run)", "over: ‸)"), setting("std", "over", 1));
    assert_eq!(place("over: run)", "over: [run, ‸])"), setting("std", "over", 1));
    assert_eq!(place("batch: 64", "batch: ‸"), setting("train", "batch", 1));
    assert_eq!(
        place("rate: 0.1 }", "\n  ra‸ }"),
        Place::Argument { callee: "train".into(), in_body: false, given: vec!["epochs".into(), "batch".into()], position: 2 }
    );
    assert_eq!(place("std(acc,", "std(acc[‸"), Place::Selection { of: "acc".into(), axis: None });
    assert_eq!(place("std(acc,", "std(acc.part[run: ‸"), Place::Selection { of: "acc".into(), axis: Some("run".into()) });
    assert_eq!(place("std(acc,", "std(acc[run: ‸"), Place::Selection { of: "acc".into(), axis: Some("run".into()) });
    assert_eq!(place("  flatten\n", "  fla‸\n"), Place::Step);
    assert_eq!(place("-> relu", "-> re‸"), Place::Step);
}

#[test]
fn what_may_stand_at_a_place_is_proposed() {
    let has = |all: &[String], wanted: &[&str]| {
        wanted.iter().for_each(|w| assert!(all.iter().any(|l| l == w), "no {w} among {all:?}"));
    };
    has(&labels("analysis spread", "an‸"), &["analysis", "figure", "dataset"]);
    has(&labels("use std.data {", "use std.‸ {"), &["data", "figures"]);
    has(&labels("{ digits }", "{ ‸ }"), &["mnist", "cifar10"]);
    assert_eq!(labels("(m, data.test)", "(m, data.‸)"), ["train", "test", "all"]);
    assert_eq!(labels("{ seed: 1 }", "{ ‸ }"), ["seed:"]);
    assert_eq!(labels("{ seed: 1 }", "{ seed: ‸ }"), Vec::<String>::new());
    assert_eq!(labels("std(acc, over: run)", "if run == ‸ then acc else 0"), ["0", "1", "2"]);
    has(&labels("std(acc, over: run)", "if acc == ‸ then acc else 0"), &["acc", "mean"]);
    has(&labels("std(acc, over: run)", "std(acc, ‸)"), &["over:", "by:"]);
    has(&labels("over: run)", "over: ‸)"), &["run", "class", "example"]);
    has(&labels("at: hidden", "at: ‸"), &["hidden", "hidden1", "all"]);
    has(&labels("rate: 0.1 }", "rate: 0.1, optimizer: ‸ }"), &["sgd", "adamw"]);
    has(&labels("std(acc,", "std(acc[run: ‸],"), &["0", "1", "2"]);
    has(&labels("-> relu", "-> ‸"), &["relu", "conv", "small", "net"]);
    let (document, at) = marked("(m, data.test)\nanalysis", "(‸)\nanalysis");
    let fitting: Vec<String> = complete(&document, at).1.into_iter().filter(|c| c.fits).map(|c| c.label).collect();
    assert!(fitting.contains(&"m".to_string()) && !fitting.contains(&"data".to_string()), "{fitting:?}");
}

#[test]
fn nothing_is_proposed_twice_and_every_place_is_answered() {
    for at in (0..SCRIPT.len()).filter(|i| SCRIPT.is_char_boundary(*i)) {
        // The script as it is while someone types: cut off behind this place, and with a word half written.
        for text in [&SCRIPT[..at], SCRIPT] {
            let document = document(text);
            let found = complete(&document, at).1;
            let labels: std::collections::BTreeSet<&String> = found.iter().map(|c| &c.label).collect();
            assert_eq!(labels.len(), found.len(), "at {at}");
            let _ = (hover(&document, at, &[]), definition(&document, at), signature_help(&document, at));
            if text.len() == SCRIPT.len() && at % 7 != 0 {
                break;
            }
        }
    }
}

#[test]
fn a_call_shows_which_argument_is_written() {
    let (document, at) = marked("std(acc, over: run)", "std(acc, over: ‸)");
    let help = signature_help(&document, at).expect("a call");
    assert!(help.label.starts_with("std(x: number | truth, over:"), "{}", help.label);
    assert_eq!(help.active, Some(1));
    let (document, at) = marked("std(acc, over: run)", "std(acc, over: run, ‸)");
    assert_eq!(signature_help(&document, at).and_then(|h| h.active), Some(2));
}

#[test]
fn a_mend_takes_its_message_away() {
    let mended = |from: &str, to: &str| {
        let (document, at) = marked(from, to);
        let all = mends(&document, &(at..at), &Registry::standard());
        let [one] = all.as_slice() else { panic!("{all:?} for {:?}", document.checked.diags) };
        (one.title.clone(), applied(document.text(), &one.edits))
    };
    let (title, text) = mended("accuracy(m", "acc‸uracyy(m");
    assert_eq!((title.as_str(), text.as_str()), ("write `accuracy`", SCRIPT));
    let (title, text) = mended("batch: 64", "ba‸tch_size: 64");
    assert_eq!((title.as_str(), text.as_str()), ("write `batch`", SCRIPT));
    let (title, text) = mended("train(small(units: width)", "train(resn‸et18");
    assert_eq!(title, "take `resnet18` from std.networks");
    assert!(text.contains("use std.networks { mlp as net, resnet18 }"), "{text}");
    assert!(mends(&document(SCRIPT), &(0..SCRIPT.len()), &Registry::standard()).is_empty());
}

#[test]
fn declarations_and_their_axes_are_shown() {
    let document = document(SCRIPT);
    let names: Vec<String> = symbols(&document).into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["run", "width", "small", "data", "m", "acc", "spread", "other", "reps", "Better than chance"]);
    let network = symbols(&document).into_iter().find(|s| s.name == "small").expect("a network");
    assert_eq!(network.taps.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["hidden"]);
    let shown = hints(&document);
    let at = |name: &str| SCRIPT.find(name).map(|at| at + name.len()).unwrap_or(0);
    assert!(shown.contains(&Hint { byte: at("analysis acc"), text: " over run(3)".into() }), "{shown:?}");
    assert!(!shown.iter().any(|h| h.byte == at("analysis spread")), "a single number has no axes");
}
