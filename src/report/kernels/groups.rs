//! Groups of things (`low`, `high`): their order and their colours, the same in every figure.

use crate::report::figure::{Color, color};

/// Returns groups in order, `low` before `high`, with their colours: the same in every figure.
pub fn colored(mut kinds: Vec<String>) -> (Vec<String>, Vec<Color>) {
    kinds.sort_by_key(|w| match w.as_str() {
        "low" => 0,
        "high" => 2,
        _ => 1,
    });
    let palette = match kinds.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // One of the two may be alone.
        ["low", "high"] => vec![color::OKABE_ITO[1], color::OKABE_ITO[0]],
        ["low"] => vec![color::OKABE_ITO[1]],
        _ => color::series(kinds.len(), false),
    };
    (kinds, palette)
}
