//! Edits of a script between runs: results from a store that saw all earlier forms of it are those of an empty store, byte for byte.
//!
//! `CFX_LONG=1` makes hundreds of edits.

use crate::dice::Dice;
use crate::script::{files_below, source};
use cfx::api::{self, Registry};
use cfx::engine::progress::Silent;
use cfx::engine::{KEEP_UNDER, Options, RunState, Store};
use std::collections::BTreeMap;
use std::path::Path;

/// What a line of the script may be: a name, and ways to write what it declares.
type Choice = (&'static str, &'static str, &'static [&'static str]);

/// Lines that are always there, in this order.
const BASE: &[Choice] = &[
    ("experiment", "\"Oracle\"", &["{ seed: 1 }", "{ seed: 2 }"]),
    ("axis", "run", &["0..2", "0..3", "1..3"]),
    ("dataset", "small", &["sample(digits().train, 60)", "sample(digits().train, 80)", "sample(digits().test, 60)"]),
    (
        "model",
        "net",
        &[
            "train(mlp(hidden: [6]), small, seed: run) { epochs: 1, rate: 0.1 }",
            "train(mlp(hidden: [6]), small, seed: run) { epochs: 2, rate: 0.1 }",
            "train(mlp(hidden: [6]), small, seed: run) { epochs: 1, rate: 0.1, keep: weights }",
            "train(mlp(hidden: [8]), small, seed: run) { rate: 0.1, epochs: 1 }",
            "train(mlp(hidden: [6]), small, seed: run) { epochs: 1, rate: 0.1, batch: 30 }",
        ],
    ),
    ("stages", "acts", &["tap(net, small, at: [hidden1])"]),
    ("stages", "low", &["svd(acts, width: 3)", "svd(acts, width: 2)", "svd(acts, width: 3, centred: true)"]),
];

/// Lines that are there or not, in any order.
const OTHERS: &[Choice] = &[
    ("analysis", "acc", &["mean(correct(net, small))", "mean(correct(net, small), by: class)", "accuracy(net, small)"]),
    ("analysis", "lost", &["loss(net, small)", "loss(net, small) * 2"]),
    ("analysis", "spread", &["mean_distance(low)", "mean_distance(low, by: class)", "mean_distance(acts)"]),
    ("analysis", "alike", &["cka(acts, between: run)", "cka(low, between: run)"]),
    ("analysis", "interval", &["bootstrap(correct(net, small), draws: 40)", "bootstrap(correct(net, small), draws: 50)"]),
    (
        "analysis",
        "sure",
        &["share(confidence(net, small) > 0.5)", "mean(confidence(net, small))", "maximum(confidence(net, small))"],
    ),
    ("analysis", "filled", &["spectrum(acts).effective_rank", "spectrum(low).participation_ratio"]),
    ("analysis", "in_all", &["mean(correct(net, small), over: run)", "mean(mean(correct(net, small)))"]),
    ("figure", "\"Accuracies\"", &["bars(mean(correct(net, small)), x: run)", "curves(mean(correct(net, small)), x: run)"]),
    ("claim", "\"It knows\"", &["mean(mean(correct(net, small))) > 0.1", "mean(mean(correct(net, small))) > 0.9"]),
];

/// A form of the script.
#[derive(Clone)]
struct Form {
    base: Vec<usize>,
    /// Which line, which way, and under which name where that is another one.
    others: Vec<(usize, usize, bool)>,
    comment: usize,
}

impl Form {
    fn text(&self) -> String {
        let line = |(keyword, name, ways): &Choice, way: usize, renamed: bool| {
            let (name, sign) = (
                if renamed { format!("{name}_too") } else { name.to_string() },
                if *keyword == "experiment" { "" } else { "= " },
            );
            format!("{keyword} {name} {sign}{}\n", ways[way % ways.len()])
        };
        let mut out = String::from("cfx 1\n");
        let mut lines = BASE.iter().zip(&self.base).map(|(choice, way)| line(choice, *way, false));
        out.extend(lines.next());
        out.push_str("use std.data { digits }\nuse std.networks { mlp }\n");
        out.extend(lines);
        out.push_str(&format!("# {}\n", "word ".repeat(self.comment)));
        out.extend(
            self.others.iter().map(|(n, way, renamed)| line(&OTHERS[*n], *way, *renamed && !OTHERS[*n].1.starts_with('"'))),
        );
        out
    }

    fn edit(&mut self, dice: &mut Dice) {
        let missing: Vec<usize> = (0..OTHERS.len()).filter(|n| !self.others.iter().any(|(m, ..)| m == n)).collect();
        match dice.below(8) {
            0 | 1 => {
                let n = dice.below(BASE.len());
                self.base[n] = dice.below(BASE[n].2.len());
            }
            2 | 3 if !missing.is_empty() => {
                let at = dice.below(self.others.len() + 1);
                self.others.insert(at, (*dice.one(&missing), dice.below(3), false));
            }
            4 if self.others.len() > 2 => {
                let at = dice.below(self.others.len());
                self.others.remove(at);
            }
            5 if !self.others.is_empty() => {
                let at = dice.below(self.others.len());
                self.others[at].1 = dice.below(3);
            }
            6 if self.others.len() > 1 => {
                let (one, other) = (dice.below(self.others.len()), dice.below(self.others.len()));
                self.others.swap(one, other);
                self.others[one].2 ^= true;
            }
            _ => self.comment = dice.below(5),
        }
    }
}

/// Runs a script in a store; returns everything that it writes but the record and the page of the run, which tell of times and of what was in the
/// store, and the content of each cell that came to be known.
fn run(text: &str, registry: &Registry, store: &Store, keep_under: u64) -> (BTreeMap<String, Vec<u8>>, Vec<String>, Vec<String>) {
    let source = source("exp.cfx", text, Path::new("."), &[]);
    let (checked, graph) = api::prepare(&source, registry);
    let graph = graph.unwrap_or_else(|d| panic!("{d:#?}\n{text}"));
    let options = Options { files: source.files(), keep_under, ..Options::new(&source.folder) };
    let outcome = api::run(&graph, registry, store, &options, &Silent).expect("the store can be written");
    assert_eq!(outcome.state, RunState::Done, "{text}");
    let results = api::results(&graph, registry, store, &source, &outcome);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    api::write(&source, &checked, &graph, &outcome, &results, &out).expect("results are written");
    let mut files = BTreeMap::new();
    for path in files_below(&out, "") {
        let name = path.strip_prefix(&out).expect("a file below").display().to_string();
        if !matches!(name.as_str(), "manifest.json" | "report.html") {
            files.insert(name, std::fs::read(&path).expect("a result"));
        }
    }
    let claims = api::claims(&graph, &results).iter().map(|c| c.line()).collect();
    // What nobody looked for has no hash, in one store or the other.
    let hashes = graph.cells.iter().zip(&outcome.cells);
    let hashes = hashes.map(|(cell, o)| o.hash.map_or_else(String::new, |h| format!("{} {h}", cell.title()))).collect();
    (files, claims, hashes)
}

#[test]
fn after_any_edit_of_a_script_the_store_gives_what_a_new_one_gives() {
    let registry = Registry::standard();
    let folder = tempfile::tempdir().expect("a folder");
    let mut dice = Dice::new(5);
    let mut form = Form { base: vec![0; BASE.len()], others: vec![(0, 0, false), (2, 0, false), (8, 0, false)], comment: 0 };
    let rounds = if std::env::var_os("CFX_LONG").is_some() { 400 } else { 30 };
    let mut refused = 0;
    for round in 0..rounds {
        if round > 0 {
            let before = form.clone();
            (0..1 + dice.below(3)).for_each(|_| form.edit(&mut dice));
            if api::check(&source("exp.cfx", &form.text(), Path::new("."), &[]), &registry).diags.has_errors() {
                refused += 1;
                form = before;
            }
        }
        let text = form.text();
        let store = Store::open(folder.path()).expect("the store");
        let keep_under = *dice.one(&[0, 3_000, KEEP_UNDER]);
        let kept = run(&text, &registry, &store, keep_under);
        drop(store);
        let fresh = tempfile::tempdir().expect("a folder");
        let new = run(&text, &registry, &Store::open(fresh.path()).expect("a store"), 0);
        let differ: Vec<&String> =
            new.0.iter().filter(|(name, bytes)| kept.0.get(*name) != Some(bytes)).map(|(name, _)| name).collect();
        assert!(
            differ.is_empty() && kept.0.len() == new.0.len(),
            "round {round}: {differ:?} differ, or there are others\n{text}"
        );
        assert_eq!(kept.1, new.1, "round {round}\n{text}");
        let both = kept.2.iter().zip(&new.2).filter(|(a, b)| !a.is_empty() && !b.is_empty());
        both.for_each(|(a, b)| assert_eq!(a, b, "round {round}\n{text}"));
        if dice.chance(10) {
            Store::open(folder.path()).expect("the store").sweep(dice.below(3)).expect("it is swept");
        }
    }
    assert!(refused * 3 < rounds, "{refused} of {rounds} edits were refused");
}
