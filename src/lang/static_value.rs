//! Values known before anything runs: the settings that operations are given.

use super::net::ir::Net;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// The largest whole number up to which all whole numbers are exact: 2^53.
pub const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A value known before the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    /// The word `none`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A number, units applied.
    Number(f64),
    /// A string.
    Text(String),
    /// A word of an option set, or a coordinate's name.
    Word(String),
    /// A list.
    List(Vec<Static>),
    /// Named entries in the order written.
    Map(Vec<(String, Static)>),
    /// A constructor of a `variant` with all its fields, defaults filled in: `sgd(momentum: 0.9)`.
    Make(String, Vec<(String, Static)>),
    /// `scale * name + offset`, for settings that depend on a size of the data, such as `dim + 2`.
    Affine { name: String, scale: f64, offset: f64 },
    /// An elaborated network.
    Net(Arc<Net>),
    /// A result that a setting refers to (`accuracy(test)`): the name of the input slot that carries it.
    Input(String),
}

impl Static {
    /// Returns the canonical JSON form, which keys are hashed from and manifests show.
    pub fn to_json(&self) -> Json {
        match self {
            Static::None => Json::Null,
            Static::Bool(b) => json!(b),
            Static::Number(x) if x.fract() == 0.0 && x.abs() < 9e15 => json!(*x as i64),
            Static::Number(x) => json!(x),
            Static::Text(t) => json!(t),
            Static::Word(w) => json!({ "word": w }),
            Static::List(items) => Json::Array(items.iter().map(Static::to_json).collect()),
            Static::Map(entries) => json!({ "map": entries.iter().map(|(k, v)| json!([k, v.to_json()])).collect::<Vec<_>>() }),
            Static::Make(name, fields) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                json!({ "make": name, "with": sorted.iter().map(|(k, v)| json!([k, v.to_json()])).collect::<Vec<_>>() })
            }
            Static::Affine { name, scale, offset } => json!({ "affine": [scale, name, offset] }),
            Static::Net(net) => json!({ "net": net.hash().to_string() }),
            Static::Input(slot) => json!({ "input": slot }),
        }
    }

    /// Returns how many elements a value has, those of lists and maps inside it counted, and how deep these lie in each other.
    pub fn extent(&self) -> (usize, usize) {
        let of_all = |items: &mut dyn Iterator<Item = &Static>| {
            items.map(Static::extent).fold((0, 1), |(n, deep), (m, below)| (n + m.max(1), deep.max(below + 1)))
        };
        match self {
            Static::List(items) => of_all(&mut items.iter()),
            Static::Map(entries) | Static::Make(_, entries) => of_all(&mut entries.iter().map(|(_, v)| v)),
            _ => (1, 0),
        }
    }

    /// Returns the number, where it is one.
    pub fn number(&self) -> Option<f64> {
        if let Static::Number(x) = self { Some(*x) } else { None }
    }

    /// Returns the number with `name` standing for `value`: plain numbers are themselves.
    pub fn number_with(&self, variable: &str, value: f64) -> Option<f64> {
        match self {
            Static::Number(x) => Some(*x),
            Static::Affine { name, scale, offset } if name == variable => Some(scale * value + offset),
            _ => None,
        }
    }

    /// Returns the word or text, where it is one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Static::Word(w) | Static::Text(w) => Some(w),
            _ => None,
        }
    }

    /// Returns a constructor's name and fields.
    pub fn make(&self) -> Option<(&str, Settings)> {
        if let Static::Make(name, fields) = self { Some((name, Settings(fields.clone()))) } else { None }
    }
}

/// Settings by name: every parameter of an operation that is not an input, every argument of a layer, every field of a constructor,
/// defaults filled in. Operations read them as a struct: see [`super::settings`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(pub Vec<(String, Static)>);

impl Settings {
    /// Returns a setting, where there is one of that name.
    pub fn find(&self, name: &str) -> Option<&Static> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Returns the canonical JSON form: an object sorted by name.
    pub fn to_json(&self) -> Json {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        Json::Object(sorted.into_iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
    }
}
