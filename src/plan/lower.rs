//! Lowering: the typed script laid out as cells. One walk, for `check` (no file is read) and for `plan` alike.

mod call;
mod cell;
mod coordinates;
pub mod draws;
mod memo;
mod nodes;
mod order;
mod state;

use super::facts::Operations;
use super::files::Files;
use super::graph::{Declared, Graph};
use crate::base::{Diag, Diags, Span};
use crate::lang::kind::Kind;
use crate::lang::scope::Program;
use crate::lang::typed::Script;
use state::Lowering;
use std::rc::Rc;

/// Lays a script out as cells. Without `files` nothing is read, and coordinates that only files tell stand for one unknown each.
pub fn lower(program: &Program, script: &Script, operations: &dyn Operations, files: Option<&Files>) -> (Graph, Diags) {
    let mut lowering = Lowering::new(program, script, operations, files);
    // Values come after those that they are made from, so that none waits for another however long the chain.
    for v in order::order(script) {
        lowering.declare(v);
    }
    let axes: Vec<_> = script.order.iter().map(|v| lowering.labelled_of(&lowering.value(*v))).collect();
    let (cells, mut memo, mut diags) = lowering.end();
    if let Some(path) = files.and_then(Files::changed) {
        let message = format!("`{}` changed while the plan was made", path.display());
        let place = script.order.first().map_or_else(Span::default, |v| script.values[*v].span);
        diags.push(Diag::error("cfx::file::changed", place, message).help("plan again, once nothing writes to it"));
    }
    let mut values = Vec::new();
    for (v, axes) in script.order.iter().zip(axes) {
        let decl = &script.values[*v];
        let entries = match memo[*v].take().map(Rc::try_unwrap) {
            Some(Ok(array)) => array.entries,
            Some(Err(shared)) => shared.entries.clone(),
            None => Vec::new(),
        };
        values.push(Declared {
            keyword: decl.keyword.word().to_string(),
            name: decl.name.clone(),
            kind: decl.typed.kind.to_string(),
            source: program.sources.text(decl.span).to_string(),
            span: decl.span,
            doc: decl.doc.clone(),
            axes,
            entries,
        });
    }
    let graph = Graph { title: script.title.clone(), seed: script.seed, cells, values, ..Graph::default() };
    (graph, diags)
}

/// Returns whether a value of this kind is a result that the report shows.
pub fn shown(kind: &Kind) -> bool {
    !matches!(kind, Kind::Dataset | Kind::Unknown)
}
