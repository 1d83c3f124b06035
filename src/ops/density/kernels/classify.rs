//! `generative_classification`: how well class densities classify examples they were not fitted to.

use super::super::alpha::AlphaPrior;
use super::super::between::{Jackknife, jackknife, logs_of};
use super::super::diagnostics::Verdict;
use super::super::fit::{Rows, fit, units_of};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::{Fit, Prior, Sampler, refused, whole, wrong};
use super::super::setup::Until;
use super::super::stacking::Pooling;
use super::super::units::{Units, are};
use super::fit::{components, fit_cost};
use super::score::fold_of;
use super::{all_rows, nothing_to_weigh, scoring};
use crate::base::f_score::f_score as f_score_of;
use crate::base::statistics::share_error;
use crate::engine::parts::Parts;
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, known};
use crate::plan::files::Files;
use crate::settings;
use rayon::prelude::*;
use std::sync::Arc;

/// The kernel.
pub struct GenerativeClassification;

settings! {
    struct ClassifySettings("generative_classification") {
        prior: Option<Prior>,
        alpha: AlphaPrior,
        sampler: Option<Sampler>,
        at_least: f64,
        published: bool,
        folds: f64,
        chains: f64,
        pooling: Pooling,
    }
}

/// What is fitted, and to which parts.
struct Plan {
    fit: Fit,
    folds: usize,
    /// Rows that a class must keep whatever fold is left out.
    least: usize,
    pooling: Pooling,
}

impl Plan {
    fn of(s: &ClassifySettings) -> Result<Plan, Problem> {
        let mut fit = Fit::new(s.prior.as_ref(), &s.alpha, s.sampler.as_ref(), s.published)?;
        let chains = whole("chains", s.chains, 0..=1000, "`chains: 0` takes the sampler's number")?;
        if chains > 0 {
            fit.setup.chains = chains;
        }
        if fit.setup.chains == 1 {
            // One chain is never seen to settle.
            fit.setup.until = Until::default();
        }
        let folds = whole("folds", s.folds, 2..=1_000_000, "each fold is classified by fits to the others")?;
        let least = whole("at_least", s.at_least, 1..=1_000_000_000, "")?.max(2);
        Ok(Plan { fit, folds, least, pooling: s.pooling })
    }

    /// Returns whether a class of n rows keeps enough of them outside each fold.
    fn enough(&self, n: usize) -> bool {
        n >= self.folds && n - n.div_ceil(self.folds) >= self.least
    }
}

impl Planned for GenerativeClassification {
    /// 11: errors remember the examples. 12: what of them examples have in common is that of `f_score`. 13: budgets that end sooner; it remembers whose examples they are.
    fn version(&self) -> u32 {
        13
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::of(&ClassifySettings::read(settings))?;
        let x = known(inputs, "x").cloned().unwrap_or_default();
        if x.labelled == Some(false) {
            return Err(wrong("x", UNLABELLED, "give its reader `labels:`"));
        }
        if let Some(rows) = x.rows.filter(|n| *n < plan.folds) {
            return Err(wrong("folds", format!("{rows} rows cannot be dealt into {} folds", plan.folds), ""));
        }
        if let Some(sizes) = x.class_sizes.as_ref().filter(|s| s.iter().filter(|n| plan.enough(**n)).count() < 2) {
            let most = sizes.iter().max().copied().unwrap_or(0);
            let message = format!(
                "fewer than two classes keep {} rows outside each of {} folds; the largest has {most}",
                plan.least, plan.folds
            );
            return Err(wrong("folds", message, "ask for other folds, lower `at_least`, or give more rows"));
        }
        if let Some(d) = x.dim {
            plan.fit.fits(d)?;
        }
        Ok(Facts { classes: x.classes, ..Facts::default() })
    }

    fn doubts(&self, settings: &Settings, _shapes: &[Shape]) -> Option<Problem> {
        let plan = Plan::of(&ClassifySettings::read(settings)).ok()?;
        (plan.pooling == Pooling::Stacked && plan.fit.setup.chains == 1).then(nothing_to_weigh)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::of(&ClassifySettings::read(settings)) else { return Cost::default() };
        let x = known(inputs, "x");
        let n = x.and_then(Facts::most_rows).unwrap_or(1000) as f64;
        let d = x.and_then(|f| f.dim).unwrap_or(16) as f64;
        let classes = x.and_then(|f| f.classes.as_ref()).map_or(10, Vec::len) as f64;
        let folds = plan.folds as f64;
        let one = fit_cost(&plan.fit, n / classes * (1.0 - 1.0 / folds), d);
        let seconds = one.seconds * classes * folds + scoring(n, d, classes * components(&plan.fit));
        Cost { seconds, memory: one.memory * 4.0 + n * classes * 8.0 * (1.0 + plan.fit.setup.chains as f64), disk: 200.0 }
    }

    fn at_most(&self, settings: &Settings, _inputs: &[KnownInput]) -> bool {
        Plan::of(&ClassifySettings::read(settings)).is_ok_and(|p| p.fit.setup.longer().is_some())
    }
}

const UNLABELLED: &str = "the representation has no labels to classify by";

/// Returns what is wrong where the parts of a fold's classes vary in different units, whose densities do not compare.
fn same_units(parts: &[(usize, Units)], rows: &Rows) -> Result<(), Failure> {
    for (c, units) in parts {
        let Some((_, other)) = parts.iter().find(|(_, o)| o.kept != units.kept) else { continue };
        let lost: Vec<usize> = units.constant.iter().map(|(j, _)| *j).filter(|j| other.kept.contains(j)).collect();
        if !lost.is_empty() {
            let class = rows.classes.get(*c).cloned().unwrap_or_else(|| c.to_string());
            return Err(Failure::Absent(format!(
                "{} constant in rows of class {class} and not in others', so class densities are over different units and do not compare; take fewer units first (`svd`)",
                are(&lost)
            )));
        }
    }
    let Some((_, first)) = parts.first() else { return Ok(()) };
    match parts.iter().map(|(_, units)| units.elsewhere(first)).find(|lost| !lost.is_empty()) {
        Some(lost) => Err(Failure::Absent(format!(
            "{} constant in every class, at different values: class densities leave them out, although they tell classes apart",
            are(&lost)
        ))),
        None => Ok(()),
    }
}

impl Kernel for GenerativeClassification {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let plan = Plan::of(&ClassifySettings::read(&job.settings)).map_err(refused)?;
        let (settings, folds) = (&plan.fit, plan.folds);
        let x = job.stages("x")?;
        if x.labels.is_empty() {
            return Err(Failure::new(UNLABELLED));
        }
        let rows = all_rows(x);
        rows.check()?;
        // Folds are dealt out within classes. A class must keep `at_least` rows (two at least) whatever fold is left out.
        let count = rows.labels.iter().max().map_or(0, |m| *m as usize + 1);
        let mut members = vec![Vec::new(); count];
        rows.labels.iter().enumerate().for_each(|(i, c)| members[*c as usize].push(i));
        let classes: Vec<usize> = (0..count).filter(|c| plan.enough(members[*c].len())).collect();
        if classes.len() < 2 {
            return Err(Failure::Absent(format!("fewer than two classes with {} rows outside each fold", plan.least)));
        }
        let mut fold = vec![usize::MAX; rows.n()];
        for c in &classes {
            let dealt = fold_of(members[*c].len(), folds, &job.stream.named("class").numbered(*c as u64));
            members[*c].iter().zip(dealt).for_each(|(i, f)| fold[*i] = f);
        }
        let train = |f: usize, c: usize| {
            let which: Vec<usize> = members[c].iter().copied().filter(|i| fold[*i] != f).collect();
            rows.select(&which)
        };
        for f in 0..folds {
            let parts: Vec<(usize, Units)> = classes.iter().map(|c| (*c, units_of(&train(f, *c), settings))).collect();
            same_units(&parts, &rows)?;
        }
        let total = (classes.len() * folds) as u64;
        let done = std::sync::atomic::AtomicU64::new(0);
        let cells: Vec<(usize, usize)> = (0..folds).flat_map(|f| classes.iter().map(move |c| (f, *c))).collect();
        let scored: Result<Vec<Scored>, Failure> = cells
            .par_iter()
            .map(|(f, c)| {
                let train = train(*f, *c);
                let stream = job.stream.named("fit").numbered(*f as u64).numbered(*c as u64);
                let share = train.n() as f64;
                let p = fit(train, settings, &stream, &Silent(cx), false)?;
                let test: Vec<usize> = (0..rows.n()).filter(|i| fold[*i] == *f).collect();
                let points = rows.select(&test);
                let scores = score(&p, plan.pooling, &p.points(&points.x, rows.d).map_err(Failure::new)?, share, cx)?;
                let so_far = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                cx.progress(so_far, total, &[]);
                let columns = scores.len() / test.len().max(1);
                Ok(Scored { test, scores, columns, verdict: Verdict::of(p.judged()).0 })
            })
            .collect();
        let scored = scored?;
        let states = if settings.setup.published { scored[0].columns } else { 1 };
        let about = cx.about().unwrap_or_default();
        Ok(figures(&scored, (&about, &classes), &rows, folds, states))
    }
}

/// Scores of a fold's examples under one class: examples x columns.
struct Scored {
    test: Vec<usize>,
    scores: Vec<f64>,
    columns: usize,
    /// Whether the chains of the fit settled.
    verdict: Verdict,
}

/// Returns `log p(x | C) + log` rows of C (the class prior up to a constant), and the same without each chain, where there are several. As
/// published: state by state, without the prior (recipes.md A, difference 8).
///
/// Errors: the run stops.
fn score(p: &Posterior, pooling: Pooling, x: &[f64], share: f64, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    let stop = || cx.interrupted();
    let predictive = Predictive::until(p, &stop).ok_or(Failure::Interrupted)?;
    if p.fit.setup.published {
        return Ok(predictive.by_state(x));
    }
    let chains = Jackknife::of(p, pooling, &stop).ok_or(Failure::Interrupted)?;
    let each = predictive.by_chain();
    let mut weights = vec![chains.all];
    weights.extend(chains.without);
    let logs = logs_of(&predictive.under_mixtures(x, &each), each.len(), &weights);
    Ok(logs.into_iter().map(|s| s + share.ln()).collect())
}

/// Returns F-score (weighted by class support), accuracy, and the shares of the fits whose chains settled and disagree. The accuracy's error is [`share_error`] and, by a jackknife over the chains of all
/// fits, how far other chains would lie. The F-score's is the deviation
/// over folds, over the root of their number (folds share training rows, so it is approximate), but no less than the error of a
/// share as large: a handful of folds that happen to agree know no better than their examples.
///
/// Errors remember the examples: the part of them that these give by what each adds to the number. Another classification of the same examples, whose chains
/// and folds are others, errs with them.
fn figures(scored: &[Scored], (about, classes): (&str, &[usize]), rows: &Rows, folds: usize, states: usize) -> Value {
    let (labels, mut ids) = (&rows.labels, Vec::new());
    let mut pairs: Vec<Vec<(u32, u32)>> = vec![Vec::new(); folds];
    let (mut by_state, mut right, mut all) = (vec![Vec::new(); states], 0.0, 0.0);
    // Columns beyond the states' leave one chain out each.
    let left_out = scored.iter().map(|s| s.columns).min().map_or(0, |c| c.saturating_sub(states));
    let mut right_without = vec![0.0; left_out];
    for (f, parts) in scored.chunks_exact(classes.len()).enumerate() {
        for (at, i) in parts[0].test.iter().enumerate() {
            ids.push(rows.ids[*i]);
            let guess = |column: usize| {
                let value = |c: usize| parts[c].scores[at * parts[c].columns + column];
                let best = (1..classes.len()).fold(0, |b, c| if value(c) > value(b) { c } else { b });
                (labels[*i], classes[best] as u32)
            };
            for (c, right) in right_without.iter_mut().enumerate() {
                let pair = guess(states + c);
                *right += f64::from(u8::from(pair.0 == pair.1));
            }
            for (s, guesses) in by_state.iter_mut().enumerate() {
                let pair = guess(s);
                right += f64::from(u8::from(pair.0 == pair.1));
                all += 1.0;
                guesses.push(pair);
                pairs[f].push(pair);
            }
        }
    }
    let f_score = by_state.iter().map(|p| weighted_f_score(p)).sum::<f64>() / states as f64;
    let each: Vec<f64> = pairs.iter().filter(|p| !p.is_empty()).map(|p| weighted_f_score(p)).collect();
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    let variance = each.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (each.len() as f64 - 1.0).max(1.0);
    let accuracy = right / all;
    let examples = all / states as f64;
    let count = Some(examples as u64);
    let without: Vec<f64> = right_without.iter().map(|r| r / examples).collect();
    let chains = jackknife(&without).sqrt();
    // What each example adds, in the mean over states; the error that examples give, and what is beside it.
    let mean_of = |of: &dyn Fn(&[(u32, u32)]) -> Vec<f64>| {
        let mut sums = vec![0.0; ids.len()];
        by_state.iter().for_each(|pairs| sums.iter_mut().zip(of(pairs)).for_each(|(sum, x)| *sum += x / states as f64));
        sums
    };
    let number = |value: f64, of_examples: f64, beside: f64, adds: &[f64]| {
        let parts = Parts::of_examples((about, &rows.classes), &ids, adds, of_examples).beside(beside);
        Value::Number(Number { parts, ..Number::new(value, Some(of_examples.hypot(beside)), count) })
    };
    let right_each = mean_of(&|pairs| pairs.iter().map(|(label, guess)| (label == guess) as u8 as f64).collect());
    let scores = |pairs: &[(u32, u32)]| {
        let (labels, guesses): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        f_score_of(&labels, &guesses, false, 1)
    };
    let adds = mean_of(&|pairs| scores(pairs).2);
    let whole = (variance / each.len() as f64).sqrt().max(share_error(f_score, examples));
    let of_examples = (by_state.iter().map(|pairs| scores(pairs).1).sum::<f64>() / states as f64).min(whole);
    let fits = scored.len();
    let of_fits = |verdict: Verdict| match scored.iter().all(|s| s.verdict == Verdict::CannotTell) {
        true => {
            Value::Absent("one chain, or chains that never moved from one start, cannot show whether they settled".to_string())
        }
        false => {
            let share = scored.iter().filter(|s| s.verdict == verdict).count() as f64 / fits as f64;
            Value::Number(Number { count: Some(fits as u64), ..Number::exact(share) })
        }
    };
    Value::Record(vec![
        ("f_score".into(), number(f_score, of_examples, (whole * whole - of_examples * of_examples).max(0.0).sqrt(), &adds)),
        ("accuracy".into(), number(accuracy, share_error(accuracy, examples), chains, &right_each)),
        ("settled".into(), of_fits(Verdict::Settled)),
        ("disagree".into(), of_fits(Verdict::Disagree)),
    ])
}

/// Returns the F-score of (label, guess) pairs, averaged over classes with weights by support.
pub fn weighted_f_score(pairs: &[(u32, u32)]) -> f64 {
    let count = pairs.iter().map(|p| p.0.max(p.1)).max().map_or(0, |m| m as usize + 1);
    let (mut support, mut guessed, mut hit) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    for (label, guess) in pairs {
        support[*label as usize] += 1.0;
        guessed[*guess as usize] += 1.0;
        hit[*label as usize] += f64::from(u8::from(label == guess));
    }
    let total: f64 = support.iter().sum();
    // One division at the end: 1 where all are right, without rounding.
    let each = (0..count).filter(|c| support[*c] > 0.0).map(|c| 2.0 * hit[c] * support[c] / (support[c] + guessed[c]));
    each.sum::<f64>() / total
}

/// Passes on interruption but no progress or checkpoints: many fits share one cell.
struct Silent<'c>(&'c dyn Context);

impl Context for Silent<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        None
    }
    fn checkpoint(&self, _bytes: &[u8]) {}
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &crate::plan::files::Files {
        self.0.files()
    }
    fn about(&self) -> Option<Arc<str>> {
        self.0.about()
    }
}
