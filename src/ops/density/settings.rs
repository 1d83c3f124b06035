//! The settings of a fit as data: read from a call, kept with the density, read back for refitting.

use super::alpha::AlphaPrior;
use super::chain::{Method, Setup};
use super::frame::Scale;
use super::niw::{Niw, Shape};
use super::start::Start;
use crate::engine::Failure;
use crate::lang::{Settings, static_value::Static};
use serde_json::{Value as Json, json};

/// Everything that determines a fit but data and stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// Pseudo-count of the prior's mean.
    pub kappa: f64,
    /// Degrees of freedom as a function of the dimension: `dof[0] * dim + dof[1]`.
    pub dof: [f64; 2],
    /// What the derived scale is multiplied by, as a function of the dimension like `dof`.
    pub inflate: [f64; 2],
    /// What covariances components have.
    pub shape: Shape,
    /// Where the prior's location and scale come from.
    pub scale: Scale,
    /// Chains.
    pub setup: Setup,
}

impl Fit {
    /// Returns the settings of a call of `dp_mixture` or of whatever has the same setting names.
    pub fn read(settings: &Settings) -> Result<Fit, Failure> {
        let published = settings.flag("published");
        let (prior, p) = settings.get("prior").make().unwrap_or(("niw", Settings::default()));
        let real = |s: &Settings, name: &str, default: f64| s.get(name).number().unwrap_or(default);
        let int = |s: &Settings, name: &str, default: usize| s.get(name).number().map_or(default, |x| x.max(0.0) as usize);
        let affine = |name: &str, default: [f64; 2]| match p.get(name) {
            Static::Affine { scale, offset, .. } => [*scale, *offset],
            Static::Number(x) => [0.0, *x],
            _ => default,
        };
        let shape = match prior {
            "diagonal" => Shape::Diagonal,
            "spherical" => Shape::Spherical,
            _ => Shape::Full,
        };
        let dof = affine("dof", if shape == Shape::Full { [1.0, 2.0] } else { [0.0, 3.0] });
        let scale = if prior == "niw_fixed" {
            Scale::Given { mean: real(&p, "mean", 0.0), scale: real(&p, "scale", 1.0) }
        } else if p.word("scale") == "full" {
            Scale::Full
        } else if shape == Shape::Spherical {
            Scale::Spherical
        } else {
            Scale::Diagonal
        };
        let alpha = match settings.get("alpha") {
            Static::Number(x) => AlphaPrior::Fixed(*x),
            other => match other.make() {
                Some(("fixed", a)) => AlphaPrior::Fixed(real(&a, "value", 1.0)),
                Some((_, a)) => AlphaPrior::Gamma { shape: real(&a, "shape", 1.0), rate: real(&a, "rate", 1.0) },
                None => AlphaPrior::Gamma { shape: 1.0, rate: 1.0 },
            },
        };
        let usual = if published { "block_gibbs" } else { "gibbs" };
        let (sampler, s) = settings.get("sampler").make().unwrap_or((usual, Settings::default()));
        // The lengths of stdlib/density.cfx, for where no sampler is given: as published, or long enough for a verdict.
        let [passes, burn_in, thin, chains] = if sampler == "block_gibbs" { [400, 320, 4, 1] } else { [1000, 500, 25, 4] };
        let method = match sampler {
            "block_gibbs" => Method::Block(int(&s, "block", 4)),
            "split_merge" => {
                Method::SplitMerge { proposals: int(&s, "proposals", 1), scans: int(&s, "scans", 4), every: int(&s, "every", 5) }
            }
            _ => Method::Gibbs,
        };
        let start = Start::parse(s.word("start"));
        let setup = Setup {
            alpha,
            method,
            passes: int(&s, "passes", passes),
            burn_in: int(&s, "burn_in", burn_in),
            thin: int(&s, "thin", thin),
            chains: int(&s, "chains", chains),
            start: if published { Start::Random } else { start },
            components: int(&p, "components", 6),
            published,
        };
        Fit { kappa: real(&p, "kappa", 0.01), dof, inflate: affine("inflate", [0.0, 1.0]), shape, scale, setup }.checked()
    }

    /// Returns the settings where they make sense, else what is wrong with them.
    fn checked(self) -> Result<Fit, Failure> {
        let s = &self.setup;
        let above = |x: f64| x.is_finite() && x > 0.0;
        let wrong = if !above(self.kappa) {
            Some(format!("kappa must be above 0, not {}", self.kappa))
        } else if matches!(self.scale, Scale::Given { mean, scale } if !above(scale) || !mean.is_finite()) {
            Some("the prior's scale must be above 0 and its mean finite".to_string())
        } else if match s.alpha {
            AlphaPrior::Fixed(value) => !above(value),
            AlphaPrior::Gamma { shape, rate } => !above(shape) || !above(rate),
        } {
            Some("alpha, or the shape and rate of its prior, must be above 0".to_string())
        } else if s.passes == 0 || s.chains == 0 || s.thin == 0 || s.components == 0 {
            Some("passes, chains, thin and components must be at least 1".to_string())
        } else if s.burn_in >= s.passes {
            Some(format!("burn_in ({}) must be below passes ({})", s.burn_in, s.passes))
        } else if matches!(s.method, Method::SplitMerge { every: 0, .. }) {
            Some("every must be at least 1".to_string())
        } else if matches!(s.method, Method::Block(0 | 65..)) {
            Some("a block holds 1 to 64 observations".to_string())
        } else {
            None
        };
        wrong.map_or(Ok(self), |words| Err(Failure::new(words)))
    }

    /// Returns the degrees of freedom in d dimensions.
    pub fn dof(&self, d: usize) -> f64 {
        self.dof[0] * d as f64 + self.dof[1]
    }

    /// Returns the factor of the prior's scale in d dimensions.
    pub fn inflate(&self, d: usize) -> f64 {
        self.inflate[0] * d as f64 + self.inflate[1]
    }

    /// Returns the base measure in d dimensions, with tables for up to n members.
    pub fn niw(&self, d: usize, n: usize) -> Niw {
        Niw::of(d, self.kappa, self.dof(d), n, self.shape)
    }

    /// Returns the settings as kept with the density.
    pub fn to_json(&self) -> Json {
        let s = &self.setup;
        let alpha = match s.alpha {
            AlphaPrior::Fixed(value) => json!({ "fixed": value }),
            AlphaPrior::Gamma { shape, rate } => json!({ "gamma": [shape, rate] }),
        };
        let scale = match &self.scale {
            Scale::Diagonal => json!("diagonal"),
            Scale::Full => json!("full"),
            Scale::Spherical => json!("spherical"),
            Scale::Given { mean, scale } => json!([mean, scale]),
        };
        let method = match s.method {
            Method::Gibbs => json!(["gibbs"]),
            Method::Block(b) => json!(["block_gibbs", b]),
            Method::SplitMerge { proposals, scans, every } => json!(["split_merge", proposals, scans, every]),
        };
        let start = match s.start {
            Start::Dispersed => "dispersed",
            Start::Random => "random",
            Start::One => "one",
            Start::Many => "many",
        };
        let shape = match self.shape {
            Shape::Full => "full",
            Shape::Diagonal => "diagonal",
            Shape::Spherical => "spherical",
        };
        json!({
            "kappa": self.kappa, "dof": self.dof, "inflate": self.inflate, "shape": shape, "scale": scale, "alpha": alpha, "sampler": method, "passes": s.passes,
            "burn_in": s.burn_in, "thin": s.thin, "chains": s.chains, "start": start, "components": s.components,
            "published": s.published,
        })
    }

    /// Returns the settings that were kept.
    pub fn from_json(j: &Json) -> Option<Fit> {
        let int = |name: &str| j[name].as_u64().map(|x| x as usize);
        let alpha = match &j["alpha"] {
            a if a["fixed"].is_number() => AlphaPrior::Fixed(a["fixed"].as_f64()?),
            a => AlphaPrior::Gamma { shape: a["gamma"][0].as_f64()?, rate: a["gamma"][1].as_f64()? },
        };
        let scale = match &j["scale"] {
            Json::String(word) if word == "full" => Scale::Full,
            Json::String(word) if word == "spherical" => Scale::Spherical,
            Json::String(_) => Scale::Diagonal,
            pair => Scale::Given { mean: pair[0].as_f64()?, scale: pair[1].as_f64()? },
        };
        let m = &j["sampler"];
        let method = match m[0].as_str()? {
            "block_gibbs" => Method::Block(m[1].as_u64()? as usize),
            "split_merge" => Method::SplitMerge {
                proposals: m[1].as_u64()? as usize,
                scans: m[2].as_u64()? as usize,
                every: m[3].as_u64()? as usize,
            },
            _ => Method::Gibbs,
        };
        let setup = Setup {
            alpha,
            method,
            passes: int("passes")?,
            burn_in: int("burn_in")?,
            thin: int("thin")?,
            chains: int("chains")?,
            start: Start::parse(j["start"].as_str()?),
            components: int("components")?,
            published: j["published"].as_bool()?,
        };
        let pair = |name: &str| Some([j[name][0].as_f64()?, j[name][1].as_f64()?]);
        let (dof, inflate) = (pair("dof")?, pair("inflate")?);
        let shape = match j["shape"].as_str()? {
            "diagonal" => Shape::Diagonal,
            "spherical" => Shape::Spherical,
            _ => Shape::Full,
        };
        Some(Fit { kappa: j["kappa"].as_f64()?, dof, inflate, shape, scale, setup })
    }
}
