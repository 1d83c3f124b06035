//! A figure as the report shows it.

use crate::engine::value::Figure;
use std::sync::Arc;

/// A figure, or why it is absent.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Index of the declaration.
    pub declared: usize,
    /// Which of its entries.
    pub place: usize,
    /// Name of the files, without extension.
    pub file: String,
    /// The figure.
    pub figure: Option<Arc<Figure>>,
    /// Why there is none.
    pub absent: String,
}
