//! How large networks may be, and messages that checking a body and laying it out share.

use super::library::Library;
use crate::base::{Diag, Span};
use crate::lang::suggest::suggestion;
use crate::syntax::ast::Block;

/// The most steps that laying it out may take, layers or not.
pub(super) const MOST_STEPS: usize = 500_000;
/// The deepest that steps may stand inside steps, those of layers that they use included.
pub(super) const DEEPEST: usize = 300;

/// Returns the message for a step that is no layer at all.
pub(super) fn no_layer(span: Span) -> Diag {
    Diag::error("cfx::network::not_layer", span, "this is not a layer").help("a step is a layer, as in `conv(16, 3) -> relu`")
}

/// Returns the message for a name that is no layer, with the nearest one.
pub(super) fn unknown_layer(library: &dyn Library, name: &str, span: Span, passed: &[&str]) -> Diag {
    let known = library.layers(span);
    let candidates: Vec<&str> = known.iter().map(String::as_str).chain(passed.iter().copied()).collect();
    let mut diag = Diag::error("cfx::network::unknown_layer", span, format!("there is no layer `{name}`"));
    diag.help = match crate::lang::suggest::layer_elsewhere(name) {
        Some(ours) => Some(format!("write {ours}")),
        None => suggestion(name, &candidates, "layers").or_else(|| Some("`cfx doc` lists the layers".to_string())),
    };
    diag
}

/// Returns the message for a combinator without its braces.
pub(super) fn needs_steps(name: &str, span: Span) -> Diag {
    let text = format!("`{name}` holds steps, but there are none");
    Diag::error("cfx::network::no_steps", span, text).help(format!("write `{name} {{ conv(16, 3) -> relu }}`"))
}

/// Returns the message for braces after a layer that takes no steps.
pub(super) fn holds_no_steps(name: &str, block: &Block, span: Span) -> Diag {
    let at = match block {
        Block::Body(body) => body.span,
        Block::Fields(fields) => fields.first().map_or(span, |f| f.value.span),
    };
    Diag::error("cfx::network::steps", at, format!("`{name}` holds no steps"))
        .help(format!("in a body, arguments stand in round brackets: `{name}(…)`"))
}
