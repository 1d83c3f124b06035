//! Diagnostics: what every pass says when a script is wrong. Data only; the command line draws them.

use super::span::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth saying; the script still runs.
    Warning,
    /// The script cannot run.
    Error,
}

/// One message: a code, a sentence, the places it is about, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diag {
    /// Stable code such as `cfx::name::unknown`; each is listed in docs/errors.md.
    pub code: &'static str,
    /// Warning or error.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The places it is about, the main one first, each with a few words (which may be empty).
    pub labels: Vec<(Span, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diag {
    /// Returns an error at a place.
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diag { code, severity: Severity::Error, message: message.into(), labels: vec![(span, String::new())], help: None }
    }

    /// Returns a warning at a place.
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Diag { severity: Severity::Warning, ..Diag::error(code, span, message) }
    }

    /// Says something at the main place.
    pub fn here(mut self, words: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.1 = words.into();
        }
        self
    }

    /// Adds another place.
    pub fn label(mut self, span: Span, words: impl Into<String>) -> Self {
        self.labels.push((span, words.into()));
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Returns the main place.
    pub fn span(&self) -> Span {
        self.labels.first().map(|l| l.0).unwrap_or_default()
    }
}

/// The messages of a pass, in the order found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diags(pub Vec<Diag>);

impl Diags {
    /// Adds a message, unless the very same one (code, place) is there already.
    pub fn push(&mut self, diag: Diag) {
        if !self.0.iter().any(|d| d.code == diag.code && d.span() == diag.span() && d.message == diag.message) {
            self.0.push(diag);
        }
    }

    /// Adds all messages of another list.
    pub fn extend(&mut self, other: Diags) {
        other.0.into_iter().for_each(|d| self.push(d));
    }

    /// Returns whether any message is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// Returns the messages ordered by place.
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|d| (d.span().start, d.span().end));
        self
    }
}
