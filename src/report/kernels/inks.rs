//! Colours of series: by the coordinates of an axis or by a value over it, with the legend or the bar that explains them.

use super::cube::Cube;
use super::field::{Field, scalar};
use super::frame::Frame;
use super::groups;
use super::named::AxisName;
use crate::engine::value::Value;
use crate::report::figure::{Color, ColorBar, Key, Legend, Shades, Sign, Tick, color, scale};

/// More series than this with numbers as coordinates are explained by a bar of colours.
const NUMBERED: usize = 12;

/// More series than this with names as coordinates are explained by a bar of colours.
const NAMED: usize = 24;

/// The colours of a figure's series.
pub struct Inks {
    /// A colour for each coordinate of the axis of colours; the last is for series without that axis.
    pub colors: Vec<Color>,
    /// What the colours stand for, where they are few.
    pub legend: Option<Legend>,
    /// What the colours stand for, where they are many or stand for numbers.
    pub bar: Option<ColorBar>,
}

impl Inks {
    /// Returns the colours of a figure's series: by the value `by`, which has the axis of colours, or by the coordinates of that axis.
    pub fn of(cube: &Cube, frame: &Frame, by: Option<&Field>, sign: impl Fn(usize) -> Sign) -> Inks {
        let n = cube.colors.1.len();
        if n == 0 {
            return Inks { colors: vec![color::OKABE_ITO[0]], legend: None, bar: None };
        }
        let title = frame.axis_label(&cube.colors.0);
        match by {
            Some(by) => Inks::by_value(cube, by),
            None if n > if cube.ordered { NUMBERED } else { NAMED } => {
                let map = color::Map::Ink;
                let colors: Vec<Color> = (0..n).map(|i| map.at(i as f64 / (n - 1) as f64)).chain([color::INK]).collect();
                let ticks: Vec<Tick> = frame
                    .coordinates(&cube.colors.0, &cube.colors.1)
                    .into_iter()
                    .enumerate()
                    .map(|(i, c)| (i as f64, c))
                    .collect();
                let bar = ColorBar {
                    label: title,
                    range: (0.0, (n - 1) as f64),
                    shades: Shades::Even,
                    map,
                    absent: String::new(),
                    ticks: Some(ticks),
                };
                Inks { colors, legend: Inks::others(cube, Vec::new(), &sign), bar: Some(bar) }
            }
            None => {
                let mut colors = color::series(n, cube.ordered);
                colors.push(color::INK);
                let text = |i: usize| frame.coordinate(&cube.colors.0, &cube.colors.1[i]);
                let key = |i: usize| Key { text: text(i), color: colors[i], sign: sign(i) };
                let keys = (0..n).map(key).collect();
                let legend = Inks::others(cube, keys, &sign).map(|l| Legend { title, ..l });
                Inks { colors, legend, bar: None }
            }
        }
    }

    /// Returns the legend with an entry for series of inputs without the axis of colours, where there are any.
    fn others(cube: &Cube, mut keys: Vec<Key>, sign: &impl Fn(usize) -> Sign) -> Option<Legend> {
        let n = cube.colors.1.len();
        if cube.series.keys().any(|k| k.2 == n) {
            keys.push(Key { text: format!("without {}", cube.colors.0), color: color::INK, sign: sign(n) });
        }
        (!keys.is_empty()).then(|| Legend { title: String::new(), entries: keys })
    }

    fn by_value(cube: &Cube, by: &Field) -> Inks {
        let values: Vec<Option<&Value>> = cube.colors.1.iter().map(|c| at(by, &cube.colors.0, c)).collect();
        let word = |v: &Option<&Value>| match v {
            Some(Value::Word(w)) => Some(w.clone()),
            Some(Value::Truth(t)) => Some(if t.holds { "true" } else { "false" }.to_string()),
            _ => None,
        };
        let words: Vec<Option<String>> = values.iter().map(word).collect();
        if words.iter().any(Option::is_some) {
            let mut kinds: Vec<String> = Vec::new();
            words.iter().flatten().for_each(|w| {
                if !kinds.contains(w) {
                    kinds.push(w.clone());
                }
            });
            let (kinds, palette) = groups::colored(kinds);
            let ink = |w: &Option<String>| {
                w.as_ref().and_then(|w| kinds.iter().position(|k| k == w)).map_or(color::GREY, |i| palette[i])
            };
            let colors = words.iter().map(ink).chain([color::INK]).collect();
            let key = |(k, ink): (&String, &Color)| Key { text: k.clone(), color: *ink, sign: Sign::Patch };
            let entries = kinds.iter().zip(&palette).map(key).collect();
            return Inks { colors, legend: Some(Legend { title: by.label(), entries }), bar: None };
        }
        let numbers: Vec<f64> = values.iter().map(|v| v.and_then(scalar).map_or(f64::NAN, |n| n.value)).collect();
        let (low, high) = scale::range(numbers.iter().copied());
        let map = color::Map::Ink;
        let ink = |v: &f64| match v.is_finite() {
            true => map.at(if scale::differ(low, high) { (v - low) / (high - low) } else { 0.5 }),
            false => color::GREY,
        };
        let colors = numbers.iter().map(ink).chain([color::INK]).collect();
        let range = if low > high { (0.0, 1.0) } else { (low, high) };
        let shades = Shades::of(numbers.iter().copied());
        let bar = ColorBar { label: by.label(), range, shades, map, absent: String::new(), ticks: None };
        Inks { colors, legend: None, bar: Some(bar) }
    }

    /// Returns whether there are too many series for a mark at each place.
    pub fn many(&self) -> bool {
        self.colors.len() > NUMBERED + 1
    }
}

/// Returns the first value at a coordinate.
fn at<'a>(by: &'a Field, axis: &str, coordinate: &str) -> Option<&'a Value> {
    let role = if axis == "class" { "class" } else { "" };
    let axis = by.find(&AxisName { name: axis.to_string(), role: role.to_string() })?;
    let here = (0..by.values.len()).find(|i| by.axes[axis].coordinates[by.places(*i)[axis]] == coordinate)?;
    by.values.get(here)
}
