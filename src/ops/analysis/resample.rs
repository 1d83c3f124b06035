//! Tests and intervals from resampling: permutation tests of a difference, bootstrap intervals of a mean.

use super::correlate::Matched;
use super::gather::{Gathered, gather};
use super::pairs::Pairing;
use super::redraw::Shared;
use super::reduce::{keep_classes, needs_examples};
use super::refuse;
use super::sample::{Sample, Statistic};
use super::settings::{BootstrapSettings, PermutationSettings};
use crate::base::Stream;
use crate::base::statistics::{deviation, mean, quantile_of_sorted, share_error, sum};
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::parts::{Parts, Shares};
use crate::engine::value::{Number, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// `permutation_test`.
struct PermutationTest;

/// `bootstrap`.
struct Bootstrap;

/// Draws between two looks at whether the run is being stopped: so many at most, and of so many numbers together.
const BLOCK: usize = 256;
const NUMBERS: usize = 1 << 26;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("permutation_test", Box::new(PermutationTest)), ("bootstrap", Box::new(Bootstrap))]
}

/// Returns facts, or what is wrong with the number of draws.
fn drawing(draws: f64, inputs: &[KnownInput]) -> Result<Facts, Problem> {
    if !(1.0..=1e8).contains(&draws) {
        return Err(Problem {
            code: "cfx::analysis::setting",
            parameter: Some("draws"),
            message: format!("the number of draws is between 1 and 100M, not {draws}"),
            help: None,
        });
    }
    Ok(keep_classes(inputs))
}

/// Returns the cost of `draws` passes over the inputs.
fn drawing_cost(draws: f64, inputs: &[KnownInput]) -> Cost {
    let numbers: usize = inputs.iter().flat_map(|(_, f)| f.iter()).map(|f| f.rows.unwrap_or(1)).sum();
    Cost { seconds: 1e-6 + draws * (1e-6 + 4e-9 * numbers as f64), memory: 64.0 * numbers as f64 + 16.0 * draws, disk: 300.0 }
}

/// Returns one number a draw of so many values, each from its own stream, in the order of the draws.
fn draw(
    draws: usize,
    values: usize,
    stream: Stream,
    cx: &dyn Context,
    one: impl Fn(Stream) -> f64 + Sync,
) -> Result<Vec<f64>, Failure> {
    let mut out = Vec::with_capacity(draws);
    let together = (NUMBERS / values.max(1)).clamp(1, BLOCK);
    for start in (0..draws).step_by(together) {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        let block = start..(start + together).min(draws);
        out.extend(block.into_par_iter().map(|i| one(stream.numbered(i as u64))).collect::<Vec<f64>>());
        cx.progress(out.len() as u64, draws as u64, &[]);
    }
    Ok(out)
}

impl Planned for PermutationTest {
    /// 3: the difference's error is that of means, with effects of other axes. 4: with errors that numbers share. 5: it remembers what it comes from. 6: so that
    /// differences of such are paired. 7: it remembers whose examples they are.
    fn version(&self) -> u32 {
        7
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        drawing(PermutationSettings::read(settings).draws, inputs)
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::kept_examples("permutation_test", PermutationSettings::read(settings).over, shapes)?;
        refuse::unlabelled(settings, shapes)?;
        unshared(shapes)?;
        uncrossed(shapes)?;
        match shapes.iter().any(|s| Pairing::of(s.axes).is_some()) {
            true => Err(Problem {
                code: "cfx::analysis::pairs",
                parameter: None,
                message: "values over pairs share members, so they cannot be permuted one by one".to_string(),
                help: Some("compare means, whose errors take the members into account: `mean(x) < mean(y)`".to_string()),
            }),
            false => Ok(()),
        }
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        drawing_cost(PermutationSettings::read(settings).draws, inputs)
    }
}

/// Refuses numbers over several axes at once, whose cells share coordinates: they cannot be dealt anew one by one.
fn uncrossed(shapes: &[Shape]) -> Result<(), Problem> {
    let several = |s: &&Shape| !s.kind.per_example() && Pairing::of(s.axes).is_none();
    for shape in shapes.iter().filter(several) {
        let own = |a: &&LabelledAxis| a.coordinates.len() > 1 && a.within.is_empty();
        let nested_in = |a: &LabelledAxis| shape.axes.iter().any(|b| b.within.contains(&a.name));
        if let [a, b, ..] = shape.axes.iter().filter(own).filter(|a| !nested_in(a)).collect::<Vec<_>>().as_slice() {
            let (x, y) = (&a.name, &b.name);
            return Err(Problem {
                code: "cfx::analysis::axis",
                parameter: Some("over"),
                message: format!("values at one `{x}` or one `{y}` belong together, so they cannot be permuted one by one"),
                help: Some(format!(
                    "reduce one axis first, as in `mean(x, over: {y})`, and test over the other; or compare means, whose \
                     errors take both into account"
                )),
            });
        }
    }
    Ok(())
}

/// Refuses values that share units of pairs whose other side was taken in before: nothing tells what to draw anew.
fn unshared(shapes: &[Shape]) -> Result<(), Problem> {
    match refuse::shared_units("mean", shapes) {
        Some(doubt) => Err(Problem {
            message: doubt.message.replace("this `mean` has no standard error", "they cannot be resampled one by one"),
            ..doubt
        }),
        None => Ok(()),
    }
}

/// Returns the numbers of an input that were drawn one by one, ascending: the order of examples and coordinates decides no draw. Scores over
/// other axes are averaged for each example first, so that examples are the units; where examples were chosen anew at each place of outer
/// axes (bins of each run), these places are. Inner axes are averaged first, as in `mean`.
fn units(gathered: &Gathered, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    if gathered.cells.is_empty() {
        return Err(gathered.nothing());
    }
    let mut values: Vec<f64> = if gathered.chosen_anew() {
        let groups = gathered.groups(&gathered.outer);
        let means: Result<Vec<_>, Failure> = groups.iter().map(|g| Ok(g.reduced(Statistic::Mean)?.0)).collect();
        means?.into_iter().flatten().map(|n| n.value).collect()
    } else {
        let gathered = gathered.inner_first(&|s| s.as_unit(Statistic::Mean))?;
        match gathered.per_example() && gathered.cells.len() > 1 {
            true => gathered.each(cx, |s| mean(&s.values))?.values,
            false => gathered.pooled()?.values,
        }
    };
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    Ok(values)
}

impl Kernel for PermutationTest {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let settings = PermutationSettings::read(&job.settings);
        let draws = settings.draws as usize;
        let stream = job.stream.named("permutation");
        let (difference, (spread, parts), count, drawn) = if settings.paired {
            let matched = Matched::of(job)?;
            needs_examples(job, settings.over, matched.per_example())?;
            let differences = matched.each(cx, |a, b| a - b)?;
            let d: Vec<f64> = if differences.cells.is_empty() { Vec::new() } else { units(&differences, cx)? };
            enough(d.len(), "pairs")?;
            summable(d.iter().copied())?;
            let drawn = draw(draws, d.len(), stream, cx, |s| signed_mean(&d, s))?;
            (mean(&d), error(&differences)?, d.len(), drawn)
        } else {
            let (x, y) = (gather(job, "x")?, gather(job, "y")?);
            needs_examples(job, settings.over, x.per_example() || y.per_example())?;
            // The two samples are drawn apart.
            let both = match (error(&x)?, error(&y)?) {
                ((None, _), (None, _)) => (None, Parts::default()),
                ((x, of_x), (y, of_y)) => {
                    let error = Some(x.unwrap_or(0.0).hypot(y.unwrap_or(0.0))).filter(|e| e.is_finite());
                    let mut shares = Shares::default();
                    shares.add_parts(&of_x, 1.0);
                    shares.add_parts(&of_y, -1.0);
                    let told = [(x, &of_x), (y, &of_y)].iter().all(|(e, parts)| e.is_none() || parts.shares().is_some());
                    (error, if told { shares.finish().1.of_size(error.unwrap_or(0.0)) } else { Parts::default() })
                }
            };
            let (x, y) = (units(&x, cx)?, units(&y, cx)?);
            enough(x.len(), "values of x")?;
            enough(y.len(), "values of y")?;
            let all: Vec<f64> = x.iter().chain(&y).copied().collect();
            summable(all.iter().copied())?;
            let drawn = draw(draws, all.len(), stream, cx, |s| shuffled_difference(&all, x.len(), s))?;
            (mean(&x) - mean(&y), both, all.len(), drawn)
        };
        // Sums taken in another order differ in the last bits: equal in exact arithmetic counts as equal.
        let slack = 1e-12 * difference.abs().max(f64::MIN_POSITIVE);
        let extreme = drawn.iter().filter(|d| d.abs() >= difference.abs() - slack).count() as f64;
        let p = (1.0 + extreme) / (1.0 + draws as f64);
        Ok(Value::Record(vec![
            ("difference".to_string(), Value::Number(Number { parts, ..Number::new(difference, spread, Some(count as u64)) })),
            ("p_value".to_string(), Value::Number(Number::estimate(p, share_error(p, draws as f64)))),
        ]))
    }
}

/// Refuses numbers so large that sums of many of them may be none.
fn summable(values: impl Iterator<Item = f64>) -> Result<(), Failure> {
    match values.into_iter().any(|v| v.abs() > 1e290) {
        true => Err(Failure::overflows("a sum of the values drawn anew")),
        false => Ok(()),
    }
}

/// Returns the standard error of the mean of what was gathered, and what it is made of.
fn error(gathered: &Gathered) -> Result<(Option<f64>, Parts), Failure> {
    Ok(gathered.reduced(Statistic::Mean)?.0.map_or((None, Parts::default()), |n| (n.error, n.parts)))
}

/// Returns the mean with each sign drawn anew.
fn signed_mean(d: &[f64], stream: Stream) -> f64 {
    let mut rng = stream.rng();
    let signed = d.iter().map(|v| if rng.random::<bool>() { *v } else { -*v });
    sum(signed) / d.len() as f64
}

/// Returns the difference of means after the numbers were dealt anew, `first` of them to the first side.
fn shuffled_difference(all: &[f64], first: usize, stream: Stream) -> f64 {
    let mut rng = stream.rng();
    let mut dealt = all.to_vec();
    for i in 0..first {
        let j = rng.random_range(i as u64..all.len() as u64) as usize;
        dealt.swap(i, j);
    }
    mean(&dealt[..first]) - mean(&dealt[first..])
}

/// Returns an absence where there are fewer than two.
fn enough(n: usize, what: &str) -> Result<(), Failure> {
    if n < 2 { Err(Failure::Absent(format!("two {what} are needed, {n} present"))) } else { Ok(()) }
}

impl Planned for Bootstrap {
    /// 3: examples and other axes are drawn both, units of pairs and their examples too. 4: each of several axes is drawn. 5: the error remembers what it comes from.
    /// 6: so that differences of such are paired. 7: it remembers whose examples they are.
    fn version(&self) -> u32 {
        7
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::kept_examples("bootstrap", BootstrapSettings::read(settings).over, shapes)?;
        refuse::unlabelled(settings, shapes)?;
        unshared(shapes)
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let BootstrapSettings { level, draws, .. } = BootstrapSettings::read(settings);
        if !(level > 0.0 && level < 1.0) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("level"),
                message: format!("the level of an interval is between 0 and 1, not {level}"),
                help: Some("write it as `level: 95%`".to_string()),
            });
        }
        drawing(draws, inputs)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        drawing_cost(BootstrapSettings::read(settings).draws, inputs)
    }
}

impl Kernel for Bootstrap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let settings = BootstrapSettings::read(&job.settings);
        let gathered = gather(job, "x")?;
        needs_examples(job, settings.over, gathered.per_example())?;
        let (draws, stream) = (settings.draws as usize, job.stream.named("bootstrap"));
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        let (middle, n, mut means): (f64, usize, Vec<f64>) = if let Some(shared) = Shared::of(&gathered)? {
            let (middle, n) = shared.mean();
            enough(n, "values")?;
            summable(shared.values())?;
            // Units of which none is paired with another say nothing.
            let means = draw(draws, shared.len(), stream, cx, |s| shared.drawn(s))?.into_iter().filter(|m| !m.is_nan()).collect();
            (middle, n, means)
        } else {
            let values = Sample::of(&units(&gathered, cx)?).values;
            enough(values.len(), "values")?;
            let n = values.len();
            summable(values.iter().copied())?;
            let means = draw(draws, n, stream, cx, |s| {
                let mut rng = s.rng();
                sum((0..n).map(|_| values[rng.random_range(0..n as u64) as usize])) / n as f64
            })?;
            (mean(&values), n, means)
        };
        if means.is_empty() {
            return Err(Failure::Absent("no draw had a value".to_string()));
        }
        // What all values err by together is no different in another draw of them: it is drawn beside them.
        let shared = if gathered.per_example() { 0.0 } else { gathered.pooled()?.shared_error() };
        if shared > 0.0 {
            let stream = job.stream.named("shared");
            means.iter_mut().zip(0..).for_each(|(m, k)| {
                let z: f64 = StandardNormal.sample(&mut stream.numbered(k).rng());
                *m += shared * z;
            });
        }
        let error = (means.len() > 1).then(|| deviation(&means));
        // The draws are of what the mean itself is over.
        let parts = error.map_or_else(|| Ok(Parts::default()), |e| Ok(self::error(&gathered)?.1.of_size(e)))?;
        means.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - settings.level) / 2.0;
        let count = Some(n as u64);
        let bound = |q| Value::Number(Number::new(quantile_of_sorted(&means, q), None, count));
        Ok(Value::Record(vec![
            ("mean".to_string(), Value::Number(Number { parts, ..Number::new(middle, error, count) })),
            ("low".to_string(), bound(tail)),
            ("high".to_string(), bound(1.0 - tail)),
        ]))
    }
}
