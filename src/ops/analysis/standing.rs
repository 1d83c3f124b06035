//! Where cells stand on the axes that were taken in: what tells which of them share a coordinate.

use super::drawn::AXES;
use crate::engine::kernel::LabelledAxis;
use crate::engine::parts::unit;

/// Where cells stand on the axes along which they differ.
pub struct Standing {
    /// How many these axes are.
    pub axes: usize,
    /// For each cell its coordinates on them, 0 on those that are not there. Axes beyond the last that is told apart are one with it.
    pub at: Vec<[u32; AXES]>,
    /// For each cell the sources of error that these coordinates are.
    pub units: Vec<[u64; AXES]>,
    /// Whether these are the same wherever values stand over the axes: all are declared, and none nests in another.
    pub named: bool,
}

impl Standing {
    /// Returns where cells stand, given the positions of their coordinates; the sources only where `told` asks for them.
    pub fn of(axes: &[LabelledAxis], all: &[Vec<usize>], told: bool) -> Standing {
        let differ: Vec<usize> = (0..axes.len()).filter(|k| all.iter().any(|at| at[*k] != all[0][*k])).collect();
        let named = told && differ.iter().all(|k| axes[*k].role == "declared" && axes[*k].within.is_empty());
        let mut out = Standing { axes: differ.len().min(AXES), at: Vec::new(), units: Vec::new(), named };
        // What a coordinate is as a source, made once.
        let name = |k: usize| match named {
            true => axes[k].coordinates.iter().map(|c| unit(&axes[k].name, c)).collect::<Vec<u64>>(),
            false => vec![0; axes[k].coordinates.len()],
        };
        let named: Vec<Vec<u64>> = differ.iter().map(|k| name(*k)).collect();
        for place in all {
            let (mut at, mut units) = ([0; AXES], [0; AXES]);
            for (d, k) in differ.iter().enumerate() {
                let slot = d.min(AXES - 1);
                at[slot] = at[slot] * axes[*k].coordinates.len() as u32 + place[*k] as u32;
                units[slot] = if d < AXES { named[d][place[*k]] } else { units[slot].rotate_left(7) ^ named[d][place[*k]] };
            }
            out.at.push(at);
            out.units.push(units);
        }
        out
    }
}
