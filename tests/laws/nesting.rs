//! Nesting: an axis made anew at each place of others is taken with its own members there, and averaged before them.

use super::calls::{Call, bases};
use super::world::{self, Line, WORLD};
use super::{compare, excused, judge};
use cfx::engine::Value;
use cfx::lang::kind::Kind;
use cfx::lang::signature::{AxisWord, Signature};

/// Returns the name of a parameter that takes an axis word of a sort.
fn parameter(signature: &Signature, word: AxisWord) -> Option<&str> {
    signature.params.iter().zip(&signature.takes).find(|(_, t)| t.axis == Some(word)).map(|(p, _)| p.name.name.as_str())
}

/// What a parameter of a reduction takes.
#[derive(Clone, Copy)]
enum Takes {
    /// Numbers, also one per example.
    Numbers,
    /// Truth values, also one per example.
    Truths,
    /// One number per example of a sort that only some operations make: what the world has that fits.
    Scores,
}

/// Returns operations that reduce values and split by axes, each with a call, and with the names of the inputs that are reduced.
fn splitting() -> Vec<(&'static Signature, Call, Vec<(&'static str, Takes)>)> {
    let mut out = Vec::new();
    for signature in world::library().operations.values().filter(|s| !excused(&s.name)) {
        let kinds = [
            (Kind::Number { per_example: false }, Takes::Numbers),
            (Kind::Truth { per_example: false }, Takes::Truths),
            (Kind::Number { per_example: true }, Takes::Scores),
        ];
        let of =
            |t: &cfx::lang::signature::Takes| kinds.iter().find(|(kind, _)| t.inputs.contains(kind)).map(|(_, takes)| *takes);
        let values = signature.params.iter().zip(&signature.takes).filter_map(|(p, t)| Some((p.name.name.as_str(), of(t)?)));
        let values: Vec<(&str, Takes)> = values.collect();
        if let (false, Some(_), Some(_), Some(base)) = (
            values.is_empty(),
            parameter(signature, AxisWord::Splits),
            parameter(signature, AxisWord::Reduces),
            bases(signature).into_iter().next(),
        ) {
            out.push((signature, base, values));
        }
    }
    assert!(out.len() > 10, "only {} operations reduce and split", out.len());
    out
}

/// Returns a call with every input that is reduced made from a template, in which `x` stands for a score of the world.
fn filled(base: &Call, values: &[(&str, Takes)], template: &str) -> Call {
    let scores = ["s1", "t1s"];
    values.iter().enumerate().fold(base.clone(), |call, (i, (name, takes))| {
        let text = template.replace("{x}", scores[i % scores.len()]);
        match takes {
            Takes::Numbers => call.with(name, &text),
            Takes::Truths => call.with(name, &format!("{text} > 0.5")),
            Takes::Scores => call,
        }
    })
}

/// Returns whether the template stands for all that is reduced.
fn made(values: &[(&str, Takes)]) -> bool {
    values.iter().all(|(_, takes)| !matches!(takes, Takes::Scores))
}

/// Two declarations that must be the same at all places, under one operation's name.
struct Pair {
    op: String,
    left: String,
    right: String,
}

/// Asserts that both sides of each pair are the same; a side that is refused stands for nothing.
fn same(what: &str, pairs: Vec<Pair>, least: usize) {
    let world = format!("{WORLD}analysis t1s = log(1 + s1 * s0)\naxis bins = quantile_bins(s1, count: 3, data: e)\n");
    let side =
        |i: usize, which: &str, text: &str| Line { name: format!("{which}{i}"), text: format!("analysis {which}{i} = {text}") };
    let lines: Vec<(Line, Line)> =
        pairs.iter().enumerate().map(|(i, p)| (side(i, "left", &p.left), side(i, "right", &p.right))).collect();
    let all: Vec<Line> = lines.iter().flat_map(|(l, r)| [l.clone(), r.clone()]).collect();
    let refused = world::refusals(&world, &all);
    let kept: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(&world, &kept);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (pair, (left, right)) in pairs.iter().zip(&lines) {
        match (refused.get(&left.name), refused.get(&right.name)) {
            (None, None) => {
                seen += 1;
                let why = compare::cells(ran.cells(&left.name), ran.cells(&right.name), true);
                wrong.extend(why.map(|why| (pair.op.clone(), format!("{} is not {}: {why}", pair.left, pair.right))));
            }
            (None, Some(why)) => wrong.push((pair.op.clone(), format!("{} is refused, unlike {}: {why}", pair.right, pair.left))),
            (Some(_), _) => {}
        }
    }
    assert!(seen >= least, "{what}: only {seen} were tried");
    judge(what, &wrong, &[]);
}

/// `by: bins` of numbers per example is the operation on the examples that are in the bin: scores cut to them meet by id.
#[test]
fn by_bins_is_the_examples_of_each_bin() {
    let mut pairs = Vec::new();
    for (signature, base, values) in splitting().into_iter().filter(|(.., values)| made(values)) {
        let (by, over) =
            (parameter(signature, AxisWord::Splits).unwrap_or("by"), parameter(signature, AxisWord::Reduces).unwrap_or("over"));
        for (axis, x) in [("bins", "{x}"), ("ease", "{x}"), ("bins", "{x}[run: 1]")] {
            let split = filled(&base, &values, x).with(by, axis).with(over, "example");
            let cut = filled(&base, &values, &format!("{x} + 0 * correct(m[run: 0], {axis})")).with(over, "example");
            pairs.push(Pair { op: signature.name.clone(), left: split.text(), right: cut.text() });
        }
    }
    same("`by:` a bin is not the examples of the bin", pairs, 20);
}

/// Bins of each run are each run's own when runs are taken in as well.
#[test]
fn bins_that_nest_are_each_outer_coordinates_own() {
    // What an operation is when the inner axis is averaged first, or where its own order does not matter.
    let meant = [("mean", "mean"), ("std", "mean"), ("minimum", "minimum"), ("maximum", "maximum"), ("total", "total")];
    let mut pairs = Vec::new();
    for (op, inner) in meant {
        pairs.push(Pair {
            op: op.to_string(),
            left: format!("{op}(s1, by: bins, over: [run, example]){}", if op == "total" { " + 0" } else { "" }),
            right: format!("{op}({inner}(s1, by: bins, over: example), over: run){}", if op == "total" { " + 0" } else { "" }),
        });
    }
    same("bins of the first run stand for those of all runs", pairs, 0);
}

/// Whatever an operation makes of `by: bins, over: [run, example]`, each run counts with its own bins: the same script with the runs in
/// another order gives the same.
#[test]
fn no_outer_coordinate_lends_its_bins_to_others() {
    judge("one run's bins stand for all", &lent(|_| true), &[]);
}

/// Returns which of some operations take the bins of one run for those of all.
pub(super) fn lent(of: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let turned = WORLD.replace("axis run = [0, 1]", "axis run = [1, 0]");
    let world = |w: &str| format!("{w}analysis t1s = log(1 + s1 * s0)\naxis bins = quantile_bins(s1, count: 3, data: e)\n");
    let mut lines = Vec::new();
    for (signature, base, values) in splitting().into_iter().filter(|(s, ..)| of(&s.name)) {
        let (by, over) =
            (parameter(signature, AxisWord::Splits).unwrap_or("by"), parameter(signature, AxisWord::Reduces).unwrap_or("over"));
        for axes in ["[run, example]", "[example, run]", "run"] {
            let call = filled(&base, &values, "{x}").with(by, "bins").with(over, axes);
            lines.push((call.line(&format!("nested{}", lines.len())), call));
        }
    }
    // Groups of classes, which the examples of each bin are of.
    for over in ["class", "[run, class]", "[class, run]"].into_iter().filter(|_| of("share")) {
        let given = [("x", "grp"), ("of", "low"), ("by", "bins"), ("over", over)];
        let call = Call { op: "share".to_string(), args: given.map(|(n, text)| (n.to_string(), text.to_string())).to_vec() };
        lines.push((call.line(&format!("nested{}", lines.len())), call));
    }
    let refused = world::refusals(&world(WORLD), &lines.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
    let kept: Vec<Line> = lines.iter().map(|(l, _)| l.clone()).filter(|l| !refused.contains_key(&l.name)).collect();
    let (here, there) = (world::run(&world(WORLD), &kept), world::run(&world(&turned), &kept));
    let shares = lines.iter().filter(|(l, call)| call.op == "share" && !refused.contains_key(&l.name)).count();
    assert!(!of("share") || shares >= 5, "only {shares} shares were tried: {refused:#?}");
    let mut wrong = Vec::new();
    for (line, call) in lines.iter().filter(|(l, _)| !refused.contains_key(&l.name)) {
        let why = compare::cells(here.cells(&line.name), there.cells(&line.name), true);
        wrong.extend(why.map(|why| (call.op.clone(), format!("{} with runs in another order: {why}", call.text()))));
    }
    wrong
}

/// A value over runs and the bins of each: means and deviations average the bins first.
#[test]
fn inner_axes_are_averaged_first() {
    judge("inner axes are not averaged first", &not_inner_first(), &[]);
}

/// Returns what is wrong with means and deviations over runs and the bins of each.
pub(super) fn not_inner_first() -> Vec<(String, String)> {
    let ran = world::run(
        WORLD,
        &[
            ("direct", "mean(binned, over: [run, bin])"),
            ("steps", "mean(mean(binned, over: bin), over: run)"),
            ("spread", "std(binned, over: [run, bin])"),
            ("spread_steps", "std(mean(binned, over: bin), over: run)"),
        ]
        .map(|(name, text)| Line { name: name.to_string(), text: format!("analysis {name} = {text}") }),
    );
    // The errors of the steps hold the spread of the bins as well, which is no error of sampling: values are compared.
    let mut wrong = Vec::new();
    for (op, x, y) in [("mean", "direct", "steps"), ("std", "spread", "spread_steps")] {
        for (one, other) in ran.cells(x).iter().zip(ran.cells(y)) {
            let (Ok(Value::Number(a)), Ok(Value::Number(b))) = (&one.value, &other.value) else { panic!("{x} is no number") };
            if one.at != other.at || (a.value - b.value).abs() > 1e-12 * a.value.abs() {
                wrong.push((op.to_string(), format!("{x}: {a:?} against {b:?}")));
            }
        }
    }
    wrong
}
