//! Files of a Zarr store, and the axes of a value in it.

use crate::base::Coordinates;
use serde_json::{Map, Value as Json, json};

/// Files of a store, and the metadata that is repeated in `.zmetadata`.
#[derive(Default)]
pub struct Store {
    /// Path and bytes of each.
    pub files: Vec<(String, Vec<u8>)>,
    /// Path and content of each file that describes an array or a group.
    pub metadata: Map<String, Json>,
}

impl Store {
    fn json(&mut self, path: String, value: Json) {
        self.files.push((path.clone(), format!("{value:#}\n").into_bytes()));
        self.metadata.insert(path, value);
    }

    /// Adds a group with attributes; the root where it has no name.
    pub fn group(&mut self, name: &str, attributes: Json) {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
        self.json(format!("{prefix}.zgroup"), json!({ "zarr_format": 2 }));
        self.json(format!("{prefix}.zattrs"), attributes);
    }

    /// Adds an array of one chunk.
    pub fn array(&mut self, path: &str, dtype: &str, shape: &[usize], dims: &[&str], bytes: Vec<u8>) {
        let fill = if dtype == "<f8" { json!("NaN") } else { Json::Null };
        let about = json!({
            "chunks": shape, "compressor": null, "dtype": dtype, "fill_value": fill, "filters": null, "order": "C", "shape": shape,
            "zarr_format": 2,
        });
        self.json(format!("{path}/.zarray"), about);
        self.json(format!("{path}/.zattrs"), json!({ "_ARRAY_DIMENSIONS": dims }));
        // The one chunk of an array without dimensions is called 0 too.
        self.files.push((format!("{path}/{}", vec!["0"; shape.len().max(1)].join(".")), bytes));
    }
}

/// Names and lengths of the axes of a value.
pub struct Whole {
    /// Names, apart from the dimensions that a group has by itself.
    pub names: Vec<String>,
    /// Lengths.
    pub lengths: Vec<usize>,
}

impl Whole {
    /// Returns dimensions and shape: those given, then the axes.
    pub fn after<'a>(&'a self, first: &[(&'a str, usize)]) -> (Vec<&'a str>, Vec<usize>) {
        let dims = first.iter().map(|d| d.0).chain(self.names.iter().map(String::as_str)).collect();
        (dims, first.iter().map(|d| d.1).chain(self.lengths.iter().copied()).collect())
    }
}

/// Returns the names of axes, apart from the dimensions that a group has by itself.
pub fn own_names(axes: &[(String, Coordinates)], taken: &[&str]) -> Vec<String> {
    axes.iter().map(|(n, _)| if taken.contains(&n.as_str()) { format!("{n}_axis") } else { n.clone() }).collect()
}

/// Adds the coordinates of the axes to a group.
pub fn coordinates(store: &mut Store, group: &str, axes: &[(String, Coordinates)], names: &[String]) {
    for ((_, coordinates), name) in axes.iter().zip(names) {
        let (dtype, bytes) = match coordinates {
            Coordinates::Integers(x) => ("<i8".to_string(), x.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Coordinates::Numbers(x) => ("<f8".to_string(), x.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Coordinates::Words(words) => {
                let longest = words.iter().map(|c| c.chars().count()).max().unwrap_or(0).max(1);
                let letters = |c: &String| -> Vec<u8> {
                    c.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest).flat_map(u32::to_le_bytes).collect()
                };
                (format!("<U{longest}"), words.iter().flat_map(letters).collect())
            }
        };
        store.array(&format!("{group}/{name}"), &dtype, &[coordinates.len()], &[name], bytes);
    }
}
