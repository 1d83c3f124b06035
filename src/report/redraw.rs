//! Figures drawn again with marks where their numbers come from densities that did not settle.
//!
//! A stored figure knows nothing of how the densities behind it settled, which is no part of any key. So the report draws it anew, from the same
//! values, with one setting more: the places in doubt, by input.

use super::contents::Contents;
use super::input::ReportInput;
use super::kernels::{Doubted, kernels};
use super::settling::Settling;
use crate::base::Stream;
use crate::engine::kernel::{Job, Labelled, Quiet};
use crate::engine::value::{Figure, Value};
use crate::lang::Settings;
use crate::plan::doubt::Place;
use crate::plan::graph::Entry;
use std::sync::Arc;

/// Returns a figure with marks, and with what must be said of it in its caption; as it is where there is nothing.
pub fn marked(input: &ReportInput, contents: &Contents, entry: &Entry, figure: Arc<Figure>) -> Arc<Figure> {
    let words = contents.beside(entry);
    if words.is_empty() {
        return figure;
    }
    let drawn = redrawn(input, &contents.settling, entry).unwrap_or(figure);
    let mut caption = drawn.caption.clone();
    for words in words {
        let mut letters = words.chars();
        let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
        caption.push_str(&format!("{}{first}{}.", if caption.is_empty() { "" } else { " " }, letters.as_str()));
    }
    Arc::new(Figure { caption, ..Figure::clone(&drawn) })
}

fn redrawn(input: &ReportInput, settling: &Settling, entry: &Entry) -> Option<Arc<Figure>> {
    let Entry::Cell(id) = entry else { return None };
    let cell = input.graph.cells.get(*id)?;
    let doubts: Vec<(String, Vec<Place>)> =
        cell.inputs.iter().map(|(name, slot)| (name.to_string(), settling.unsettled.places(slot))).collect();
    if settling.all_behind(*id) || doubts.iter().all(|(_, places)| places.is_empty()) {
        return None;
    }
    let (_, kernel) = kernels().into_iter().find(|(name, _)| *name == cell.op.as_str())?;
    let mut settings = Settings::clone(&cell.settings);
    settings.0.push(("doubts".into(), Doubted::setting(&doubts)));
    let inputs = cell.inputs.iter().map(|(name, slot)| {
        let values = slot.entries.iter().map(input.value).collect();
        (name.to_string(), Labelled { axes: slot.axes.to_vec(), values })
    });
    let stream = Stream::from_hash(cell.stream.unwrap_or(cell.key));
    let job = Job { op: cell.op.to_string(), settings, inputs: inputs.collect(), stream, at: cell.at.to_vec() };
    match kernel.run(&job, &Quiet::default()) {
        Ok(Value::Figure(figure)) => Some(figure),
        _ => None,
    }
}
