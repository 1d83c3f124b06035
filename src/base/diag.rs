//! Diagnostics: what every pass says when a script is wrong. Data only; the command line draws them.

use super::span::Span;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

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

/// The messages of a pass, in the order found; the same thing is said once at a place.
#[derive(Clone, Debug, Default)]
pub struct Diags(pub Vec<Diag>, BTreeSet<u64>);

impl Diags {
    /// Adds a message, unless the very same one (code, place, sentence) was added before.
    pub fn push(&mut self, diag: Diag) {
        if self.1.len() < self.0.len() {
            self.1 = self.0.iter().map(identity).collect();
        }
        if self.1.insert(identity(&diag)) {
            self.0.push(diag);
        }
    }

    /// Adds all messages of another list, or of what can be put in words.
    pub fn extend(&mut self, other: impl Into<Diags>) {
        other.into().0.into_iter().for_each(|d| self.push(d));
    }

    /// Takes back the messages about places within a span that were added behind the first `from`.
    pub fn forget(&mut self, from: usize, within: Span) {
        let inside = |d: &Diag| within.start <= d.span().start && d.span().end <= within.end;
        let mut number = 0;
        self.0.retain(|d| {
            number += 1;
            number <= from || !inside(d)
        });
        self.1 = self.0.iter().map(identity).collect();
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

    /// Returns the messages without those about which `keep` says no.
    pub fn only(self, keep: impl Fn(&Diag) -> bool) -> Self {
        Diags::from(self.0.into_iter().filter(|d| keep(d)).collect::<Vec<_>>())
    }

    /// Returns the first messages: at most `most` errors and as many warnings, and for each of the two kinds the number of the others.
    pub fn first(self, most: usize) -> Self {
        let mut out = Diags::default();
        let mut beyond: Vec<(Severity, usize, Span)> = Vec::new();
        let (mut errors, mut warnings) = (0, 0);
        for diag in self.0 {
            let count = if diag.severity == Severity::Error { &mut errors } else { &mut warnings };
            *count += 1;
            if *count <= most {
                out.push(diag);
                continue;
            }
            match beyond.iter_mut().find(|b| b.0 == diag.severity) {
                Some(b) => b.1 += 1,
                None => beyond.push((diag.severity, 1, diag.span())),
            }
        }
        for (severity, count, span) in beyond {
            let (what, s) = (if severity == Severity::Error { "error" } else { "warning" }, if count == 1 { "" } else { "s" });
            let diag = Diag::error("cfx::more", span, format!("{count} more {what}{s} from here on"));
            out.push(Diag { severity, ..diag.help("correct these first; the others are shown after that") });
        }
        out
    }
}

impl From<Diag> for Diags {
    fn from(diag: Diag) -> Self {
        Diags::from(vec![diag])
    }
}

impl From<Vec<Diag>> for Diags {
    fn from(diags: Vec<Diag>) -> Self {
        Diags(diags, BTreeSet::new())
    }
}

impl PartialEq for Diags {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// Returns a number that tells messages apart by code, place and sentence.
fn identity(diag: &Diag) -> u64 {
    let mut hasher = DefaultHasher::new();
    (diag.code, diag.span(), &diag.message).hash(&mut hasher);
    hasher.finish()
}
