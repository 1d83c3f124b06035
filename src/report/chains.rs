//! Pictures of chains that did not settle: traces of a few scalars, and the ranks of each chain's draws among all (Vehtari, Gelman, Simpson,
//! Carpenter and Burkner, 2021): where chains tell of one distribution, every chain has all ranks equally often.

use super::figure::{Axis, Color, Key, Legend, Mark, Panel, Plot, Scale, Sign, color};
use crate::engine::value::Pack;

/// Scalars shown: column of the trace, name.
const SHOWN: [(usize, &str); 3] = [(1, "components"), (2, "log posterior (nats)"), (0, "alpha")];

/// Most points of a chain's line; longer traces show every n-th pass.
const POINTS: usize = 300;

/// Most chains that are drawn.
const CHAINS: usize = 12;

/// Bins of the ranks.
const BINS: usize = 20;

/// Returns the picture of a density's chains as SVG; `None` if the pack has no trace.
pub fn picture(pack: &Pack) -> Option<String> {
    let array = pack.array("trace")?;
    let (&chains, &passes) = (array.shape.first()?, array.shape.get(1)?);
    let width = *array.shape.get(2)?;
    let trace = pack.f64s("trace");
    let burn_in = pack.meta["settings"]["burn_in"].as_u64().unwrap_or(0) as usize;
    if chains == 0 || passes < 2 || trace.len() != chains * passes * width || burn_in >= passes {
        return None;
    }
    let series = |scalar: usize, c: usize| (0..passes).map(move |t| trace[(c * passes + t) * width + scalar]);
    let shown = chains.min(CHAINS);
    let inks = color::series(shown.max(3), false);
    let mut traces = Vec::new();
    let mut ranks = Vec::new();
    let pass = if burn_in > 0 { "pass (grey: burn-in)" } else { "pass" };
    for (scalar, name) in SHOWN {
        let all: Vec<Vec<f64>> = (0..chains).map(|c| series(scalar, c).collect()).collect();
        let step = passes.div_ceil(POINTS);
        let line = |c: usize| Mark::Line {
            at: (0..passes).step_by(step).map(|t| (t as f64, all[c][t])).collect(),
            color: inks[c],
            width: 1.0,
            dash: "",
            opacity: 0.85,
        };
        let values: Vec<f64> = all.iter().take(shown).flatten().copied().collect();
        let (x, y) = (Axis::new(pass, Scale::over([0.0, passes as f64])), Axis::new("", Scale::within(values, 0.0, 1.0)));
        traces.push(Panel {
            heading: name.to_string(),
            shades: if burn_in > 0 { vec![(0.0, burn_in as f64, color::GREY, String::new())] } else { Vec::new() },
            ..Panel::new(x, y, (0..shown).map(line).collect())
        });
        let kept: Vec<&[f64]> = all.iter().map(|c| &c[burn_in..]).collect();
        ranks.push(rank_panel(&counts(&kept), shown, &inks, (passes - burn_in) as f64 / BINS as f64));
    }
    let key = |c: usize| Key { text: format!("{c}"), color: inks[c], sign: Sign::Patch };
    let legend = Legend { title: "chain".into(), entries: (0..shown).map(key).collect() };
    let plot = Plot { title: String::new(), rows: vec![traces, ranks], size: (215.0, 110.0), legends: vec![legend], bar: None };
    Some(plot.svg())
}

/// Returns how many of each chain's draws fall into each of [`BINS`] equal ranges of the ranks among all; ties share their ranks.
fn counts(chains: &[&[f64]]) -> Vec<Vec<f64>> {
    let mut sorted: Vec<f64> = chains.concat();
    sorted.sort_by(f64::total_cmp);
    let total = sorted.len() as f64;
    let mut out = vec![vec![0.0; BINS]; chains.len()];
    for (own, chain) in out.iter_mut().zip(chains) {
        for x in *chain {
            // A tie is spread evenly over the ranks that it has.
            let (low, high) = (sorted.partition_point(|v| v < x) as f64, sorted.partition_point(|v| v <= x) as f64);
            let (from, to) = (low / total * BINS as f64, high / total * BINS as f64);
            for (b, count) in own.iter_mut().enumerate().take((to.ceil() as usize).min(BINS)).skip(from as usize) {
                let part = (to.min(b as f64 + 1.0) - from.max(b as f64)).max(0.0);
                *count += part / (to - from);
            }
        }
    }
    out
}

fn rank_panel(counts: &[Vec<f64>], shown: usize, inks: &[Color], even: f64) -> Panel {
    // Steps: each bin from its left to its right edge.
    let line = |c: usize| Mark::Line {
        at: counts[c].iter().enumerate().flat_map(|(b, n)| [(b as f64, *n), (b as f64 + 1.0, *n)]).collect(),
        color: inks[c],
        width: 1.3,
        dash: "",
        opacity: 0.85,
    };
    let mut marks = vec![Mark::Rule { y: even, color: color::GREY, dash: "4 3" }];
    marks.extend((0..shown).map(line));
    let tops = counts.iter().take(shown).flatten().copied().chain([even]);
    let mut x = Axis::new("rank among all draws", Scale::Linear { low: 0.0, high: BINS as f64 }).bare();
    x.ticks = Some(vec![(0.0, "low".into()), (BINS as f64, "high".into())]);
    Panel::new(x, Axis::new("draws", Scale::from_zero(tops, false)), marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_of_equal_chains_are_even_and_of_chains_apart_are_not() {
        let a: Vec<f64> = (0..400).map(|i| f64::from(i * 7 % 400)).collect();
        let b: Vec<f64> = (0..400).map(|i| f64::from(i * 11 % 400)).collect();
        let even = counts(&[&a, &b]);
        assert!(even.iter().flatten().all(|n| (n - 20.0).abs() < 1e-9), "{even:?}");
        let far: Vec<f64> = a.iter().map(|x| x + 1000.0).collect();
        let apart = counts(&[&a, &far]);
        assert!(apart[0][..10].iter().all(|n| (n - 40.0).abs() < 1e-9) && apart[0][10..].iter().all(|n| *n == 0.0), "{apart:?}");
        // Chains that stand still at one value have all ranks.
        let still = counts(&[&[3.0; 40], &[3.0; 40]]);
        assert!(still.iter().flatten().all(|n| (n - 2.0).abs() < 1e-9), "{still:?}");
    }
}
