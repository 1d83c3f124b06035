//! Axes with their coordinates, as kernels, tables and figures see them.

/// An axis with its coordinates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledAxis {
    /// Its name, for reading.
    pub name: String,
    /// What it is: `class`, `stage`, `epoch`, `snapshot` or `declared`. Classes come in the order of labels.
    pub role: String,
    /// Its coordinates as written.
    pub coordinates: Vec<String>,
    /// Names of the axes that it nests in: it was made anew at each of their places (bins of each run's scores).
    pub within: Vec<String>,
    /// Name of the axis that it pairs with itself: `run` for `run_other`.
    pub pairs: Option<String>,
    /// Whether the values at its coordinates share units: they were made of pairs whose other side was taken in before, as in
    /// `mean(k, over: run_other)` for each `run`. Nothing then tells how much they depend on one another.
    pub shared: bool,
}

impl LabelledAxis {
    /// Returns, innermost first, the axes to average over before all others, given as positions: those that nest in others among
    /// `among`. Empty where none nests.
    pub fn inner_first(axes: &[LabelledAxis], among: &[usize]) -> Vec<Vec<usize>> {
        let depth = |i: usize| among.iter().filter(|j| axes[i].within.contains(&axes[**j].name)).count();
        let deepest = among.iter().map(|i| depth(*i)).max().unwrap_or(0);
        let level = |d: usize| among.iter().copied().filter(|i| depth(*i) == d).collect::<Vec<usize>>();
        (1..=deepest).rev().map(level).filter(|l| !l.is_empty()).collect()
    }
}
