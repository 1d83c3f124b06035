//! What a figure is made of: panels, axes, marks, legends.

use super::color::{self, Color};
use super::scale::{Scale, Tick};

/// A figure: panels on a grid under a title.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Title, drawn above everything; empty for none.
    pub title: String,
    /// Panels, row by row; rows may have different lengths.
    pub rows: Vec<Vec<Panel>>,
    /// Width and height in pixels of the data area of a panel.
    pub size: (f64, f64),
    /// What the colours and markers stand for, drawn below the title.
    pub legends: Vec<Legend>,
    /// What a continuous colour stands for, drawn at the right.
    pub bar: Option<ColorBar>,
}

/// One pair of axes with what is drawn in it.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Heading of a facet; empty for none.
    pub heading: String,
    /// Heading of a row of facets, written at the right; empty for none.
    pub side: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// A second vertical axis at the right, whose numbers marks have as numbers of the first.
    pub right: Option<Axis>,
    /// A tree whose leaves are the places of the vertical axis, drawn at the right.
    pub branches: Option<Branches>,
    /// What is drawn, from the back to the front.
    pub marks: Vec<Mark>,
    /// Shaded ranges of the horizontal axis, behind everything: from, to, colour, words at the top.
    pub shades: Vec<(f64, f64, Color, String)>,
}

impl Panel {
    /// Returns a panel without a heading.
    pub fn new(x: Axis, y: Axis, marks: Vec<Mark>) -> Panel {
        Panel { heading: String::new(), side: String::new(), x, y, right: None, branches: None, marks, shades: Vec::new() }
    }
}

/// A tree beside a panel.
#[derive(Clone, Debug)]
pub struct Branches {
    /// Its lines: height and place among the leaves of both ends.
    pub lines: Vec<((f64, f64), (f64, f64))>,
    /// The largest height.
    pub top: f64,
    /// What its heights are.
    pub label: String,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Label with its unit.
    pub label: String,
    /// From numbers to places.
    pub scale: Scale,
    /// Ticks where they are given; nothing: round numbers.
    pub ticks: Option<Vec<Tick>>,
    /// Whether the first place is at the top (rows of a heatmap).
    pub reverse: bool,
    /// Whether grid lines are drawn at the ticks.
    pub grid: bool,
}

impl Axis {
    /// Returns an axis with round ticks and a grid.
    pub fn new(label: impl Into<String>, scale: Scale) -> Self {
        let grid = !matches!(scale, Scale::Category { .. });
        Axis { label: label.into(), scale, ticks: None, reverse: false, grid }
    }

    /// Returns the axis without grid lines.
    pub fn bare(mut self) -> Self {
        self.grid = false;
        self
    }

    /// Returns the place of a number in 0..1 from the left or the bottom.
    pub fn place(&self, v: f64) -> f64 {
        let p = self.scale.place(v);
        if self.reverse { 1.0 - p } else { p }
    }
}

/// Shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Filled circle.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle.
    Triangle,
    /// Filled diamond.
    Diamond,
    /// Filled triangle upside down.
    Down,
    /// Circle with an empty inside.
    Hollow,
    /// Two lines across each other, laid over what is drawn.
    Cross,
}

/// Returns the marker of the i-th series.
pub fn marker(i: usize) -> Marker {
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Down][i % 5]
}

/// Something drawn in a panel; numbers are in the units of its axes. Parts that are not finite are left out.
#[derive(Clone, Debug)]
pub enum Mark {
    /// Points: places, a colour for each (or one for all), shape, radius in pixels, opacity.
    Points { at: Vec<(f64, f64)>, colors: Vec<Color>, marker: Marker, radius: f64, opacity: f64 },
    /// Vertical error bars: place, low, high.
    Errors { at: Vec<(f64, f64, f64)>, color: Color, width: f64, cap: f64, opacity: f64 },
    /// Horizontal error bars: low, high, place.
    Across { at: Vec<(f64, f64, f64)>, color: Color, width: f64, opacity: f64 },
    /// A line through points, broken where one is not finite.
    Line { at: Vec<(f64, f64)>, color: Color, width: f64, dash: &'static str, opacity: f64 },
    /// A filled band: place, low, high.
    Band { at: Vec<(f64, f64, f64)>, color: Color, opacity: f64 },
    /// Upright bars: left, right, foot, head.
    Bars { at: Vec<(f64, f64, f64, f64)>, color: Color },
    /// Tiles of a heatmap at (column, row), with a short text inside, or none.
    Tiles { at: Vec<(usize, usize, Color, String)> },
    /// Words beside points, left out where they would cover another.
    Names { at: Vec<(f64, f64, String)> },
    /// Words in the middle of the panel, in place of what is not there.
    Note { text: String },
    /// A line across the whole panel at a value of the vertical axis.
    Rule { y: f64, color: Color, dash: &'static str },
    /// A line across the whole panel at a value of the horizontal axis.
    Upright { x: f64, color: Color, dash: &'static str },
    /// A shaded range of the horizontal axis (`upright`) or of the vertical one.
    Stripe { low: f64, high: f64, upright: bool, color: Color },
    /// A filled step line: left edge, right edge and height of each bin, from zero.
    Steps { at: Vec<(f64, f64, f64)>, color: Color, fill: f64 },
    /// Images at (column, row) of a grid of categories: the address of each.
    Images { at: Vec<(usize, usize, String)> },
}

impl Mark {
    /// Returns at how many places it draws.
    pub fn places(&self) -> usize {
        match self {
            Mark::Points { at, .. } | Mark::Line { at, .. } => at.len(),
            Mark::Errors { at, .. } | Mark::Across { at, .. } | Mark::Band { at, .. } | Mark::Steps { at, .. } => at.len(),
            Mark::Bars { at, .. } => at.len(),
            Mark::Tiles { at } => at.len(),
            Mark::Names { at } => at.len(),
            Mark::Images { at } => at.len(),
            Mark::Note { .. } | Mark::Rule { .. } | Mark::Upright { .. } | Mark::Stripe { .. } => 1,
        }
    }
}

/// What colours or markers stand for.
#[derive(Clone, Debug, Default)]
pub struct Legend {
    /// What the entries are coordinates of; empty for none.
    pub title: String,
    /// The entries.
    pub entries: Vec<Key>,
}

/// One entry of a legend.
#[derive(Clone, Debug)]
pub struct Key {
    /// What it says.
    pub text: String,
    /// Its colour.
    pub color: Color,
    /// How it is drawn.
    pub sign: Sign,
}

/// How an entry of a legend is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A point.
    Point(Marker),
    /// A line with a point.
    Line(Marker),
    /// A filled square.
    Patch,
    /// A filled square with a line through it: a band about a mean.
    Band,
    /// An upright bar with caps.
    Bar,
    /// A line of dashes.
    Dash(&'static str),
}

/// What the numbers of a bar of colours are: where its ticks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shades {
    /// Any numbers, evenly.
    #[default]
    Even,
    /// Whole numbers, evenly: ticks are whole.
    Whole,
    /// Positive numbers, evenly in the logarithm.
    Powers,
}

impl Shades {
    /// Returns those of some numbers on an even scale.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Shades {
        if values.into_iter().filter(|v| v.is_finite()).all(|v| v.fract() == 0.0) { Shades::Whole } else { Shades::Even }
    }
}

/// What a continuous colour stands for.
#[derive(Clone, Debug)]
pub struct ColorBar {
    /// Label with its unit.
    pub label: String,
    /// Ends of the range.
    pub range: (f64, f64),
    /// What its numbers are.
    pub shades: Shades,
    /// The colours.
    pub map: color::Map,
    /// What grey tiles mean; empty where there are none.
    pub absent: String,
    /// Ticks where they are given; nothing: round numbers.
    pub ticks: Option<Vec<Tick>>,
}
