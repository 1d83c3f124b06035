//! A fitted density: rows, frame, kept partitions and traces; to and from the pack `density.dp`.
//!
//! Pack layout. `meta`: `dim`, `rows`, `class` (label or null), `class_name`, `classes`, `verdict`, `r_hat` (a number, null, or `infinite`), `ess`, `note` (see
//! [`Glance`]), `settings` (see [`super::settings::Fit`]), `kappa`, `dof`, `moves` (per chain). Arrays: `rows` (f64, n x d, the data's units), `ids` (u32, n),
//! `labels` (u32, n or 0), `centre` (f64, d), `factor` (f64, d or d x d: Cholesky factor of the prior's scale),
//! `constant_units` (u32) and `constants` (f64): units of the representation that are constant in all rows, and so left out of
//! everything else here; `dim` counts the others. `alphas` (f64, states), `partitions` (u32, states x n: component of every row), `chain` (u32, states),
//! `trace` (f64, chains x passes x 5; columns as [`super::chain::SCALARS`]). Where the base measure is learned (see [`super::hyper`]): `dofs` (f64, states) and
//! `scales` (f64, states x d (d + 1) / 2: lower Cholesky factors of `S0` in the frame, row by row up to the diagonal); `dof` is then their mean.
//! Means and scale matrices follow from rows and partitions ([`super::component::Built`]), exactly, so they are not kept:
//! a fragmented chain's factors would take a hundred times the space.

use super::cache::Observations;
use super::chain::{Kept, Record, Scalars};
use super::diagnostics::{Chains, Glance};
use super::frame::Frame;
use super::hyper::Measure;
use super::niw::Niw;
use super::settings::Fit;
use super::units::Units;
use crate::engine::Failure;
use crate::engine::value::{Array, ArrayData, Pack};
use serde_json::json;
use std::borrow::Cow;
use std::sync::Arc;

/// Kind of the pack.
pub const KIND: &str = "density.dp";

/// A fitted density.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// Dimension: the number of units that the density is over.
    pub d: usize,
    /// Which units those are.
    pub units: Units,
    /// The rows fitted, row-major, in those units, as the data have them.
    pub rows: Vec<f64>,
    /// Their ids.
    pub ids: Vec<u32>,
    /// Their labels, where there are any.
    pub labels: Vec<u32>,
    /// Label of the class, where the density is one class's.
    pub class: Option<u32>,
    /// Its name.
    pub class_name: String,
    /// Names of the classes of what was fitted.
    pub classes: Vec<String>,
    /// Settings.
    pub fit: Fit,
    /// Pseudo-count and degrees of freedom of the prior.
    pub kappa: f64,
    /// See `kappa`.
    pub dof: f64,
    /// Frame of the prior.
    pub frame: Frame,
    /// Per chain: trace, kept states, moves.
    pub chains: Vec<Record>,
}

impl Posterior {
    /// Returns the number of rows.
    pub fn n(&self) -> usize {
        self.rows.len() / self.d.max(1)
    }

    /// Returns the base measure in the frame, with tables for all rows.
    pub fn niw(&self) -> Niw {
        self.fit.niw(self.d, self.n() + 1)
    }

    /// Returns the rows in the frame.
    pub fn observations(&self) -> Observations {
        Observations::new(self.frame.whiten(&self.rows), self.d)
    }

    /// Returns the rows in the coordinates in which a kept state's base measure has the identity for `S0`, with the measure and what is to be
    /// subtracted from log densities in them, in nats. `base`: the rows in the frame.
    pub fn in_state<'a>(&self, kept: &Kept, base: &'a Observations) -> (Cow<'a, Observations>, Niw, f64) {
        match &kept.measure {
            None => (Cow::Borrowed(base), self.niw(), self.frame.log_volume),
            Some(m) => {
                let (own, volume) = m.whiten(base);
                (Cow::Owned(own), Niw::new(self.d, self.kappa, m.dof, self.n() + 1), self.frame.log_volume + volume)
            }
        }
    }

    /// Returns kept states, chain after chain.
    pub fn kept(&self) -> impl Iterator<Item = &Kept> {
        self.chains.iter().flat_map(|c| &c.kept)
    }

    /// Returns the number of kept states.
    pub fn states(&self) -> usize {
        self.chains.iter().map(|c| c.kept.len()).sum()
    }

    /// Returns the density's rows of a representation's, in the units that the density is over; a sentence where it has another number of units.
    pub fn points<'a>(&self, x: &'a [f64], width: usize) -> Result<Cow<'a, [f64]>, String> {
        if width != self.units.width {
            return Err(format!("the density is of {} units, the representation has {width}", self.units.width));
        }
        Ok(self.units.select(x))
    }

    /// Returns its chains, to be judged.
    pub fn judged(&self) -> Chains<'_> {
        Chains { records: &self.chains, setup: &self.fit.setup, units: &self.units }
    }

    /// Returns scalars after burn-in: one series a chain.
    pub fn series(&self, scalar: usize) -> Vec<Vec<f64>> {
        self.judged().series(scalar)
    }

    /// Returns the pack.
    pub fn pack(&self) -> Pack {
        let (n, passes) = (self.n(), self.chains.first().map_or(0, |c| c.trace.len()));
        let f64s = |shape: Vec<usize>, data: Vec<f64>| Array { shape, data: ArrayData::F64(data) };
        let u32s = |shape: Vec<usize>, data: Vec<u32>| Array { shape, data: ArrayData::U32(data) };
        let states = self.states();
        let constant = &self.units.constant;
        let glance = Glance::of(self.judged());
        let chain = self.chains.iter().enumerate().flat_map(|(c, r)| r.kept.iter().map(move |_| c as u32)).collect();
        let factor_shape = if self.frame.factor.len() == self.d { vec![self.d] } else { vec![self.d, self.d] };
        let trace = self.chains.iter().flat_map(|c| c.trace.concat()).collect();
        let measures = || self.kept().filter_map(|k| k.measure.as_ref());
        let factor = self.d * (self.d + 1) / 2;
        Pack {
            kind: KIND.to_string(),
            meta: json!({
                "dim": self.d, "rows": n, "class": self.class, "class_name": self.class_name, "classes": self.classes,
                "verdict": glance.verdict.word(), "r_hat": if glance.r_hat.is_infinite() { json!("infinite") } else { json!(glance.r_hat) }, "ess": glance.ess, "note": glance.note, "settings": self.fit.to_json(), "kappa": self.kappa, "dof": self.dof,
                "moves": self.chains.iter().map(|c| c.moves).collect::<Vec<_>>(),
            }),
            arrays: vec![
                ("rows".into(), f64s(vec![n, self.d], self.rows.clone())),
                ("constant_units".into(), u32s(vec![constant.len()], constant.iter().map(|(j, _)| *j as u32).collect())),
                ("constants".into(), f64s(vec![constant.len()], constant.iter().map(|(_, v)| *v).collect())),
                ("ids".into(), u32s(vec![n], self.ids.clone())),
                ("labels".into(), u32s(vec![self.labels.len()], self.labels.clone())),
                ("centre".into(), f64s(vec![self.d], self.frame.centre.clone())),
                ("factor".into(), f64s(factor_shape, self.frame.factor.clone())),
                ("alphas".into(), f64s(vec![states], self.kept().map(|k| k.alpha).collect())),
                ("partitions".into(), u32s(vec![states, n], self.kept().flat_map(|k| k.z.iter().copied()).collect())),
                ("chain".into(), u32s(vec![states], chain)),
                ("trace".into(), f64s(vec![self.chains.len(), passes, 5], trace)),
                ("dofs".into(), f64s(vec![measures().count()], measures().map(|m| m.dof).collect())),
                (
                    "scales".into(),
                    f64s(vec![measures().count(), factor], measures().flat_map(|m| m.factor.iter().copied()).collect()),
                ),
            ],
        }
    }

    /// Returns the density of a pack; a pack of another kind or with missing parts is a failure.
    pub fn unpack(pack: &Pack) -> Result<Arc<Posterior>, Failure> {
        if pack.kind != KIND {
            return Err(Failure::new(format!("this is a `{}`, not a density of `dp_mixture`", pack.kind)));
        }
        Self::read(pack)
            .map(Arc::new)
            .ok_or_else(|| Failure::new("this density's artifact is damaged").help("remove it and run again"))
    }

    fn read_units(pack: &Pack, d: usize) -> Option<Units> {
        let (left_out, values) = (pack.u32s("constant_units"), pack.f64s("constants"));
        let width = d + left_out.len();
        if values.len() != left_out.len() || left_out.iter().any(|j| *j as usize >= width) || !left_out.is_sorted_by(|a, b| a < b)
        {
            return None;
        }
        let kept = (0..width).filter(|j| left_out.binary_search(&(*j as u32)).is_err()).collect();
        Some(Units { width, kept, constant: left_out.iter().map(|j| *j as usize).zip(values.iter().copied()).collect() })
    }

    fn read(pack: &Pack) -> Option<Posterior> {
        let meta = &pack.meta;
        let d = meta["dim"].as_u64()? as usize;
        let n = meta["rows"].as_u64()? as usize;
        let fit = Fit::from_json(&meta["settings"])?;
        let (rows, ids) = (pack.f64s("rows").to_vec(), pack.u32s("ids").to_vec());
        let (centre, factor) = (pack.f64s("centre").to_vec(), pack.f64s("factor").to_vec());
        let (alphas, z, chain) = (pack.f64s("alphas"), pack.u32s("partitions"), pack.u32s("chain"));
        let sound = d > 0 && rows.len() == n * d && ids.len() == n && centre.len() == d && z.len() == alphas.len() * n;
        if !sound
            || (factor.len() != d && factor.len() != d * d)
            || chain.len() != alphas.len()
            || z.iter().any(|k| *k as usize >= n)
        {
            return None;
        }
        let units = Self::read_units(pack, d)?;
        let (dofs, scales, packed) = (pack.f64s("dofs"), pack.f64s("scales"), d * (d + 1) / 2);
        if dofs.len() != if fit.learns() { alphas.len() } else { 0 } || scales.len() != dofs.len() * packed {
            return None;
        }
        let log_volume = (0..d).map(|j| factor[if factor.len() == d { j } else { j * d + j }].ln()).sum();
        let shape = &pack.array("trace")?.shape;
        let (count, passes) = (*shape.first()?, *shape.get(1)?);
        let trace: Vec<Scalars> = pack.f64s("trace").as_chunks::<5>().0.to_vec();
        let moves: Vec<u64> = meta["moves"].as_array()?.iter().filter_map(|m| m.as_u64()).collect();
        if trace.len() != count * passes || moves.len() != count {
            return None;
        }
        let chains = (0..count)
            .map(|c| Record {
                trace: trace[c * passes..(c + 1) * passes].to_vec(),
                kept: (0..alphas.len())
                    .filter(|s| chain[*s] as usize == c)
                    .map(|s| Kept {
                        alpha: alphas[s],
                        z: z[s * n..(s + 1) * n].to_vec(),
                        measure: dofs
                            .get(s)
                            .map(|dof| Measure { dof: *dof, factor: scales[s * packed..(s + 1) * packed].to_vec() }),
                    })
                    .collect(),
                moves: moves[c],
            })
            .collect();
        Some(Posterior {
            d,
            units,
            rows,
            ids,
            labels: pack.u32s("labels").to_vec(),
            class: meta["class"].as_u64().map(|c| c as u32),
            class_name: meta["class_name"].as_str()?.to_string(),
            classes: meta["classes"].as_array()?.iter().map(|c| c.as_str().map(str::to_string)).collect::<Option<_>>()?,
            kappa: meta["kappa"].as_f64()?,
            dof: meta["dof"].as_f64()?,
            frame: Frame { d, centre, factor, log_volume },
            fit,
            chains,
        })
    }
}
