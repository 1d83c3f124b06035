//! The settings of this topic's operations, typed: what `over:` and `by:` come to, and a struct for each signature.

use crate::lang::settings::Setting;
use crate::lang::{Settings, Static};
use crate::{settings, words};

/// What `over:` says beside the axes, which are those of the slots.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// Whether examples are taken in.
    pub examples: bool,
}

impl Setting for Over {
    fn read(value: &Static) -> Option<Self> {
        let Static::List(items) = value else { return None };
        Some(Over { examples: items.iter().any(|s| s.word() == Some("example")) })
    }
}

/// The coordinate of `by:` that a cell stands at.
#[derive(Clone, Debug)]
pub struct At {
    /// Role of the axis.
    pub role: String,
    /// Place of the coordinate; for classes the label.
    pub index: usize,
}

impl Setting for At {
    fn read(value: &Static) -> Option<Self> {
        let Static::Make(_, fields) = value else { return None };
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        Some(At { role: String::read(field("role")?)?, index: usize::read(field("index")?)? })
    }
}

impl At {
    /// Returns the coordinates of `by:`, one for each axis that it names, with the parameter (`by`, `by.1`, …).
    pub fn all(settings: &Settings) -> Vec<(String, At)> {
        let names = ["by".to_string()].into_iter().chain((1..).map(|k| format!("by.{k}")));
        names
            .map_while(|name| {
                let at = settings.0.iter().find(|(n, _)| *n == name).and_then(|(_, v)| At::read(v))?;
                Some((name, at))
            })
            .collect()
    }
}

settings! {
    /// Settings of reductions that have none of their own.
    pub struct ReduceSettings("a reduction") { over: Over }
}

settings! {
    /// What the plan tells `mean` and its like: whether the numbers are answers that are right (1) or wrong (0).
    pub struct AnswerSettings("a reduction") { right: bool = false }
}

settings! {
    /// What the plan tells `count`: whether it counts truth values, which one per example does not show.
    pub struct CountSettings("count") { truths: bool = false }
}

settings! {
    /// Settings of `quantile`.
    pub struct QuantileSettings("quantile") { q: f64, over: Over }
}

settings! {
    /// Settings of `share`.
    pub struct ShareSettings("share") {
        /// The word that counts; `none` for truth values.
        of: Option<String>,
        over: Over,
    }
}

settings! {
    /// Settings of `threshold`.
    pub struct ThresholdSettings("threshold") { at: f64 }
}

settings! {
    /// Settings of `permutation_test`.
    pub struct PermutationSettings("permutation_test") { paired: bool, draws: f64, over: Over }
}

settings! {
    /// Settings of `bootstrap`.
    pub struct BootstrapSettings("bootstrap") { draws: f64, level: f64, over: Over }
}

settings! {
    /// Settings of `histogram`.
    pub struct HistogramSettings("histogram") { bins: i64, over: Over }
}

settings! {
    /// Settings of `auc`.
    pub struct AucSettings("auc") { over: Over, normalize: bool }
}

settings! {
    /// Settings of `curve_area`: names of columns.
    pub struct CurveAreaSettings("curve_area") { x: String, y: String, normalize: bool }
}

settings! {
    /// Settings of `field`: the member's or column's name, and the axis that its rows are, where they are one.
    pub struct FieldSettings("field") { name: String, rows: Option<String> = None }
}

settings! {
    /// Settings of `pick`.
    pub struct PickSettings("pick") { index: usize }
}

settings! {
    /// Settings of `round`.
    pub struct RoundSettings("round") { digits: i64 }
}

settings! {
    /// Settings of `best` and `at_best`: what is chosen along.
    pub struct ReduceAlong("best") { along: Over }
}

settings! {
    /// Settings of `selection`: how many settings are chosen among, and how many are the best.
    pub struct SelectionSettings("selection") { subset: usize, top: usize }
}

words! {
    /// What the bins of `calibration` have in common.
    pub enum Equal {
        /// Their width.
        Width = "width",
        /// The number of examples.
        Mass = "mass",
    }
}

settings! {
    /// Settings of `calibration`.
    pub struct CalibrationSettings("calibration") { bins: usize, equal: Equal }
}

words! {
    /// How the F-scores of classes are averaged.
    pub enum Average {
        /// By the number of examples of a class.
        Weighted = "weighted",
        /// Every class the same.
        Macro = "macro",
    }
}

settings! {
    /// Settings of `f_score_of`.
    pub struct FScoreSettings("f_score_of") { average: Average, over: Over }
}
