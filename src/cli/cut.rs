//! Very long lines of source, cut around the places that a message is about.

use crate::base::{Diag, SourceMap, Span};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Longer lines than this many bytes are cut.
const LONG: usize = 220;
/// Bytes shown before and after the places in a cut line.
const AROUND: usize = 60;

/// A message with the sources that it is drawn over.
pub struct Drawn {
    /// The sources, long lines cut.
    pub sources: SourceMap,
    /// The message, its places moved accordingly.
    pub diag: Diag,
    /// Columns of places (from 0, in bytes) as they are in the uncut sources, by their offsets in the cut ones.
    pub columns: BTreeMap<usize, usize>,
}

/// Returns the message over sources whose long lines are cut; `None` if the lines that would be drawn are short.
pub fn cut(sources: &SourceMap, diag: &Diag) -> Option<Drawn> {
    let mut out = Drawn { sources: SourceMap::new(), diag: diag.clone(), columns: BTreeMap::new() };
    let mut any = false;
    for file in sources.files() {
        let range = file.base..=file.base + file.text.len();
        // Places in this file: label, whether the start or the end of its span, offset in the text.
        let mut points: Vec<(usize, bool, usize)> = Vec::new();
        for (i, (span, _)) in diag.labels.iter().enumerate().filter(|(_, (s, _))| range.contains(&(s.start as usize))) {
            let local = |at: u32| (at as usize).saturating_sub(file.base).min(file.text.len());
            points.extend([(i, true, local(span.start)), (i, false, local(span.end))]);
        }
        let text = if points.is_empty() { None } else { shortened(&file.text, &points) };
        any |= text.is_some();
        let (text, moved) = text.unwrap_or_else(|| (file.text.clone(), points.iter().map(|p| (p.2, None)).collect()));
        let added = out.sources.add(file.name.clone(), text);
        for ((label, start, _), (at, column)) in points.iter().zip(moved) {
            let span: &mut Span = &mut out.diag.labels[*label].0;
            let place = (added.base + at) as u32;
            if *start {
                span.start = place;
                out.columns.extend(column.map(|c| (added.base + at, c)));
            } else {
                span.end = place.max(span.start);
            }
        }
    }
    any.then_some(out)
}

/// Returns the text with long lines cut, and for each place its new offset, with its old column where its line was cut; `None` if no
/// line at or beside a place is long.
fn shortened(text: &str, points: &[(usize, bool, usize)]) -> Option<(String, Vec<(usize, Option<usize>)>)> {
    let mut out = String::new();
    let mut moved = vec![(0, None); points.len()];
    let mut start = 0;
    let mut near = false;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        // A place at the very end of a line is still in it.
        let here: Vec<usize> = (0..points.len()).filter(|p| (start..=end).contains(&points[*p].2)).collect();
        let (from, to) = match end - start > LONG {
            true => window(text, (start, end), here.iter().map(|p| points[*p].2)),
            false => (start, end),
        };
        let cut = (from, to) != (start, end);
        near |= cut && points.iter().any(|p| p.2 + LONG > start && p.2 < end + LONG);
        if from > start {
            out.push('…');
        }
        let base = out.len();
        out.push_str(&text[from..to]);
        for p in here {
            let at = points[p].2.clamp(from, to);
            moved[p] = (base + at - from, cut.then_some(points[p].2 - start));
        }
        if to < end {
            out.push('…');
        }
        out.push_str(&text[end..start + line.len()]);
        start += line.len();
    }
    // A place behind the last newline.
    for (p, point) in points.iter().enumerate().filter(|(_, p)| p.2 >= start && text.ends_with('\n')) {
        moved[p] = (out.len() + point.2 - start, None);
    }
    near.then_some((out, moved))
}

/// Returns what is shown of a line: the places in it with something around them, no more than a long line's length.
fn window(text: &str, (start, end): (usize, usize), places: impl Iterator<Item = usize> + Clone) -> (usize, usize) {
    let first = places.clone().min().unwrap_or(start);
    let last = places.max().unwrap_or(start).min(first + LONG);
    let mut from = first.saturating_sub(AROUND).max(start);
    let mut to = (last + AROUND).min(end);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    while !text.is_char_boundary(to) {
        to += 1;
    }
    (from, to)
}
