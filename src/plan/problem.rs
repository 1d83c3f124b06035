//! What an operation, or the plan itself, finds wrong before the run.

/// What went wrong at plan time: a sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Code of the diagnostic, such as `cfx::file::missing`.
    pub code: &'static str,
    /// The parameter it is about, where one is to blame; `sampler.passes` for a setting inside the constructor that it is given.
    pub parameter: Option<&'static str>,
    /// The sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}
