//! Random scripts, well-typed by the signatures: what `plan` lets pass does not fail for anything that script, headers or labels show, does
//! not panic, and gives the same twice.
//!
//! `CFX_LONG=1` runs thousands; `CFX_SEED=17` one, and prints it.

mod script;

use crate::script::{repository, source};
use cfx::api::{self, Registry};
use cfx::engine::progress::Silent;
use cfx::engine::{Options, RunOutcome, Status, Store};
use cfx::plan::graph::{Entry, Graph};
use script::Script;

/// Failures that are let pass, by words of their messages, with the reason: mostly what only results tell. What the script shows does not belong here.
const LET_PASS: &[(&str, &str)] = &[
    ("is no longer a finite number", "a training that diverges"),
    ("examples with a score do not fill", "how many examples of a choice have a score"),
    ("have a score", "how many examples of a choice have a score"),
    ("examples are to be relabelled", "how many examples of a choice the labels of a file are for"),
    ("different values, and each would have a panel", "how many values a result has, where each has a panel of its own"),
    ("the condition has a value for none of these examples", "which examples two choices share"),
    ("names example", "which of the examples that a file names are in a choice"),
    ("there is no column", "columns of a table that a result chooses"),
    ("which is not the number of a class", "which numbers a result holds, where numbers of classes are due"),
    ("which is not between 0 and 1", "which numbers a result holds, where probabilities are due"),
    ("on one side and", "which labels a draw gives the examples that two data sets share"),
    ("was not reduced", "whether a representation that a result chooses was reduced"),
    (
        "the scores have no example in common",
        "which examples two choices share, or how many rows that are only numbered a result leaves",
    ),
    // Told before the run where data sets, splits or numbers of examples differ; not so far where they are as many of one split, though the script shows it.
    ("the trials were taken on other examples", "trials on some examples of a split and memorization on as many others of it"),
];

/// Runs a plan in a store of its own.
fn run(graph: &Graph, text: &str, registry: &Registry) -> (RunOutcome, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(folder.path()).expect("a store");
    let source = files(text);
    let mut options = Options::new(&source.folder);
    options.files = source.files();
    // What the script adds to its world, and what that needs.
    let mut wanted: Vec<usize> = Vec::new();
    for declared in graph.values.iter().filter(|v| script::is_added(&v.name)) {
        wanted.extend(declared.entries.iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }));
    }
    wanted.sort_unstable();
    wanted.dedup();
    (cfx::engine::execute(graph, &wanted, registry, &store, &options, &Silent).expect("the store can be written"), folder)
}

/// Returns a text as a script that may read the files of the suite.
fn files(text: &str) -> api::Source {
    let mut source = source("generated.cfx", text, &repository("tests/suite/files"), &[]);
    source.granted.push(repository("tests/laws"));
    source
}

/// Returns what is wrong with the script of a seed, and how many declarations it has.
fn tried(seed: u64, registry: &Registry) -> (usize, Vec<String>) {
    let script = Script::random(seed, registry);
    let text = script.text();
    let source = files(&text);
    let checked = api::check(&source, registry);
    let graph = match api::plan(&source, &checked, registry) {
        Ok(graph) => graph,
        Err(diags) => {
            return (0, vec![format!("seed {seed}: each line passes, and all together do not: {:#?}\n{text}", diags.0)]);
        }
    };
    let (first, _one) = run(&graph, &text, registry);
    let (second, _two) = run(&graph, &text, registry);
    let mut wrong = Vec::new();
    for (id, (one, two)) in first.cells.iter().zip(&second.cells).enumerate() {
        let cell = &graph.cells[id];
        let say = |what: &str| format!("seed {seed}: {}: {what}\n    {}", cell.title(), line_of(&text, &cell.label));
        let message = one.message.as_deref().unwrap_or_default();
        if one.status == Status::Failed && !LET_PASS.iter().any(|(words, _)| message.contains(words)) {
            wrong.push(say(&format!("failed: {message} {}", if one.internal { "(internal)" } else { "" })));
        }
        // Of quick cells that come out alike the second finds the first one's result, or is computed beside it: that is a matter of time.
        let ended = |s: Status| if s == Status::Cached { Status::Computed } else { s };
        if ended(one.status) != ended(two.status) || one.hash != two.hash {
            wrong.push(say("is another the second time"));
        }
    }
    if std::env::var("CFX_SEED").is_ok() {
        println!("{text}");
    }
    if !wrong.is_empty() {
        wrong.push(text);
    }
    (script.declared(), wrong)
}

/// Returns the line that declares a name or title.
fn line_of<'t>(text: &'t str, label: &str) -> &'t str {
    let declares = |l: &&str| l.split_whitespace().nth(1).is_some_and(|w| w.trim_matches('"') == label);
    text.lines().find(declares).unwrap_or_default()
}

#[test]
fn what_is_planned_runs() {
    let registry = Registry::standard();
    let seeds: Vec<u64> = match (std::env::var("CFX_SEED"), std::env::var("CFX_LONG")) {
        (Ok(seed), _) => vec![seed.parse().expect("CFX_SEED is a whole number")],
        (_, Ok(_)) => (0..4000).collect(),
        _ => (0..150).collect(),
    };
    let (mut declared, mut wrong) = (0, Vec::new());
    for seed in &seeds {
        let (count, found) = tried(*seed, &registry);
        declared += count;
        wrong.extend(found);
    }
    let shown: Vec<&String> = wrong.iter().take(30).collect();
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), shown.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("\n"));
    // One script may be short; of many the generator must make enough to try.
    assert!(seeds.len() == 1 || declared >= 4 * seeds.len(), "only {declared} declarations in {} scripts", seeds.len());
}
