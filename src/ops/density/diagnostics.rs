//! Whether chains agree: rank-normalised split R-hat, bulk and tail effective sample sizes (Vehtari et al., 2021), a verdict.

use super::chain::Record;
use super::setup::Setup;
use super::start::Start;
use super::units::Units;
use statrs::distribution::{ContinuousCDF, Normal};

/// Returns each chain's halves; the middle draw of an odd length is left out.
fn split(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    chains
        .iter()
        .flat_map(|c| {
            let half = c.len() / 2;
            [c[..half].to_vec(), c[c.len() - half..].to_vec()]
        })
        .collect()
}

/// Returns normal scores of the pooled ranks: `Phi^-1((r - 3/8) / (S + 1/4))`, ties at their average rank.
fn normal_scores(chains: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let all: Vec<f64> = chains.concat();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*a].total_cmp(&all[*b]));
    let mut ranks = vec![0.0; all.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from;
        while to < order.len() && all[order[to]] == all[order[from]] {
            to += 1;
        }
        let rank = 0.5 * (from + 1 + to) as f64;
        order[from..to].iter().for_each(|i| ranks[*i] = rank);
        from = to;
    }
    let normal = Normal::standard();
    let total = all.len() as f64;
    let mut scores = ranks.into_iter().map(|r| normal.inverse_cdf((r - 0.375) / (total + 0.25)));
    chains.iter().map(|c| scores.by_ref().take(c.len()).collect()).collect()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// Returns the variance with divisor n - 1: exactly 0 where all are equal.
fn variance(x: &[f64]) -> f64 {
    if x.iter().all(|v| *v == x[0]) {
        return 0.0;
    }
    let m = mean(x);
    x.iter().map(|v| (v - m).powi(2)).sum::<f64>() / (x.len() as f64 - 1.0)
}

fn plain_rhat(chains: &[Vec<f64>]) -> f64 {
    let n = chains.first().map_or(0, Vec::len) as f64;
    let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
    let within = mean(&chains.iter().map(|c| variance(c)).collect::<Vec<_>>());
    let between = n * variance(&means);
    if within == 0.0 {
        return if between > 0.0 { f64::INFINITY } else { f64::NAN };
    }
    ((between / within + n - 1.0) / n).sqrt()
}

/// Returns the median; NaN of nothing.
pub fn median(x: &[f64]) -> f64 {
    quantile(x, 0.5)
}

/// Returns the quantile by linear interpolation between order statistics (NumPy's default).
fn quantile(x: &[f64], p: f64) -> f64 {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = p * (sorted.len() as f64 - 1.0);
    let (low, part) = (at.floor() as usize, at - at.floor());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// Returns rank-normalised split R-hat: the larger of that of the draws and that of their distances from the median.
/// NaN for fewer than 4 draws a chain or draws that never vary; infinite where they vary between (halves of) chains alone.
pub fn rhat(chains: &[Vec<f64>]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    let halves = split(chains);
    let centre = median(&halves.concat());
    let folded: Vec<Vec<f64>> = halves.iter().map(|c| c.iter().map(|x| (x - centre).abs()).collect()).collect();
    let bulk = plain_rhat(&normal_scores(&halves));
    let tail = plain_rhat(&normal_scores(&folded));
    bulk.max(tail)
}

/// Returns the chains with values that differ by rounding alone (1e-9 of the largest) made equal, so that what never moved is constant.
pub fn without_rounding(mut chains: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut all: Vec<f64> = chains.concat();
    all.sort_by(f64::total_cmp);
    let near = 1e-9 * all.iter().fold(0.0f64, |a, x| a.max(x.abs()));
    // Each run of close neighbours is represented by its first.
    let mut first = all.clone();
    for i in 1..all.len() {
        if all[i] - all[i - 1] <= near {
            first[i] = first[i - 1];
        }
    }
    for x in chains.iter_mut().flatten() {
        *x = first[all.partition_point(|v| v < x).min(all.len() - 1)];
    }
    chains
}

/// Returns whether no chain varies, and all are equal.
fn still(chains: &[Vec<f64>]) -> bool {
    let first = chains.first().and_then(|c| c.first());
    chains.iter().flatten().all(|x| Some(x) == first)
}

fn usable(chains: &[Vec<f64>]) -> bool {
    let n = chains.first().map_or(0, Vec::len);
    let first = chains.first().and_then(|c| c.first());
    n >= 4
        && chains.iter().all(|c| c.len() == n && c.iter().all(|x| x.is_finite()))
        && chains.iter().flatten().any(|x| Some(x) != first)
}

/// Returns autocovariances with divisor n at all lags up to `lags`.
fn autocovariance(x: &[f64], lags: usize) -> Vec<f64> {
    let m = mean(x);
    let c: Vec<f64> = x.iter().map(|v| v - m).collect();
    (0..=lags.min(x.len() - 1)).map(|t| c.iter().zip(&c[t..]).map(|(a, b)| a * b).sum::<f64>() / x.len() as f64).collect()
}

/// Returns the effective sample size of chains by Geyer's initial monotone sequence (Stan's and ArviZ's algorithm).
fn ess(chains: &[Vec<f64>]) -> f64 {
    let (m, n) = (chains.len() as f64, chains.first().map_or(0, Vec::len));
    let total = m * n as f64;
    let first = chains.iter().flatten().next().copied().unwrap_or(0.0);
    if chains.iter().flatten().all(|x| *x == first) {
        return total;
    }
    // Chains that stand still at different values: as many draws as whole chains, of which these are halves.
    if chains.iter().all(|c| still(std::slice::from_ref(c))) {
        return 0.5 * m;
    }
    // Lags are added as Geyer's sequence asks for them; most chains need few.
    let mut lags = 64usize.min(n - 1);
    loop {
        let cov: Vec<Vec<f64>> = chains.iter().map(|c| autocovariance(c, lags)).collect();
        let lag = |t: usize| cov.iter().map(|c| c[t]).sum::<f64>() / m;
        let within = lag(0) * n as f64 / (n as f64 - 1.0);
        let means: Vec<f64> = chains.iter().map(|c| mean(c)).collect();
        let total_variance = within * (n as f64 - 1.0) / n as f64 + if m > 1.0 { variance(&means) } else { 0.0 };
        let rho = |t: usize| 1.0 - (within - lag(t)) / total_variance;
        let mut r = vec![0.0; n];
        r[0] = 1.0;
        let (mut even, mut odd) = (1.0, rho(1));
        r[1] = odd;
        let mut t = 1;
        let mut more = false;
        while t + 3 < n && even + odd > 0.0 {
            if t + 2 > lags {
                more = true;
                break;
            }
            even = rho(t + 1);
            odd = rho(t + 2);
            if even + odd >= 0.0 {
                r[t + 1] = even;
                r[t + 2] = odd;
            }
            t += 2;
        }
        if more {
            lags = (2 * lags).min(n - 1);
            continue;
        }
        // `kept` lags are used in pairs; what follows the last pair improves the estimate where it is positive.
        let kept = t - 1;
        if even > 0.0 {
            r[kept] = even;
        }
        let mut s = 1;
        while s + 3 <= kept {
            if r[s + 1] + r[s + 2] > r[s - 1] + r[s] {
                let half = 0.5 * (r[s - 1] + r[s]);
                r[s + 1] = half;
                r[s + 2] = half;
            }
            s += 2;
        }
        let tau = -1.0 + 2.0 * r[..kept].iter().sum::<f64>() + r[kept];
        return total / tau.max(1.0 / total.log10());
    }
}

/// Returns the effective sample size of the mean: of the split chains as they are. NaN where draws never vary.
pub fn ess_mean(chains: &[Vec<f64>]) -> f64 {
    if usable(chains) { ess(&split(chains)) } else { f64::NAN }
}

/// Returns the bulk effective sample size: of the normal scores of split chains. NaN where draws never vary.
pub fn ess_bulk(chains: &[Vec<f64>]) -> f64 {
    if usable(chains) { ess(&normal_scores(&split(chains))) } else { f64::NAN }
}

/// Returns the tail effective sample size: the smaller of those of the 5 % and 95 % quantiles' indicators.
pub fn ess_tail(chains: &[Vec<f64>]) -> f64 {
    if !usable(chains) {
        return f64::NAN;
    }
    let halves = split(chains);
    let all = chains.concat();
    let at = |p: f64| {
        let cut = quantile(&all, p);
        ess(&halves.iter().map(|c| c.iter().map(|x| f64::from(u8::from(*x <= cut))).collect()).collect::<Vec<_>>())
    };
    at(0.05).min(at(0.95))
}

/// Returns how far apart chains lie: the variance of their means over the mean square of the Monte Carlo errors that each chain's own
/// autocorrelation gives its mean, of normal scores. About 1 where chains tell of one distribution, however slowly; F-distributed then.
pub fn apart(chains: &[Vec<f64>]) -> f64 {
    if chains.len() < 2 || !usable(chains) {
        return 0.0;
    }
    let scores = normal_scores(chains);
    let errors: Vec<f64> = scores.iter().map(|c| variance(c) / ess(std::slice::from_ref(c))).collect();
    variance(&scores.iter().map(|c| mean(c)).collect::<Vec<_>>()) / mean(&errors).max(f64::MIN_POSITIVE)
}

/// [`apart`] from here on is no matter of slow chains: the 1e-6 quantile of F with 3 and many degrees of freedom, generously.
const BEYOND_DOUBT: f64 = 12.0;

/// Returns the effective draws that a verdict of so many chains needs, in each scalar.
fn needed(chains: usize) -> f64 {
    (100.0 * chains as f64).max(400.0)
}

/// Returns whether the rest of a budget cannot make chains settle: they stand still at different numbers of components, and have for so long that what is
/// to come holds too few changes. The rate of what has not happened in so many passes is below 3 over their number, with 95 % confidence (the rule of three);
/// states of half the budget count, and a number of components that changes less often than effective draws are needed does not give them.
pub fn stuck(p: Chains) -> bool {
    let components = scalar(p, 1);
    let length = components.iter().map(Vec::len).min().unwrap_or(0);
    let (Some(budget), true) = (p.setup.until.budget, components.len() > 1 && length >= TELLING) else { return false };
    let apart = !still(&components) && components.iter().all(|c| still(std::slice::from_ref(c)));
    apart && 3.0 / length as f64 * (0.5 * budget as f64) < needed(components.len())
}

/// Returns whether an effective sample size is known and large enough.
fn enough(effective: f64, needed: f64) -> bool {
    effective >= needed
}

/// What the chains' scalars say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// R-hat below 1.01 and at least 100 effective draws a chain (400 at least), in every scalar that varies.
    Settled,
    /// Chains differ beyond doubt: R-hat above 1.05, and by more than their own slowness explains (see [`apart`]).
    Disagree,
    /// Neither, yet: more passes would tell.
    TooShort,
    /// Neither, and more passes would not tell: there is one chain, or all began alike and none moved.
    CannotTell,
}

/// Scalars that the verdict looks at: alpha, occupied components, log posterior, entropy; see [`super::chain::SCALARS`].
const WATCHED: [usize; 4] = [0, 1, 2, 4];

/// Passes after burn-in that a chain needs before it can disagree with another, or agree by standing still.
const TELLING: usize = 50;

/// The chains of a fit, how they were run, and the units that they are over.
#[derive(Clone, Copy)]
pub struct Chains<'a> {
    /// What each chain left.
    pub records: &'a [Record],
    /// How they were run.
    pub setup: &'a Setup,
    /// Units of the density.
    pub units: &'a Units,
}

impl Chains<'_> {
    /// Returns scalars after burn-in: one series a chain.
    pub fn series(self, scalar: usize) -> Vec<Vec<f64>> {
        self.records.iter().map(|c| c.trace.iter().skip(self.setup.burn_in).map(|t| t[scalar]).collect()).collect()
    }
}

/// Returns one series a chain of a scalar after burn-in, without differences that are rounding.
pub fn scalar(p: Chains, which: usize) -> Vec<Vec<f64>> {
    without_rounding(p.series(which))
}

/// Returns whether chains began so differently that ending alike says something: from random labels, one component and many, or from
/// random starts that every chain left.
pub fn dispersed(p: Chains) -> bool {
    let (setup, count) = (p.setup, p.records.len());
    count > 1
        && match setup.start {
            Start::Dispersed => setup.components > 1 || count > 2,
            Start::One => false,
            Start::Random | Start::Many => p.records.iter().all(|c| c.moves > 0),
        }
}

impl Verdict {
    /// Returns the verdict on a fit and the reason for it, from alpha, occupied components, log posterior and entropy after burn-in.
    ///
    /// A scalar that never varies within any chain but differs between chains is a disagreement. One that never varies at all says
    /// nothing against settling where chains began apart; where they began alike, nothing can be told.
    pub fn of(p: Chains) -> (Verdict, String) {
        let count = p.records.len();
        let length = p.records.iter().map(|c| c.trace.len().saturating_sub(p.setup.burn_in)).min().unwrap_or(0);
        if length < 4 {
            return (Verdict::TooShort, format!("{length} passes after burn-in; run more"));
        }
        let series = WATCHED.map(|s| (s, scalar(p, s)));
        // Few draws cannot tell disagreement from slowness.
        if count > 1 && length >= TELLING {
            let differ = |c: &[Vec<f64>]| !still(c) && rhat(c) > 1.05 && apart(c) > BEYOND_DOUBT;
            if let Some((s, c)) = series.iter().find(|(_, c)| differ(c)) {
                let why = if rhat(c).is_infinite() {
                    format!("chains stand still at different values of {}: its R-hat is infinite", words(*s))
                } else {
                    format!("chains stay apart in {}", words(*s))
                };
                return (Verdict::Disagree, why);
            }
        }
        // Partitions that no pass changed: the number of components and the entropy of their shares.
        let unmoved = [1, 4].iter().all(|s| still(&scalar(p, *s)));
        if unmoved && !dispersed(p) {
            let began = if count == 1 { "there is one chain" } else { "all chains began alike" };
            return (
                Verdict::CannotTell,
                format!("no pass after burn-in changed the components, and {began}: run several with `start: dispersed`"),
            );
        }
        // However long it is.
        if count == 1 {
            return (Verdict::CannotTell, "one chain cannot show disagreement: run several".to_string());
        }
        let needed = needed(count);
        for (s, chains) in &series {
            if still(chains) {
                continue;
            }
            let (r, bulk, tail) = (rhat(chains), ess_bulk(chains), ess_tail(chains));
            if !(r <= 1.01 && enough(bulk, needed) && enough(tail, needed)) {
                let why = if r <= 1.01 {
                    format!(
                        "{:.0} effective draws of {}, {needed} are needed; run more passes",
                        bulk.min(tail).max(0.0),
                        words(*s)
                    )
                } else {
                    format!("R-hat of {} is {}; run more passes", words(*s), in_words(r))
                };
                return (Verdict::TooShort, why);
            }
        }
        if ((length * count) as f64) < needed || length < TELLING {
            return (Verdict::TooShort, format!("{} passes after burn-in in all; run more", length * count));
        }
        (Verdict::Settled, String::new())
    }

    /// Returns the verdict in words.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Settled => "settled",
            Verdict::Disagree => "disagree",
            Verdict::TooShort => "too short to tell",
            Verdict::CannotTell => "cannot tell",
        }
    }
}

fn words(scalar: usize) -> &'static str {
    ["alpha", "the number of components", "the log posterior", "the largest share", "the entropy"][scalar]
}

/// Returns an R-hat to three digits, or that it is infinite or beyond all measure.
fn in_words(r: f64) -> String {
    if r.is_infinite() {
        "infinite".to_string()
    } else if r > 1000.0 {
        "above 1000".to_string()
    } else {
        format!("{r:.3}")
    }
}

/// A difference of log posteriors, in nats, from which on the lower chain has next to nothing of the mass.
const MASS: f64 = 20.0;

/// Returns which chain holds the mass, where chains that disagree lie far apart in log posterior: from medians of components and log posterior.
fn heaviest(verdict: Verdict, components: &[f64], log_posteriors: &[f64]) -> Option<String> {
    let order = |better: fn(f64, f64) -> bool| {
        (0..log_posteriors.len()).reduce(|a, b| if better(log_posteriors[b], log_posteriors[a]) { b } else { a })
    };
    let (best, worst) = (order(|a, b| a > b)?, order(|a, b| a < b)?);
    let apart = log_posteriors[best] - log_posteriors[worst];
    let of = |c: usize| format!("chain {c} (components: {})", components.get(c).copied().unwrap_or(f64::NAN));
    (verdict == Verdict::Disagree && apart >= MASS)
        .then(|| format!("{} holds the mass, {apart:.0} nats of log posterior above {}", of(best), of(worst)))
}

/// Returns how long chains with a budget took, where they did not settle at the first look.
fn length(p: Chains, verdict: Verdict) -> Option<String> {
    let setup = p.setup;
    let (passes, budget) = (setup.passes, setup.until.budget?);
    match verdict {
        Verdict::Disagree if setup.longer().is_some() && stuck(p) => Some(format!(
            "ended after {passes} passes: no chain changed its number of components after burn-in, so the budget of {budget} passes would not do"
        )),
        Verdict::Settled => (setup.until.doubled > 0).then(|| format!("settled after {passes} passes")),
        Verdict::TooShort | Verdict::Disagree if setup.longer().is_none() => {
            Some(format!("not settled after {passes} passes, and twice as many are beyond the budget of {budget}"))
        }
        _ => None,
    }
}

/// What is said of a fit at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// The verdict.
    pub verdict: Verdict,
    /// Largest R-hat of the scalars that vary; infinite where one varies between chains alone; NaN where none varies or draws are too few.
    pub r_hat: f64,
    /// Smallest of their bulk and tail effective sample sizes; NaN likewise.
    pub ess: f64,
    /// What a reader should know: where chains ended, what is missing for a verdict, which units are left out.
    pub note: String,
}

impl Glance {
    /// Returns what is to be said of a fit.
    pub fn of(p: Chains) -> Glance {
        let (verdict, why) = Verdict::of(p);
        let (mut r_hat, mut ess) = (f64::NAN, f64::NAN);
        for s in WATCHED {
            let chains = scalar(p, s);
            r_hat = r_hat.max(rhat(&chains));
            ess = ess.min(ess_bulk(&chains)).min(ess_tail(&chains));
        }
        let middles =
            |s: usize| -> Vec<f64> { scalar(p, s).iter().filter(|c| !c.is_empty()).map(|c| quantile(c, 0.5)).collect() };
        let range = |v: &[f64]| (v.iter().copied().fold(f64::NAN, f64::min), v.iter().copied().fold(f64::NAN, f64::max));
        let ((low, high), (worst, best)) = (range(&middles(1)), range(&middles(2)));
        let count = p.records.len();
        let parts = |k: f64| if k == 1.0 { "1 component".to_string() } else { format!("{k} components") };
        let mut note = match verdict {
            Verdict::Disagree if high > low => format!(
                "{count} chains stay at {low} to {} (medians), with log posteriors {worst:.0} to {best:.0}: what is computed from them averages over different answers",
                parts(high)
            ),
            Verdict::Disagree => {
                format!("{count} chains of {} have log posteriors {worst:.0} to {best:.0}", parts(high))
            }
            _ if high > low => format!("{low} to {} (medians)", parts(high)),
            _ => format!("{} (median)", parts(high)),
        };
        if !why.is_empty() {
            note += &format!("; {why}");
        }
        note += &length(p, verdict).map_or_else(String::new, |words| format!("; {words}"));
        let heaviest = heaviest(verdict, &middles(1), &middles(2));
        note += &heaviest.map_or_else(String::new, |words| format!("; {words}"));
        if !p.units.constant.is_empty() {
            note += &format!("; over {} of {} units: {} constant", p.units.kept.len(), p.units.width, p.units.named());
        }
        Glance { verdict, r_hat, ess, note }
    }
}
