//! Diagnostics drawn for people: the lines of the script with labels, and what to do.

use super::cut::cut;
use crate::base::text::{blanked, harmless};
use crate::base::{Diag, Diags, Severity, SourceMap};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Returns the messages as text, with colours where asked for.
pub fn render(diags: &Diags, sources: &SourceMap, colours: bool) -> String {
    let theme = if colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let sources = &plain(sources);
    let whole = Texts { sources: sources.clone(), columns: BTreeMap::new() };
    let mut out = String::new();
    for diag in &diags.0 {
        let short = cut(sources, diag).map(|c| (c.diag, Texts { sources: c.sources, columns: c.columns }));
        let (diag, texts) = short.as_ref().map_or((diag, &whole), |(diag, texts)| (diag, texts));
        let shown = Shown { diag, texts };
        // Writing to a string fails only where formatting does.
        if handler.render_report(&mut out, &shown).is_err() {
            out.push_str(&diag.message);
        }
        out.push('\n');
    }
    out
}

/// Returns the sources with control characters replaced by marks that do nothing, places as they were.
fn plain(sources: &SourceMap) -> SourceMap {
    if sources.files().iter().all(|f| matches!(blanked(&f.text), Cow::Borrowed(_))) {
        return sources.clone();
    }
    let mut out = SourceMap::new();
    for file in sources.files() {
        out.add(file.name.clone(), blanked(&file.text).as_ref());
    }
    out
}

/// The source map as miette reads it: spans keep their offsets in the one offset space.
struct Texts {
    sources: SourceMap,
    /// Columns to show at offsets in cut lines.
    columns: BTreeMap<usize, usize>,
}

impl SourceCode for Texts {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let at = span.offset();
        let file =
            self.sources.files().iter().find(|f| f.base <= at && at <= f.base + f.text.len()).ok_or(MietteError::OutOfBounds)?;
        let within = SourceSpan::from((at - file.base, span.len()));
        let read = file.text.as_str().read_span(&within, before, after)?;
        let place = SourceSpan::from((read.span().offset() + file.base, read.span().len()));
        let column = self.columns.get(&at).copied().filter(|_| before == 0).unwrap_or(read.column());
        let contents =
            MietteSpanContents::new_named(file.name.clone(), read.data(), place, read.line(), column, read.line_count());
        Ok(Box::new(contents))
    }
}

struct Shown<'a> {
    diag: &'a Diag,
    texts: &'a Texts,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.diag, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless(&self.diag.message))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diag.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diag.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diag.help.as_ref().map(|h| Box::new(harmless(h)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.texts)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.diag.labels.iter().enumerate().map(|(i, (span, words))| {
            let text = (!words.is_empty()).then(|| harmless(words).into_owned());
            let place = (span.start as usize, span.len());
            if i == 0 { LabeledSpan::new_primary_with_span(text, place) } else { LabeledSpan::new_with_span(text, place) }
        });
        Some(Box::new(labels))
    }
}
