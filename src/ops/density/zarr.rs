//! Chains as an InferenceData store that ArviZ opens: Zarr version 2, uncompressed, written by hand.
//!
//! Groups `posterior` and `sample_stats`; dimensions chain, draw (passes after burn-in), then the axes of the value. Layout: Zarr storage
//! specification version 2; dimension names as xarray keeps them (`_ARRAY_DIMENSIONS`); one chunk an array.

use super::chain::{SCALARS, Scalars};
use super::posterior::Posterior;
use crate::engine::value::Pack;
use serde_json::{Map, Value as Json, json};

/// Scalars of the passes after burn-in, chain after chain.
pub type Draws = Vec<Vec<Scalars>>;

/// Returns the draws of a density's pack, or nothing where it is no density of `dp_mixture`.
pub fn draws(pack: &Pack) -> Option<Draws> {
    let p = Posterior::unpack(pack).ok()?;
    let burn_in = p.fit.setup.burn_in;
    Some(p.chains.iter().map(|c| c.trace[burn_in.min(c.trace.len())..].to_vec()).collect())
}

/// Files of a store, and the metadata that is repeated in `.zmetadata`.
#[derive(Default)]
struct Store {
    files: Vec<(String, Vec<u8>)>,
    metadata: Map<String, Json>,
}

impl Store {
    fn json(&mut self, path: String, value: Json) {
        self.files.push((path.clone(), format!("{value:#}\n").into_bytes()));
        self.metadata.insert(path, value);
    }

    fn group(&mut self, name: &str, attributes: Json) {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
        self.json(format!("{prefix}.zgroup"), json!({ "zarr_format": 2 }));
        self.json(format!("{prefix}.zattrs"), attributes);
    }

    fn array(&mut self, path: &str, dtype: &str, shape: &[usize], dims: &[&str], bytes: Vec<u8>) {
        let fill = if dtype == "<f8" { json!("NaN") } else { Json::Null };
        let about = json!({
            "chunks": shape, "compressor": null, "dtype": dtype, "fill_value": fill, "filters": null, "order": "C", "shape": shape,
            "zarr_format": 2,
        });
        self.json(format!("{path}/.zarray"), about);
        self.json(format!("{path}/.zattrs"), json!({ "_ARRAY_DIMENSIONS": dims }));
        self.files.push((format!("{path}/{}", vec!["0"; shape.len()].join(".")), bytes));
    }
}

/// Returns the files of a store as (path, bytes): chains of all cells of a value with the given axes (names and coordinates, cells in
/// row-major order). Cells that are not there, and passes that a cell lacks, hold NaN. Nothing where no cell has draws.
pub fn inference_data(axes: &[(String, Vec<String>)], cells: &[Option<Draws>]) -> Option<Vec<(String, Vec<u8>)>> {
    let chains = cells.iter().flatten().map(Vec::len).max().filter(|n| *n > 0)?;
    let passes = cells.iter().flatten().flatten().map(Vec::len).max().filter(|n| *n > 0)?;
    let names: Vec<String> =
        axes.iter().map(|(n, _)| if n == "chain" || n == "draw" { format!("{n}_axis") } else { n.clone() }).collect();
    let dims: Vec<&str> = ["chain", "draw"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let shape: Vec<usize> = [chains, passes].into_iter().chain(axes.iter().map(|(_, c)| c.len())).collect();
    let mut store = Store::default();
    store.group("", json!({}));
    for (group, variables) in [("posterior", vec![0, 1, 3, 4]), ("sample_stats", vec![2])] {
        store.group(group, json!({ "inference_library": "cfx", "creation_library": "cfx" }));
        for (dim, length) in [("chain", chains), ("draw", passes)] {
            let bytes = (0..length as i64).flat_map(i64::to_le_bytes).collect();
            store.array(&format!("{group}/{dim}"), "<i8", &[length], &[dim], bytes);
        }
        for ((_, coordinates), name) in axes.iter().zip(&names) {
            let longest = coordinates.iter().map(|c| c.chars().count()).max().unwrap_or(0).max(1);
            let letters = |c: &String| -> Vec<u8> {
                c.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest).flat_map(u32::to_le_bytes).collect()
            };
            let bytes = coordinates.iter().flat_map(letters).collect();
            store.array(&format!("{group}/{name}"), &format!("<U{longest}"), &[coordinates.len()], &[name], bytes);
        }
        for scalar in variables {
            // ArviZ knows the joint log posterior as `lp`.
            let name = if scalar == 2 { "lp" } else { SCALARS[scalar] };
            let mut bytes = Vec::with_capacity(8 * shape.iter().product::<usize>());
            for chain in 0..chains {
                for pass in 0..passes {
                    for cell in cells {
                        let draw = cell.as_ref().and_then(|d| d.get(chain)?.get(pass));
                        bytes.extend(draw.map_or(f64::NAN, |s| s[scalar]).to_le_bytes());
                    }
                }
            }
            store.array(&format!("{group}/{name}"), "<f8", &shape, &dims, bytes);
        }
    }
    let all = json!({ "metadata": store.metadata, "zarr_consolidated_format": 1 });
    store.files.push((".zmetadata".to_string(), format!("{all:#}\n").into_bytes()));
    Some(store.files)
}
