//! What a chain is asked to do: how a pass moves, how many there are, which states are kept, and where it starts.

use super::alpha::AlphaPrior;
use super::start::Start;

/// The power of the likelihood that heated chains begin with. Rows of real classes at d = 64 then change components freely.
const HOTTEST: f64 = 0.1;
/// Equal steps from there to 1.
const STEPS: usize = 20;

/// Returns the passes between draws of what a hierarchical measure learns: a draw costs d times as much for each component as a pass does for each row.
pub fn learning_interval(d: usize) -> usize {
    d.div_ceil(8).clamp(2, 8)
}

/// How a pass moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One observation at a time; exact.
    Gibbs,
    /// Blocks of this size, as published.
    Block(usize),
    /// Gibbs, and after every `every` passes split-merge proposals with restricted scans; exact.
    SplitMerge {
        /// Proposals at a time.
        proposals: usize,
        /// Restricted scans before the last one.
        scans: usize,
        /// Every how many passes there are proposals.
        every: usize,
    },
    /// The same with proposals by sequential allocation; exact.
    MergeSplit {
        /// Proposals at a time.
        proposals: usize,
        /// Every how many passes there are proposals.
        every: usize,
    },
    /// All rows at once, and proposals by sub-clusters; exact. See [`super::sub_clusters`].
    SubClusters {
        /// Proposals a pass.
        proposals: usize,
    },
}

/// What a chain does.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Prior of the concentration.
    pub alpha: AlphaPrior,
    /// How a pass moves.
    pub method: Method,
    /// Passes in all.
    pub passes: usize,
    /// Passes before states are kept.
    pub burn_in: usize,
    /// Every how many passes a state is kept.
    pub thin: usize,
    /// Number of chains.
    pub chains: usize,
    /// Where they start.
    pub start: Start,
    /// K of the random start.
    pub components: usize,
    /// Whether to do as the published code did.
    pub published: bool,
    /// Passes at the beginning with the likelihood to a power that rises to 1.
    pub heated: usize,
    /// Whether and how far chains go on until they settle.
    pub until: Until,
}

/// How far chains go on until they settle: as long as they have not, `passes`, `burn_in` and `thin` are doubled, if the budget allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Until {
    /// The most passes of a chain; `None` if `passes` is the length.
    pub budget: Option<usize>,
    /// How many times the lengths have been doubled.
    pub doubled: u32,
}

impl Setup {
    /// Returns the setup of chains twice as long; `None` if there is no budget for them.
    pub fn longer(&self) -> Option<Setup> {
        let (passes, burn_in, thin) = (self.passes.checked_mul(2)?, self.burn_in * 2, self.thin.checked_mul(2)?);
        let until = Until { doubled: self.until.doubled + 1, ..self.until };
        (passes <= self.until.budget?).then(|| Setup { passes, burn_in, thin, until, ..self.clone() })
    }

    /// Returns the setup with the lengths of its first look.
    pub fn asked(&self) -> Setup {
        let by = 1 << self.until.doubled;
        let until = Until { doubled: 0, ..self.until };
        Setup { passes: self.passes / by, burn_in: self.burn_in / by, thin: self.thin / by, until, ..self.clone() }
    }

    /// Returns the power of the likelihood in a pass. Heated passes (Neal, 1996, "Sampling from multimodal distributions using tempered transitions", on annealing) are
    /// no draws of the posterior but a way to where chains begin: they belong to the burn-in.
    pub fn heat(&self, pass: usize) -> f64 {
        if pass < self.heated { HOTTEST + (1.0 - HOTTEST) * (STEPS * pass / self.heated) as f64 / STEPS as f64 } else { 1.0 }
    }

    /// Returns whether the state after a pass is kept: passes `burn_in, burn_in + thin, …`.
    pub fn keeps(&self, pass: usize) -> bool {
        pass >= self.burn_in && (pass - self.burn_in).is_multiple_of(self.thin.max(1))
    }
}
