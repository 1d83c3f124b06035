//! Chains and partitions of a density as an InferenceData store that ArviZ opens: Zarr version 2, uncompressed, written by hand.
//!
//! Groups `posterior` and `sample_stats`: scalars of each pass after burn-in, dimensions chain, draw, then the axes of the value. Group
//! `partitions`: which component each row belongs to in each kept state (`component`: chain, state, axes, row), which example each row is (`id`:
//! axes, row), and after which draw a state was kept (`after_draw`: state, axes; chains that went on until they settled keep fewer of their draws). Group
//! `base_measure`: see [`measures`]. Coordinates that are numbers are numbers. Layout: Zarr storage specification version 2; dimension names as xarray
//! keeps them (`_ARRAY_DIMENSIONS`); one chunk an array.

mod measures;
mod store;

use super::chain::{SCALARS, Scalars};
use super::posterior::Posterior;
use crate::base::Coordinates;
use crate::engine::value::Pack;
use measures::Measures;
use serde_json::json;
use store::{Store, Whole, coordinates, own_names};

/// What chains left after burn-in.
pub struct Draws {
    /// Scalars of the passes, chain after chain.
    series: Vec<Vec<Scalars>>,
    /// Component of each row in each kept state, chain after chain.
    partitions: Vec<Vec<Vec<u32>>>,
    /// The draws (passes counted from the end of burn-in, from 0) after which states were kept.
    after: Vec<usize>,
    /// Ids of the rows.
    ids: Vec<u32>,
    /// The base measures.
    measures: Measures,
}

/// Returns the draws of a density's pack, or `None` if it is no density of `dp_mixture`.
pub fn draws(pack: &Pack) -> Option<Draws> {
    let p = Posterior::unpack(pack).ok()?;
    let setup = &p.fit.setup;
    let passes = p.chains.iter().map(|c| c.trace.len()).max().unwrap_or(0);
    Some(Draws {
        series: p.chains.iter().map(|c| c.trace[setup.burn_in.min(c.trace.len())..].to_vec()).collect(),
        partitions: p.chains.iter().map(|c| c.kept.iter().map(|k| k.z.clone()).collect()).collect(),
        after: (0..passes).filter(|t| setup.keeps(*t)).map(|t| t - setup.burn_in).collect(),
        measures: Measures::of(&p),
        ids: p.ids.clone(),
    })
}

/// Returns the files of a store as (path, bytes): chains of all cells of a value with the given axes (names and coordinates, cells in
/// row-major order). Cells that are not there, and passes that a cell lacks, hold NaN, and -1 in partitions. Partitions and base measures of more than `largest`
/// bytes each are left out. Nothing where no cell has draws.
pub fn inference_data(axes: &[(String, Coordinates)], cells: &[Option<Draws>], largest: u64) -> Option<Vec<(String, Vec<u8>)>> {
    let chains = cells.iter().flatten().map(|d| d.series.len()).max().filter(|n| *n > 0)?;
    let passes = cells.iter().flatten().flat_map(|d| &d.series).map(Vec::len).max().filter(|n| *n > 0)?;
    let mut store = Store::default();
    store.group("", json!({}));
    let numbered = |store: &mut Store, group: &str, dim: &str, length: usize| {
        let bytes = (0..length as i64).flat_map(i64::to_le_bytes).collect();
        store.array(&format!("{group}/{dim}"), "<i8", &[length], &[dim], bytes);
    };
    let whole = Whole { names: own_names(axes, &["chain", "draw"]), lengths: axes.iter().map(|(_, c)| c.len()).collect() };
    for (group, variables) in [("posterior", vec![0, 1, 3, 4]), ("sample_stats", vec![2])] {
        store.group(group, json!({ "inference_library": "cfx", "creation_library": "cfx" }));
        numbered(&mut store, group, "chain", chains);
        numbered(&mut store, group, "draw", passes);
        coordinates(&mut store, group, axes, &whole.names);
        for scalar in variables {
            // ArviZ knows the joint log posterior as `lp`.
            let name = if scalar == 2 { "lp" } else { SCALARS[scalar] };
            let (dims, shape) = whole.after(&[("chain", chains), ("draw", passes)]);
            let mut bytes = Vec::with_capacity(8 * shape.iter().product::<usize>());
            for chain in 0..chains {
                for pass in 0..passes {
                    for cell in cells {
                        let draw = cell.as_ref().and_then(|d| d.series.get(chain)?.get(pass));
                        bytes.extend(draw.map_or(f64::NAN, |s| s[scalar]).to_le_bytes());
                    }
                }
            }
            store.array(&format!("{group}/{name}"), "<f8", &shape, &dims, bytes);
        }
    }
    partitions(&mut store, axes, cells, chains, largest);
    let of_cells: Vec<Option<&Measures>> = cells.iter().map(|d| d.as_ref().map(|d| &d.measures)).collect();
    measures::write(&mut store, axes, &of_cells, largest);
    let all = json!({ "metadata": store.metadata, "zarr_consolidated_format": 1 });
    store.files.push((".zmetadata".to_string(), format!("{all:#}\n").into_bytes()));
    Some(store.files)
}

/// Adds the group `partitions`, unless it is larger than allowed.
fn partitions(store: &mut Store, axes: &[(String, Coordinates)], cells: &[Option<Draws>], chains: usize, largest: u64) {
    let states = cells.iter().flatten().map(|d| d.after.len()).max().unwrap_or(0);
    let rows = cells.iter().flatten().map(|d| d.ids.len()).max().unwrap_or(0);
    let size = [chains, states, cells.len(), rows, 4].iter().fold(1u64, |n, x| n.saturating_mul(*x as u64));
    if size == 0 || size > largest {
        return;
    }
    let group = "partitions";
    let names = own_names(axes, &["chain", "state", "row", "after_draw", "component", "id"]);
    let of_axes: Vec<&str> = names.iter().map(String::as_str).collect();
    let lengths: Vec<usize> = axes.iter().map(|(_, c)| c.len()).collect();
    store.group(group, json!({ "creation_library": "cfx" }));
    for (dim, length) in [("chain", chains), ("state", states), ("row", rows)] {
        let bytes = (0..length as i64).flat_map(i64::to_le_bytes).collect();
        store.array(&format!("{group}/{dim}"), "<i8", &[length], &[dim], bytes);
    }
    coordinates(store, group, axes, &names);
    let after = (0..states).flat_map(|s| cells.iter().map(move |cell| cell.as_ref().and_then(|d| d.after.get(s))));
    let bytes = after.flat_map(|t| t.map_or(-1, |t| *t as i64).to_le_bytes()).collect();
    let dims: Vec<&str> = ["state"].into_iter().chain(of_axes.iter().copied()).collect();
    let shape: Vec<usize> = [states].into_iter().chain(lengths.iter().copied()).collect();
    store.array(&format!("{group}/after_draw"), "<i8", &shape, &dims, bytes);
    let ids = cells.iter().flat_map(|cell| (0..rows).map(move |r| cell.as_ref().and_then(|d| d.ids.get(r))));
    let bytes = ids.flat_map(|id| id.map_or(-1, |id| i64::from(*id)).to_le_bytes()).collect();
    let dims: Vec<&str> = of_axes.iter().copied().chain(["row"]).collect();
    let shape: Vec<usize> = lengths.iter().copied().chain([rows]).collect();
    store.array(&format!("{group}/id"), "<i8", &shape, &dims, bytes);
    let mut bytes = Vec::with_capacity(size as usize);
    for chain in 0..chains {
        for state in 0..states {
            for cell in cells {
                let z = cell.as_ref().and_then(|d| d.partitions.get(chain)?.get(state));
                for row in 0..rows {
                    bytes.extend(z.and_then(|z| z.get(row)).map_or(-1, |k| *k as i32).to_le_bytes());
                }
            }
        }
    }
    let dims: Vec<&str> = ["chain", "state"].into_iter().chain(dims).collect();
    let shape: Vec<usize> = [chains, states].into_iter().chain(shape).collect();
    store.array(&format!("{group}/component"), "<i4", &shape, &dims, bytes);
}
