//! Pairs: whatever an operation makes of values over an axis that is paired with itself, each pair counts once where the measure is
//! symmetric, and neither the order of the two sides nor that of coordinates changes anything.

use super::calls::{Call, bases};
use super::world::{self, Line};
use super::{compare, excused, judge};
use cfx::engine::Value;
use cfx::lang::kind::Kind;
use cfx::lang::signature::AxisWord;

const PAIRED: &str = "cfx 1
experiment \"Pairs\" { seed: 3 }
axis run = [0, 1, 2, 3, 4, 5]
axis dim = [3, 4]
stages s = gaussian_stages(rows: 9, units: dim, seed: run)
analysis k = cka(s, between: run)
analysis turn = procrustes(s, between: run) + 0.1 * k * k
analysis alike = cca(s, between: run, permutations: 2).similarity
analysis uneven = k * (1 + run)
";

/// Returns calls of all operations that reduce numbers, on `x` (and a second value where two are taken), with what they reduce over.
fn calls(x: &str, over: &str) -> Vec<Call> {
    let mut out = Vec::new();
    for signature in world::library().operations.values().filter(|s| !excused(&s.name)) {
        let all = || signature.params.iter().zip(&signature.takes);
        let numbers: Vec<&str> = all()
            .filter(|(_, t)| t.inputs.contains(&Kind::Number { per_example: false }))
            .map(|(p, _)| p.name.name.as_str())
            .collect();
        let reduces = all().find(|(_, t)| t.axis == Some(AxisWord::Reduces)).map(|(p, _)| p.name.name.as_str());
        let (false, Some(reduces), Some(base)) = (numbers.is_empty(), reduces, bases(signature).into_iter().next()) else {
            continue;
        };
        let text = |i: usize| if i == 0 { x.to_string() } else { "turn".to_string() };
        let call = numbers.iter().enumerate().fold(base, |call, (i, name)| call.with(name, &text(i)));
        out.push(call.with(reduces, over));
    }
    out
}

fn same(what: &str, here: &str, there: &str, pairs: &[(Call, Call)], least: usize) {
    let lines = |which: &str, side: &dyn Fn(&(Call, Call)) -> Call| -> Vec<Line> {
        pairs.iter().enumerate().map(|(i, pair)| side(pair).line(&format!("{which}{i}"))).collect()
    };
    let (left, right) = (lines("left", &|p| p.0.clone()), lines("right", &|p| p.1.clone()));
    let (no_left, no_right) = (world::refusals(here, &left), world::refusals(there, &right));
    let kept = |lines: &[Line]| -> Vec<Line> {
        let fine = |i: usize| !no_left.contains_key(&format!("left{i}")) && !no_right.contains_key(&format!("right{i}"));
        lines.iter().enumerate().filter(|(i, _)| fine(*i)).map(|(_, l)| l.clone()).collect()
    };
    let (left, right) = (kept(&left), kept(&right));
    let (here, there) = (world::run(here, &left), world::run(there, &right));
    let mut wrong = Vec::new();
    for (l, r) in left.iter().zip(&right) {
        let why = compare::cells(here.cells(&l.name), there.cells(&r.name), true);
        wrong.extend(why.map(|why| (l.text.clone(), format!("{} is not {}: {why}", l.text, r.text))));
    }
    for (i, (call, _)) in pairs.iter().enumerate() {
        if no_left.contains_key(&format!("left{i}")) != no_right.contains_key(&format!("right{i}")) {
            wrong.push((call.op.clone(), format!("{} is refused on one side alone", call.text())));
        }
    }
    assert!(left.len() >= least, "{what}: only {} were tried", left.len());
    judge(what, &wrong, &[]);
}

const VALUES: [&str; 4] = ["k", "alike", "uneven", "k > 0.3"];

#[test]
fn the_order_of_the_two_sides() {
    let mut pairs = Vec::new();
    for x in VALUES {
        for (one, other) in [("[run, run_other]", "[run_other, run]"), ("[run, run_other, dim]", "[dim, run_other, run]")] {
            pairs.extend(calls(x, one).into_iter().zip(calls(x, other)));
        }
    }
    same("the order of the two sides of pairs changes results", PAIRED, PAIRED, &pairs, 60);
}

#[test]
fn the_order_of_coordinates_of_pairs() {
    let turned = PAIRED.replace("axis run = [0, 1, 2, 3, 4, 5]", "axis run = [4, 1, 5, 0, 3, 2]");
    let mut pairs = Vec::new();
    for x in VALUES {
        pairs.extend(calls(x, "[run, run_other]").into_iter().map(|c| (c.clone(), c)));
        pairs.extend(calls(x, "run_other").into_iter().map(|c| (c.clone(), c)));
    }
    // Leaves and groups are numbered in the order of coordinates.
    pairs.retain(|(c, _)| !["cluster", "clusters"].contains(&c.op.as_str()));
    same("the order of paired coordinates changes results", PAIRED, &turned, &pairs, 60);
}

#[test]
fn pairs_at_a_coordinate_of_another_axis() {
    let mut pairs = Vec::new();
    for x in ["k", "alike", "uneven"] {
        for (whole, cut) in calls(x, "[run, run_other]").into_iter().zip(calls(&format!("{x}[dim: 4]"), "[run, run_other]")) {
            // The second value maps over the axis as well.
            let cut =
                Call { args: cut.args.iter().map(|(n, t)| (n.clone(), t.replace("turn", "turn[dim: 4]"))).collect(), ..cut };
            pairs.push((Call { op: whole.op.clone(), args: whole.args.clone() }, cut));
        }
    }
    let here: Vec<(Line, Line)> =
        pairs.iter().enumerate().map(|(i, (l, r))| (l.line(&format!("whole{i}")), r.line(&format!("cut{i}")))).collect();
    let all: Vec<Line> = here.iter().flat_map(|(l, r)| [l.clone(), r.clone()]).collect();
    let refused = world::refusals(PAIRED, &all);
    let kept: Vec<Line> = all.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let (whole, cut): (Vec<Line>, Vec<Line>) = kept.into_iter().partition(|l| l.name.starts_with("whole"));
    let (ran, cut_ran) = (world::run(PAIRED, &whole), world::run_anew(PAIRED, &cut));
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for ((whole, cut), (call, _)) in here.iter().zip(&pairs) {
        if refused.contains_key(&whole.name) || refused.contains_key(&cut.name) {
            continue;
        }
        let at: Vec<_> = ran.cells(&whole.name).iter().filter(|c| c.at.get("dim").is_some_and(|d| d == "4")).cloned().collect();
        let mut at = at;
        at.iter_mut().for_each(|c| {
            c.at.remove("dim");
        });
        tried += 1;
        wrong.extend(
            compare::cells(&at, cut_ran.cells(&cut.name), true).map(|why| (call.op.clone(), format!("{}: {why}", cut.text))),
        );
    }
    assert!(tried > 30, "only {tried} were tried");
    judge("pairs at a coordinate are others", &wrong, &[]);
}

#[test]
fn pairs_of_symmetric_measures_count_once() {
    let texts = ["count(k)", "count(alike)", "count(turn)", "count(uneven)"];
    let lines: Vec<Line> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| Line { name: format!("n{i}"), text: format!("analysis n{i} = {}", text.replace("(k)", "(k[dim: 3])")) })
        .collect();
    let ran = world::run(PAIRED, &lines);
    // `alike`, `turn` and `uneven` are over `dim` as well: two of each.
    for (i, wanted) in [15.0, 30.0, 30.0, 60.0].into_iter().enumerate() {
        let [cell] = ran.cells(&format!("n{i}")) else { panic!("{}", texts[i]) };
        assert!(matches!(&cell.value, Ok(Value::Number(n)) if n.value == wanted), "{}: {:?}", texts[i], cell.value);
    }
}
