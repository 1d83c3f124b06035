//! Lines of the table: numbers with errors of their own, compared after their means were taken; choices among such numbers; quantifiers, F-scores and
//! gaps of calibration over examples.

use super::same::{answers, handed, of_examples};
use super::*;

/// Returns two measures over `n` runs, each with an error of its own: effects of runs that both have, of each measure, and of the error.
fn measured(n: usize, both: f64, each: f64, error: f64, r: &mut R) -> [Vec<Number>; 2] {
    let effect = zs(n, r);
    ["a", "b"].map(|name| {
        let one = |i: usize, r: &mut R| {
            let value = both * effect[i] + each * z(r) + error * z(r);
            Number::estimate(value, error).named(&crate::base::Hash::of(format!("{name} {i}").as_bytes()))
        };
        (0..n).map(|i| one(i, r)).collect()
    })
}

/// Returns the mean over runs.
fn over_runs(values: &[Number]) -> Number {
    let values: Vec<Value> = values.iter().cloned().map(Value::Number).collect();
    over(call("mean"), "x", &[("run", values.len())], values).reducing(&["run"]).number()
}

/// Returns the difference of the means of two measures.
fn after([a, b]: &[Vec<Number>; 2]) -> Number {
    let (a, b) = (handed(over_runs(a), "mean of a"), handed(over_runs(b), "mean of b"));
    call("subtract").one("a", a).one("b", b).number()
}

/// Returns accuracies of `runs` networks on the same examples, as numbers that know them, and of others on these; correlated at 0.8 in what is hard.
fn accuracies(runs: usize, n: usize, spread: f64, r: &mut R) -> [Vec<Number>; 2] {
    let (hard, better) = (zs(n, r), zs(runs, r));
    ["a", "b"].map(|name| {
        let one = |i: usize, r: &mut R| {
            let right = hard.iter().map(|h| (h + 0.7 * z(r) + spread * better[i] > -0.8) as u8 as f64).collect();
            let Value::Number(n) = of_examples("mean", right, &format!("{name} {i}")) else { panic!("a number") };
            n
        };
        (0..runs).map(|i| one(i, r)).collect()
    })
}

/// Returns what an operation along an axis of three makes of estimates of 0, 0.4 and 0.6.
fn chosen(op: &str, slots: &[&str], r: &mut R) -> Number {
    let mut call = call(op);
    for slot in slots {
        let values = [0.0, 0.4, 0.6].iter().map(|v| est(v + 0.3 * z(r), 0.3)).collect();
        call = over(call, slot, &[("width", 3)], values);
    }
    call.set("along", Static::List(vec![Static::Word("width".to_string())])).number()
}

/// Returns labels of three classes and predictions, nine of ten right in the first, fewer in the others.
fn predictions(n: usize, r: &mut R) -> (Vec<f64>, Vec<u32>) {
    let labels: Vec<u32> = (0..n).map(|_| [0, 0, 0, 1, 1, 2][r.random_range(0..6usize)]).collect();
    let said = |l: &u32, r: &mut R| if r.random::<f64>() < 0.9 - 0.15 * *l as f64 { *l } else { (*l + 1) % 3 };
    (labels.iter().map(|l| said(l, r) as f64).collect(), labels)
}

/// Returns the share of examples of which it holds.
fn share_holding(outcomes: Arc<Scores>) -> Number {
    call("share").one("x", Value::Scores(outcomes)).set("of", Static::None).number()
}

/// Returns the F-score of predictions.
fn f_score(predicted: &[f64], labels: &[u32], average: &str) -> Number {
    let ids: Vec<u32> = (0..labels.len() as u32).collect();
    call("f_score_of").one("x", scores(&ids, predicted, labels)).set("average", Static::Word(average.to_string())).number()
}

pub fn lines() -> Vec<Line> {
    let larger = "the larger of two errors is taken, of which one is exact";
    vec![
        line("subtract", "means over the same runs of estimates, effects of runs and errors", "10", 0.0, |r| {
            after(&measured(10, 1.0, 0.5, 0.5, r))
        })
        .but(0.9, 1.12, 0.92, FEW),
        line("subtract", "means over the same runs of estimates, effects of runs and errors", "20", 0.0, |r| {
            after(&measured(20, 1.0, 0.5, 0.5, r))
        }),
        line("subtract", "means over the same runs of estimates, errors and effects that cancel", "20", 0.0, |r| {
            after(&measured(20, 1.0, 0.0, 0.5, r))
        })
        .but(0.95, 1.15, 0.94, larger),
        line("divide", "means over the same runs of estimates, effects of runs and errors", "20", 1.0, |r| {
            let [a, b] = measured(20, 1.0, 0.5, 0.5, r);
            let up =
                |all: &[Number]| over_runs(&all.iter().map(|n| Number { value: n.value + 8.0, ..n.clone() }).collect::<Vec<_>>());
            call("divide").one("a", handed(up(&a), "mean of a")).one("b", handed(up(&b), "mean of b")).number()
        })
        .but(0.9, 1.12, 0.92, "the quotient of two normal numbers, to first order"),
        line("subtract", "means over the same runs of accuracies on the same examples", "10 x 300", 0.0, |r| {
            after(&accuracies(10, 300, 0.3, r))
        })
        .but(0.9, 1.15, 0.92, FEW),
        line("subtract", "means over the same runs of accuracies on the same examples", "4 x 300", 0.0, |r| {
            after(&accuracies(4, 300, 0.1, r))
        })
        .but(0.9, 1.3, 0.92, "four runs: a variance of runs below 0 counts as 0"),
        line("at_best", "estimates of three numbers, by others of the same", "3", f64::NAN, |r| {
            chosen("at_best", &["x", "by"], r)
        })
        .but(0.9, 1.5, 0.9, "which is the best is told by estimates, that may lie together by chance"),
        line("f_score_of", "three classes, weighted", "300", f64::NAN, |r| {
            let (said, labels) = predictions(300, r);
            f_score(&said, &labels, "weighted")
        }),
        line("f_score_of", "three classes, macro", "300", f64::NAN, |r| {
            let (said, labels) = predictions(300, r);
            f_score(&said, &labels, "macro")
        }),
        line("subtract", "F-scores of two classifiers on the same examples", "300", 0.0, |r| {
            let (said, labels) = predictions(300, r);
            // The other is as good: it errs at a third of the examples anew.
            let anew = |i: usize, r: &mut R| if r.random::<f64>() < 0.33 { [0.9, 0.75, 0.6][labels[i] as usize] } else { 2.0 };
            let other: Vec<f64> = (0..300)
                .map(|i| match anew(i, r) {
                    p if p > 1.0 => said[i],
                    p if r.random::<f64>() < p => labels[i] as f64,
                    _ => ((labels[i] + 1) % 3) as f64,
                })
                .collect();
            let of = |x: &[f64], name: &str| handed(f_score(x, &labels, "weighted"), name);
            call("subtract").one("a", of(&said, "a")).one("b", of(&other, "b")).number()
        }),
        line("calibration (ece)", "confidence 0.15 above what is right", "400", 0.15, |r| {
            let sure: Vec<f64> = (0..400).map(|_| 0.65 + 0.35 * r.random::<f64>()).collect();
            let right = sure.iter().map(|c| (r.random::<f64>() < c - 0.15) as u8 as f64).collect();
            let bins = |c: Call| c.set("bins", Static::Number(5.0)).set("equal", Static::Word("mass".to_string()));
            bins(call("calibration").one("confidence", examples(sure)).one("correct", examples(right))).member("ece")
        }),
        line("subtract", "gaps of calibration of two networks on the same examples", "400", 0.0, |r| {
            let (x, y) = answers(400, r);
            let of = |right: Vec<f64>, name: &str| {
                let call = call("calibration").one("confidence", examples(vec![0.97; 400])).one("correct", examples(right));
                handed(call.set("bins", Static::Number(1.0)).set("equal", Static::Word("mass".to_string())).member("ece"), name)
            };
            call("subtract").one("a", of(x, "x")).one("b", of(y, "y")).number()
        }),
        line("share", "examples that all runs get right", "8 x 400", f64::NAN, |r| {
            let right = above(crossed(8, 400, [0.3, 1.0, 0.4], r), -0.5);
            let cells = right.into_iter().map(examples).collect();
            let all = over(call("all"), "x", &[("run", 8)], cells).reducing(&["run"]).scores();
            share_holding(all)
        })
        .but(
            0.9,
            1.3,
            0.885,
            "the run that is worst decides most: in a simulation the jackknife over runs, with the binomial variance of examples, covers 91.5 % at a \
             ratio of 1.03",
        ),
        line("subtract", "shares of examples that all runs get right, two measures", "8 x 400", 0.0, |r| {
            let (run, hard) = (zs(8, r), zs(400, r));
            let side = |name: &str, r: &mut R| {
                let cell = |a: &f64, r: &mut R| hard.iter().map(|h| (0.3 * a + h + 0.4 * z(r) > -0.5) as u8 as f64).collect();
                let cells: Vec<Value> = run.iter().map(|a| examples(cell(a, r))).collect();
                let all = over(call("all"), "x", &[("run", 8)], cells).reducing(&["run"]).scores();
                handed(share_holding(all), name)
            };
            let (a, b) = (side("a", r), side("b", r));
            call("subtract").one("a", a).one("b", b).number()
        })
        .but(0.9, 1.8, 0.93, "the jackknife over runs is too large rather than too small (Efron & Stein 1981)"),
        line("subtract", "means over pairs of the same units and two stages, effects correlated at 0.8", "20 units", 0.0, |r| {
            let (a, b) = same::alike(20, r);
            let side = |a: &[f64], r: &mut R| {
                let e = zs(800, r);
                let at = |s: usize, i: usize, j: usize| n(a[i] + a[j] + s as f64 + e[s * 400 + i.max(j) * 20 + i.min(j)]);
                let values = (0..2).flat_map(|s| paired(20, |i, j| at(s, i, j))).collect();
                over(call("mean"), "x", &[("stage", 2), ("run", 20), ("run_other", 20)], values).reducing(&[]).number()
            };
            let (x, y) = (side(&a, r), side(&b, r));
            call("subtract").one("a", handed(x, "x")).one("b", handed(y, "y")).number()
        }),
        line("bootstrap (difference)", "two bootstraps over the same runs", "25", 0.0, |r| {
            let effect = zs(25, r);
            let side = |name: &str, r: &mut R| {
                let values: Vec<f64> = effect.iter().map(|a| a + 0.4 * z(r)).collect();
                let call = runs("bootstrap", &values).set("draws", Static::Number(400.0)).set("level", Static::Number(0.95));
                handed(call.member("mean"), name)
            };
            let (a, b) = (side("a", r), side("b", r));
            call("subtract").one("a", a).one("b", b).number()
        }),
        line("mean", "examples less the mean of another measure in their class", "198", 0.0, |r| {
            let labels: Vec<u32> = (0..198).map(|i| i % 3).collect();
            let ids: Vec<u32> = (0..198).collect();
            let of = |v: &[f64]| scores(&ids, v, &labels);
            let (x, y) = same::alike(198, r);
            let by_class = |k: usize| {
                let of_class = call("mean").one("x", of(&x)).by("class", "class", ["a", "b", "c"][k], k).number();
                handed(of_class, &k.to_string())
            };
            let means = (0..3).map(by_class).collect();
            let own = call("own_class").over("x", &[("class", "class", &["a", "b", "c"])], means).one("of", of(&y)).scores();
            let less = call("subtract").one("a", of(&y)).one("b", Value::Scores(own)).scores();
            call("mean").one("x", Value::Scores(less)).number()
        }),
    ]
}
