//! A small library of scientific figures: panels on a grid, axes with round ticks, legends outside the data, SVG, PNG and PDF.
//!
//! In: numbers and words, laid out as a [`Plot`]. Out: an SVG text, a PNG and a PDF file, equal bytes for equal input.
//! Never: dates, random numbers, fonts or settings of the machine, or where the numbers come from.

pub mod color;
mod draw;
pub mod font;
mod marks;
pub mod pdf;
mod plot;
pub mod png;
pub mod raster;
pub mod scale;
pub mod svg;
#[cfg(test)]
mod tests;

pub use color::Color;
pub use plot::{Axis, Branches, ColorBar, Key, Legend, Mark, Marker, Panel, Plot, Shades, Sign, marker};
pub use scale::{Scale, Tick};
