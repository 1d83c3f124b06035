//! Keys: what a cell is called in the store must not depend on how a script is written, and must depend on what it says.

use crate::script::plan;
use cfx::base::{Hasher, SourceMap};
use cfx::plan::graph::Graph;
use std::collections::BTreeSet;

const SCRIPT: &str = r#"cfx 1
experiment "Keys" { seed: 7 }

use std.data { digits }

axis noise = [0%, 20%]
axis run = 0..2
axis size = { small: 2, large: 3 }

dataset data = digits()
dataset d = corrupt_labels(sample(data.train, 60), noise, seed: 1)
network net(classes: int, width: int = 4) {
  hidden: flatten -> linear(width) -> relu
  linear(classes)
}
recipe quick { epochs: 1, batch: 32 }
model m = train(net, d, quick, seed: run)
stages s = svd(tap(m, d), width: size)
density p = dp_mixture(s, by: class) { sampler: gibbs(passes: 8, burn_in: 4, thin: 2) }
analysis acc = mean(accuracy(m, data.test), over: run)
analysis right = mean(correct(m, data.test), by: class)
analysis groups = split_at_largest_gap(right)
analysis like_each_other = cka(s, between: run)
axis bin = quantile_bins(example_loss(m[run: 0, noise: 0%], data.train), count: 3)
model blind = train(net, data.train except bin, quick)
claim "Learns" = all(acc > 0)
"#;

fn graph(text: &str) -> Graph {
    plan(text).unwrap_or_else(|diags| panic!("{text}\n{:#?}", diags.0))
}

/// Returns all keys of a script, or those of some operations.
fn keys(text: &str, ops: &[&str]) -> BTreeSet<String> {
    let graph = graph(text);
    graph.cells.iter().filter(|c| ops.is_empty() || ops.contains(&c.op.as_str())).map(|c| format!("{} {}", c.op, c.key)).collect()
}

/// Replaces whole words.
fn rename(text: &str, names: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(std::iter::once('\n')) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        out.push_str(names.iter().find(|(from, _)| *from == word).map_or(word.as_str(), |(_, to)| to));
        word.clear();
        out.push(c);
    }
    out
}

/// If this changes, every store in use is worth nothing: raise versions of single operations instead, where only these changed.
#[test]
fn keys_are_pinned() {
    let mut hasher = Hasher::new("test.keys");
    let text = "cfx 1\nexperiment \"Pinned\" { seed: 3 }\nuse std.data { digits }\naxis share = [10%, 50%]\n\
                dataset d = subset(digits().train, share)\nnetwork n(classes: int) { flatten -> linear(classes) }\n\
                model m = train(n, d, seed: 1) { epochs: 1 }\nanalysis a = mean(accuracy(m, d))\n";
    keys(text, &[]).iter().for_each(|k| {
        hasher.text(k);
    });
    assert_eq!(hasher.finish().to_string(), include_str!("keys.txt").trim());
}

#[test]
fn renaming_changes_no_key() {
    let names = [
        ("noise", "corruption"),
        ("run", "repetition"),
        ("size", "width_of"),
        ("d", "training_set"),
        ("quick", "fast_recipe"),
        ("m", "net_model"),
        ("s", "reduced"),
        ("p", "posterior"),
        ("acc", "how_good"),
        ("right", "by_digit"),
        ("groups", "two_modes"),
        ("bin", "decile"),
        ("blind", "held_out_model"),
        ("Learns", "Does_it"),
    ];
    assert_eq!(keys(SCRIPT, &[]), keys(&rename(SCRIPT, &names), &[]));
}

#[test]
fn renaming_a_network_changes_no_key() {
    assert_eq!(keys(SCRIPT, &[]), keys(&rename(SCRIPT, &[("net", "architecture")]), &[]));
}

#[test]
fn order_comments_and_layout_change_no_key() {
    let (head, body) = SCRIPT.split_once("axis noise").expect("axes");
    let body = format!("axis noise{body}");
    // Declarations of one line each can stand in any order.
    let lines: Vec<&str> = body.lines().filter(|l| !l.is_empty()).collect();
    let first = lines.iter().position(|l| l.starts_with("network")).expect("a network");
    let (before, rest) = lines.split_at(first);
    let (network, after) = rest.split_at(4);
    let mut turned: Vec<&str> = after.iter().rev().copied().collect();
    turned.extend(network);
    turned.extend(before.iter().rev());
    assert_eq!(keys(SCRIPT, &[]), keys(&format!("{head}{}\n", turned.join("\n")), &[]));
    let commented = SCRIPT.replace("\nmodel ", "\n# A comment.\n## And a description.\nmodel ").replace(" = ", "   =   ");
    assert_eq!(keys(SCRIPT, &[]), keys(&commented, &[]));
    let mut sources = SourceMap::new();
    let source = sources.add("exp.cfx", SCRIPT);
    let (file, diags) = cfx::syntax::parse(&source);
    assert!(!diags.has_errors());
    assert_eq!(keys(SCRIPT, &[]), keys(&cfx::syntax::format(&file, &source), &[]));
}

#[test]
fn written_otherwise_is_the_same() {
    let other = SCRIPT
        .replace("[0%, 20%]", "[0, 0.2]")
        .replace("m[run: 0, noise: 0%]", "m[noise: 0][run: 0]")
        .replace("{ epochs: 1, batch: 32 }", "{\n  batch: 8 * 4\n  epochs: 1\n}")
        .replace("train(net, d, quick, seed: run)", "train(data: d, network: net) { seed: run, recipe: quick, rate: 0.1 }");
    let ops = ["corrupt_labels", "train", "svd", "accuracy"];
    assert_eq!(keys(SCRIPT, &ops), keys(&other, &ops));
}

#[test]
fn appending_coordinates_keeps_the_old_keys() {
    for (from, to) in [
        ("[0%, 20%]", "[0%, 20%, 40%]"),
        ("0..2", "0..3"),
        ("large: 3 }", "large: 3, huge: 4 }"),
        ("[0%, 20%]", "[40%, 20%, 0%]"),
    ] {
        let ops = ["corrupt_labels", "train", "tap", "svd", "dp_mixture", "accuracy"];
        let (old, new) = (keys(SCRIPT, &ops), keys(&SCRIPT.replace(from, to), &ops));
        let missing: Vec<_> = old.difference(&new).collect();
        assert!(missing.is_empty(), "{from} to {to}: {missing:?}");
        assert!(new.len() > old.len(), "{from} to {to}");
    }
}

#[test]
fn settings_change_only_what_depends_on_them() {
    let changed = |from: &str, to: &str| -> BTreeSet<String> {
        let (old, new) = (keys(SCRIPT, &[]), keys(&SCRIPT.replace(from, to), &[]));
        old.difference(&new).map(|k| k.split(' ').next().unwrap_or_default().to_string()).collect()
    };
    let ops = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|n| n.to_string()).collect() };
    assert_eq!(changed("passes: 8", "passes: 10"), ops(&["dp_mixture"]));
    assert_eq!(changed("by: class) {", "by: class, alpha: 2) {"), ops(&["dp_mixture"]));
    assert_eq!(changed("count: 3", "count: 4"), ops(&["quantile_bins", "train", "without"]));
    assert_eq!(changed("{ small: 2,", "{ small: 1,"), ops(&["svd", "dp_mixture", "cka"]));
    assert!(!changed("epochs: 1", "epochs: 2").contains("corrupt_labels"));
    assert!(changed("epochs: 1", "epochs: 2").contains("train"));
    // Another root seed changes whatever draws, and what is made from it, but not the data.
    let reseeded = changed("seed: 7", "seed: 8");
    assert!(
        reseeded.contains("train") && reseeded.contains("sample") && !reseeded.contains("digits") && !reseeded.contains("split")
    );
}

#[test]
fn titles_change_no_key() {
    assert_eq!(
        keys(SCRIPT, &[]),
        keys(&SCRIPT.replace("\"Keys\"", "\"Something else\"").replace("\"Learns\"", "\"Is better\""), &[])
    );
}

#[test]
fn equal_declarations_are_one_cell() {
    let twice = format!(
        "{SCRIPT}model m2 = train(net, d, quick, seed: run)\nmodel m3 = train(net, d, seed: run) {{ epochs: 1, batch: 32 }}\n\
         axis again = 0..2\nmodel m4 = train(net, d, quick, seed: again)\n"
    );
    assert_eq!(keys(SCRIPT, &[]), keys(&twice, &[]));
    assert_eq!(graph(SCRIPT).cells.len(), graph(&twice).cells.len());
}

#[test]
fn seeds_name_streams() {
    let ops = ["train"];
    let shifted = SCRIPT.replace("seed: run)", "seed: run + 1)");
    let (a, b) = (keys(SCRIPT, &ops), keys(&shifted, &ops));
    // Seeds 0, 1 and 1, 2: the two models with seed 1 are the same; those without the bins follow the bins.
    assert_eq!(a.intersection(&b).count(), 2);
}

#[test]
fn tables_show_names_of_axes_and_know_them() {
    let text = "cfx 1\naxis run = 0..3\nanalysis x = mean(2) * run\nanalysis t = table(x)\n";
    let renamed = rename(text, &[("run", "repetition")]);
    assert_ne!(keys(text, &["table"]), keys(&renamed, &["table"]));
    assert_eq!(keys(text, &["multiply"]), keys(&renamed, &["multiply"]));
}
