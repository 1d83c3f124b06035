//! Colours that print, that colour-blind readers can tell apart, and whose maps are even in lightness.

use std::fmt;

/// A colour as `0xRRGGBB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u32);

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

/// Text.
pub const INK: Color = Color(0x1f2328);
/// Text of less weight.
pub const SOFT: Color = Color(0x57606a);
/// Axes.
pub const FRAME: Color = Color(0x6e7781);
/// Grid lines.
pub const GRID: Color = Color(0xe7eaee);
/// Series shown for comparison, and places without a value.
pub const GREY: Color = Color(0x8c959f);
/// Ground of places without a value.
pub const EMPTY: Color = Color(0xeceff2);
/// The same beside white, which stands for zero.
pub const NO_SIGN: Color = Color(0xb7bec6);
/// The ground.
pub const WHITE: Color = Color(0xffffff);

/// Okabe and Ito's palette ("Color Universal Design", 2008) without black and yellow, ordered for contrast between neighbours.
pub const OKABE_ITO: [Color; 7] =
    [Color(0x0072b2), Color(0xd55e00), Color(0x009e73), Color(0xcc79a7), Color(0xe69f00), Color(0x56b4e9), Color(0x444444)];

/// Maps from 0..1 to colours that are even in perceived lightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// matplotlib's viridis.
    Viridis,
    /// Cividis (Nuñez, Anderton & Renslow 2018): the same to readers with and without colour vision deficiency.
    Cividis,
    /// Viridis without its yellow end, which is too light for lines on white.
    Ink,
    /// ColorBrewer's RdBu (Harrower & Brewer 2003) from blue over white to red, for numbers of both signs; safe for readers with colour vision deficiency.
    Diverging,
}

const VIRIDIS: [u32; 33] = [
    0x440154, 0x470d60, 0x48186a, 0x482374, 0x472d7b, 0x453781, 0x424086, 0x3e4989, 0x3b528b, 0x375b8d, 0x33638d, 0x2f6b8e,
    0x2c728e, 0x297a8e, 0x26828e, 0x23898e, 0x21918c, 0x1f988b, 0x1fa088, 0x22a785, 0x28ae80, 0x32b67a, 0x3fbc73, 0x4ec36b,
    0x5ec962, 0x70cf57, 0x84d44b, 0x98d83e, 0xaddc30, 0xc2df23, 0xd8e219, 0xece51b, 0xfde725,
];

const CIVIDIS: [u32; 33] = [
    0x00224e, 0x00285b, 0x002e6a, 0x053371, 0x1a386f, 0x273e6e, 0x32436d, 0x3b496c, 0x434e6c, 0x4b546c, 0x535a6d, 0x5a5f6e,
    0x61656f, 0x686a71, 0x6f7073, 0x767676, 0x7d7c78, 0x848279, 0x8c8878, 0x938e78, 0x9b9476, 0xa39a74, 0xaba072, 0xb4a76f,
    0xbcae6c, 0xc4b468, 0xcdbb63, 0xd5c25e, 0xdec958, 0xe7d150, 0xf0d846, 0xf9e03a, 0xfee838,
];

const BLUE_TO_RED: [u32; 11] =
    [0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b, 0x67001f];

/// The smaller side of zero has at least this share of the larger one where numbers count as of both signs.
const BOTH_SIGNS: f64 = 0.05;

impl Map {
    /// Returns the map for numbers between these ends: a diverging one where they lie on both sides of zero, one even in lightness elsewhere.
    /// A few rounding errors below zero make no side.
    pub fn between(low: f64, high: f64) -> Map {
        if low < 0.0 && high > 0.0 && (-low).min(high) >= BOTH_SIGNS * (-low).max(high) { Map::Diverging } else { Map::Viridis }
    }

    /// Returns the colour of a value between two ends. Zero is the middle of a diverging map, and equal distances from it are equally strong.
    pub fn of(self, value: f64, (low, high): (f64, f64)) -> Color {
        match self {
            Map::Diverging => self.at(0.5 + 0.5 * value / (-low).max(high)),
            _ if super::scale::differ(low, high) => self.at((value - low) / (high - low)),
            _ => self.at(0.5),
        }
    }

    /// Returns the ground of places without a value, which is none of the map's colours.
    pub fn ground(self) -> Color {
        if self == Map::Diverging { NO_SIGN } else { EMPTY }
    }

    /// Returns the colour at a place in 0..1 (clamped), linear between the colours of the table.
    pub fn at(self, place: f64) -> Color {
        let (table, length): (&[u32], f64) = match self {
            Map::Viridis => (&VIRIDIS, 32.0),
            Map::Cividis => (&CIVIDIS, 32.0),
            Map::Ink => (&VIRIDIS, 28.0),
            Map::Diverging => (&BLUE_TO_RED, 10.0),
        };
        let place = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 } * length;
        let low = (place.floor() as usize).min(table.len() - 2);
        mix(Color(table[low]), Color(table[low + 1]), place - low as f64)
    }
}

/// Returns the colour a `share` of the way from one to another.
pub fn mix(from: Color, to: Color, share: f64) -> Color {
    let part = |shift: u32| {
        let (a, b) = (((from.0 >> shift) & 255) as f64, ((to.0 >> shift) & 255) as f64);
        ((a + (b - a) * share).round() as u32) << shift
    };
    Color(part(16) | part(8) | part(0))
}

/// Returns colours for a number of series: the categorical palette, or an even map for ordered or many series.
pub fn series(count: usize, ordered: bool) -> Vec<Color> {
    if count <= OKABE_ITO.len() && !(ordered && count > 2) {
        return OKABE_ITO[..count].to_vec();
    }
    // The yellow end of viridis is too light for lines on white.
    (0..count).map(|i| Map::Viridis.at(0.85 * i as f64 / (count.max(2) - 1) as f64)).collect()
}

/// Returns whether dark text reads better than light text on a ground (WCAG relative luminance above 0.3).
pub fn is_light(ground: Color) -> bool {
    let part = |shift: u32| {
        let c = ((ground.0 >> shift) & 255) as f64 / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(16) + 0.7152 * part(8) + 0.0722 * part(0) > 0.3
}
