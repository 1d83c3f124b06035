//! The settings of a fit as data: read from a call, checked, kept with the density, read back for refitting.

use super::alpha::AlphaPrior;
use super::frame::Scale;
use super::niw::{Niw, Shape};
use super::setup::{Method, Setup, Until};
use super::start::Start;
use crate::engine::Failure;
use crate::lang::settings::Setting;
use crate::lang::static_value::Static;
use crate::plan::facts::Problem;
use crate::{settings, words};
use serde_json::{Value as Json, json};
use std::ops::RangeInclusive;

settings! {
    /// Settings of `dp_mixture`.
    pub struct FitSettings("dp_mixture") {
        by: Option<At> = None,
        prior: Option<Prior>,
        alpha: AlphaPrior,
        sampler: Option<Sampler>,
        at_least: f64,
        published: bool,
    }
}

settings! {
    struct NiwFields("niw") { kappa: f64, dof: Affine, scale: ScaleWord, inflate: Affine, components: f64 }
}
settings! {
    struct OneVarianceFields("diagonal") { kappa: f64, dof: Affine, inflate: Affine, components: f64 }
}
settings! {
    struct LearnedFields("hierarchical") { kappa: f64, components: f64 }
}
settings! {
    struct GivenFields("niw_fixed") { kappa: f64, dof: Affine, mean: f64, scale: f64, components: f64 }
}
settings! {
    struct GibbsFields("gibbs") { passes: f64, burn_in: f64, thin: f64, chains: f64, start: Start, budget: Option<f64> = None }
}
settings! {
    struct BlockFields("block_gibbs") { block: f64 }
}
settings! {
    struct SplitMergeFields("split_merge") { proposals: f64, scans: f64, every: f64 }
}
settings! {
    struct MergeSplitFields("merge_split") { proposals: f64, every: f64, heated: f64 }
}
settings! {
    struct SubClustersFields("sub_clusters") { proposals: f64 }
}
settings! {
    struct GammaFields("gamma") { shape: f64, rate: f64 }
}
settings! {
    struct FixedFields("fixed") { value: f64 }
}
settings! {
    struct AtFields("by") { role: String, name: String, index: usize }
}
words! {
    enum ScaleWord { Diagonal = "diagonal", Full = "full" }
}

/// `scale * dim + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub [f64; 2]);

impl Setting for Affine {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::Affine { scale, offset, .. } => Some(Affine([*scale, *offset])),
            Static::Number(x) => Some(Affine([0.0, *x])),
            _ => None,
        }
    }
}

/// A coordinate of a `splits` setting.
#[derive(Clone, Debug, PartialEq)]
pub struct At {
    /// Role of its axis.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its index: the label, for classes.
    pub index: usize,
}

impl At {
    /// Returns whether it is a class.
    pub fn is_class(&self) -> bool {
        self.role == "class"
    }
}

impl Setting for At {
    fn read(value: &Static) -> Option<Self> {
        let at = AtFields::read(&value.make()?.1);
        Some(At { role: at.role, name: at.name, index: at.index })
    }
}

/// The base measure as a call gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    shape: Shape,
    scale: Scale,
    kappa: f64,
    dof: Affine,
    inflate: Affine,
    components: f64,
}

impl Setting for Prior {
    fn read(value: &Static) -> Option<Self> {
        let (name, fields) = value.make()?;
        Some(match name {
            "niw" => {
                let f = NiwFields::read(&fields);
                let scale = if f.scale == ScaleWord::Full { Scale::Full } else { Scale::Diagonal };
                Prior { shape: Shape::Full, scale, kappa: f.kappa, dof: f.dof, inflate: f.inflate, components: f.components }
            }
            "hierarchical" => {
                let f = LearnedFields::read(&fields);
                Prior { scale: Scale::Learned, kappa: f.kappa, components: f.components, ..Prior::published() }
            }
            "niw_fixed" => {
                let f = GivenFields::read(&fields);
                let scale = Scale::Given { mean: f.mean, scale: f.scale };
                Prior {
                    shape: Shape::Full,
                    scale,
                    kappa: f.kappa,
                    dof: f.dof,
                    inflate: Affine([0.0, 1.0]),
                    components: f.components,
                }
            }
            "diagonal" | "spherical" => {
                let f = OneVarianceFields::read(&fields);
                let (shape, scale) =
                    if name == "diagonal" { (Shape::Diagonal, Scale::Diagonal) } else { (Shape::Spherical, Scale::Spherical) };
                Prior { shape, scale, kappa: f.kappa, dof: f.dof, inflate: f.inflate, components: f.components }
            }
            _ => return None,
        })
    }
}

impl Prior {
    /// Returns `niw()`: the measure as published.
    fn published() -> Prior {
        Prior {
            shape: Shape::Full,
            scale: Scale::Diagonal,
            kappa: 0.01,
            dof: Affine([1.0, 2.0]),
            inflate: Affine([0.0, 1.0]),
            components: 6.0,
        }
    }

    /// Returns the base measure where none is given, as stdlib/density.cfx has it: `niw()` as published, else `hierarchical()`.
    fn usual(published: bool) -> Prior {
        if published { Prior::published() } else { Prior { scale: Scale::Learned, kappa: 0.05, ..Prior::published() } }
    }
}

impl Setting for AlphaPrior {
    fn read(value: &Static) -> Option<Self> {
        if let Static::Number(value) = value {
            return Some(AlphaPrior::Fixed(*value));
        }
        let (name, fields) = value.make()?;
        Some(match name {
            "fixed" => AlphaPrior::Fixed(FixedFields::read(&fields).value),
            "gamma" => {
                let f = GammaFields::read(&fields);
                AlphaPrior::Gamma { shape: f.shape, rate: f.rate }
            }
            _ => return None,
        })
    }
}

/// The sampler as a call gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    moves: Moves,
    passes: f64,
    burn_in: f64,
    thin: f64,
    chains: f64,
    start: Start,
    heated: f64,
    budget: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Moves {
    Gibbs,
    Block(f64),
    SplitMerge { proposals: f64, scans: f64, every: f64 },
    MergeSplit { proposals: f64, every: f64 },
    SubClusters(f64),
}

impl Setting for Sampler {
    fn read(value: &Static) -> Option<Self> {
        let (name, fields) = value.make()?;
        let f = GibbsFields::read(&fields);
        let mut heated = 0.0;
        let moves = match name {
            "gibbs" => Moves::Gibbs,
            "block_gibbs" => Moves::Block(BlockFields::read(&fields).block),
            "split_merge" => {
                let s = SplitMergeFields::read(&fields);
                Moves::SplitMerge { proposals: s.proposals, scans: s.scans, every: s.every }
            }
            "merge_split" => {
                let s = MergeSplitFields::read(&fields);
                heated = s.heated;
                Moves::MergeSplit { proposals: s.proposals, every: s.every }
            }
            "sub_clusters" => Moves::SubClusters(SubClustersFields::read(&fields).proposals),
            _ => return None,
        };
        let GibbsFields { passes, burn_in, thin, chains, start, budget } = f;
        Some(Sampler { moves, passes, burn_in, thin, chains, start, heated, budget })
    }
}

impl Sampler {
    /// Returns the sampler where none is given, as stdlib/density.cfx has it: as published, or until a verdict, within a budget.
    fn usual(published: bool) -> Sampler {
        let (moves, [passes, burn_in, thin, chains], budget) = if published {
            (Moves::Block(4.0), [400.0, 320.0, 4.0, 1.0], None)
        } else {
            (Moves::MergeSplit { proposals: 1.0, every: 1.0 }, [2000.0, 1000.0, 50.0, 4.0], Some(8000.0))
        };
        Sampler { moves, passes, burn_in, thin, chains, start: Start::Dispersed, heated: 0.0, budget }
    }
}

/// Returns what is wrong with a setting of this room.
pub fn wrong(place: &'static str, message: impl Into<String>, help: &str) -> Problem {
    Problem {
        code: "cfx::density::settings",
        parameter: Some(place),
        message: message.into(),
        help: (!help.is_empty()).then(|| help.to_string()),
    }
}

/// Returns what a run says where its plan would have refused.
pub fn refused(problem: Problem) -> Failure {
    Failure::Failed { message: problem.message, help: problem.help }
}

/// Returns a whole number within bounds; `place` is the parameter, or `parameter.setting` inside a constructor.
pub fn whole(place: &'static str, value: f64, range: RangeInclusive<usize>, help: &str) -> Result<usize, Problem> {
    if value >= *range.start() as f64 && value <= *range.end() as f64 {
        return Ok(value as usize);
    }
    let name = place.rsplit('.').next().unwrap_or(place);
    let message = if value < *range.start() as f64 {
        format!("`{name}` is {value} but must be at least {}", range.start())
    } else {
        format!("`{name}` is {value} but must be at most {}", range.end())
    };
    Err(wrong(place, message, help))
}

fn above(place: &'static str, value: f64) -> Result<f64, Problem> {
    let name = place.rsplit('.').next().unwrap_or(place);
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(wrong(place, format!("`{name}` is {value} but must be above 0"), ""))
    }
}

/// The most passes, and passes of all chains, that a fit may ask for: traces of all of them are kept.
const PASSES: usize = 10_000_000;
/// The most chains.
const CHAINS: usize = 1000;
/// The most kept states.
const STATES: usize = 1_000_000;

/// Returns the most passes that each chain may take until they settle, where there is such a budget, or what is wrong with it. `passes` and `chains` are sound.
fn budget(s: &Sampler, passes: usize, chains: usize) -> Result<Option<usize>, Problem> {
    let Some(budget) = s.budget else { return Ok(None) };
    let budget = whole("sampler.budget", budget, 1..=PASSES, "")?;
    if budget < passes {
        let message = format!("`budget` is {budget} but must be at least `passes`, {passes}");
        return Err(wrong(
            "sampler.budget",
            message,
            "chains are first examined after `passes`, and continue as far as `budget` allows",
        ));
    }
    if budget * chains > 10 * PASSES {
        let message = format!("{chains} chains of {budget} passes keep {} traces; {} is the most", budget * chains, 10 * PASSES);
        return Err(wrong("sampler.budget", message, "run fewer chains, or lower `budget`"));
    }
    if chains == 1 {
        let message = "one chain cannot show that it settled, so it cannot run until then up to a `budget`";
        return Err(wrong("sampler.budget", message, "run several chains, or leave out `budget`"));
    }
    if 2.0 * s.burn_in < s.passes {
        let message = format!("with a `budget`, `burn_in` must be half of `passes` or more; it is {} of {}", s.burn_in, s.passes);
        return Err(wrong(
            "sampler.burn_in",
            message,
            "chains that have not settled drop the states kept so far: raise `burn_in`",
        ));
    }
    Ok(Some(budget))
}

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
    /// Returns the fit that a call of `dp_mixture` asks for, or what is wrong with it.
    pub fn of(s: &FitSettings) -> Result<Fit, Problem> {
        Fit::new(s.prior.as_ref(), &s.alpha, s.sampler.as_ref(), s.published)
    }

    /// Returns the fit of a prior, a concentration and a sampler, or what is wrong with them.
    pub fn new(prior: Option<&Prior>, alpha: &AlphaPrior, sampler: Option<&Sampler>, published: bool) -> Result<Fit, Problem> {
        let unsaid = Prior::usual(published);
        let prior = prior.unwrap_or(&unsaid);
        if published && prior.scale == Scale::Learned {
            return Err(wrong(
                "prior",
                "the published code's base measure is fixed, `hierarchical` is learned",
                "leave out `prior`, say `niw()`, or leave out `published: true`",
            ));
        }
        let usual = Sampler::usual(published);
        let s = sampler.unwrap_or(&usual);
        let kappa = above("prior.kappa", prior.kappa)?;
        if let Scale::Given { mean, scale } = prior.scale {
            above("prior.scale", scale)?;
            if !mean.is_finite() {
                return Err(wrong("prior.mean", format!("`mean` is {mean} but must be finite"), ""));
            }
        }
        let components = whole("prior.components", prior.components, 1..=1_000_000, "")?;
        let chains = whole("sampler.chains", s.chains, 1..=CHAINS, "")?;
        let passes = whole("sampler.passes", s.passes, 1..=PASSES, "")?;
        if passes * chains > 10 * PASSES {
            let message =
                format!("{chains} chains of {passes} passes keep {} traces; {} is the most", passes * chains, 10 * PASSES);
            return Err(wrong("sampler.passes", message, "run fewer chains, or fewer passes"));
        }
        if s.burn_in >= s.passes {
            return Err(wrong(
                "sampler.burn_in",
                format!("burn_in ({}) must be below passes ({})", s.burn_in, s.passes),
                "states are kept after burn-in: raise `passes`, or lower `burn_in`",
            ));
        }
        let burn_in = whole("sampler.burn_in", s.burn_in, 0..=PASSES, "")?;
        let thin = whole("sampler.thin", s.thin, 1..=PASSES, "every pass after burn-in is kept with `thin: 1`")?;
        let heated = whole("sampler.heated", s.heated, 0..=PASSES, "")?;
        if heated > burn_in {
            return Err(wrong(
                "sampler.heated",
                format!("heated ({heated}) can be burn_in ({burn_in}) at most"),
                "heated passes are no draws of the posterior, so none is kept: raise `burn_in`, or lower `heated`",
            ));
        }
        let until = Until { budget: budget(s, passes, chains)?, doubled: 0 };
        let states = chains * (passes - burn_in).div_ceil(thin);
        if states > STATES {
            return Err(wrong("sampler.thin", format!("{states} states would be kept; {STATES} is the most"), "raise `thin`"));
        }
        let method = match s.moves {
            Moves::Gibbs => Method::Gibbs,
            Moves::Block(b) => Method::Block(whole("sampler.block", b, 1..=64, "a block holds 1 to 64 observations")?),
            Moves::SplitMerge { proposals, scans, every } => Method::SplitMerge {
                proposals: whole("sampler.proposals", proposals, 1..=1000, "`gibbs` is the sampler without proposals")?,
                scans: whole("sampler.scans", scans, 0..=1000, "")?,
                every: whole("sampler.every", every, 1..=PASSES, "")?,
            },
            Moves::MergeSplit { proposals, every } => Method::MergeSplit {
                proposals: whole("sampler.proposals", proposals, 1..=1000, "`gibbs` is the sampler without proposals")?,
                every: whole("sampler.every", every, 1..=PASSES, "")?,
            },
            Moves::SubClusters(_) if published => {
                return Err(wrong(
                    "sampler",
                    "the published code visits rows one by one, `sub_clusters` moves all at once",
                    "leave out `sampler`, say `block_gibbs()`, or leave out `published: true`",
                ));
            }
            Moves::SubClusters(proposals) => Method::SubClusters {
                proposals: whole(
                    "sampler.proposals",
                    proposals,
                    1..=1000,
                    "without proposals no component is born, and none dies",
                )?,
            },
        };
        match alpha {
            AlphaPrior::Fixed(value) => above("alpha", *value)?,
            AlphaPrior::Gamma { shape, rate } => above("alpha.shape", *shape).and(above("alpha.rate", *rate))?,
        };
        if published && matches!(s.start, Start::One | Start::Many) {
            return Err(wrong(
                "sampler.start",
                "the published code starts from random labels alone",
                "leave out `start`, or leave out `published: true`",
            ));
        }
        let setup = Setup {
            alpha: *alpha,
            method,
            passes,
            burn_in,
            thin,
            chains,
            start: if published { Start::Random } else { s.start },
            components,
            published,
            heated,
            until,
        };
        Ok(Fit { kappa, dof: prior.dof.0, inflate: prior.inflate.0, shape: prior.shape, scale: prior.scale.clone(), setup })
    }

    /// Returns what is wrong with the prior in d dimensions.
    pub fn fits(&self, d: usize) -> Result<(), Problem> {
        let dof = self.dof(d);
        let (least, words) = if self.shape == Shape::Full {
            (d as f64 - 1.0, format!("dim - 1 = {}", d as f64 - 1.0))
        } else {
            (0.0, "0".to_string())
        };
        if !(dof.is_finite() && dof > least) {
            return Err(wrong("prior.dof", format!("`dof` is {dof} but must be above {words}"), ""));
        }
        above("prior.inflate", self.inflate(d)).map(|_| ())
    }

    /// Returns the fewest rows that can be fitted: where the prior's scale comes from the data, two, or more than d for a covariance.
    pub fn fewest(&self, d: usize) -> usize {
        match self.scale {
            Scale::Given { .. } => 1,
            Scale::Full => d.saturating_add(1).max(2),
            _ => 2,
        }
    }

    /// Returns whether chains learn the base measure.
    pub fn learns(&self) -> bool {
        self.scale == Scale::Learned
    }

    /// Returns the settings as they were asked for: where chains went on until they settled, with the lengths of their first look.
    pub fn asked(&self) -> Fit {
        Fit { setup: self.setup.asked(), ..self.clone() }
    }

    /// Returns the number of states that all chains keep.
    pub fn states(&self) -> usize {
        let s = &self.setup;
        s.chains * (s.passes - s.burn_in).div_ceil(s.thin)
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
            Scale::Learned => json!("learned"),
            Scale::Spherical => json!("spherical"),
            Scale::Given { mean, scale } => json!([mean, scale]),
        };
        let method = match s.method {
            Method::Gibbs => json!(["gibbs"]),
            Method::Block(b) => json!(["block_gibbs", b]),
            Method::SplitMerge { proposals, scans, every } => json!(["split_merge", proposals, scans, every]),
            Method::MergeSplit { proposals, every } => json!(["merge_split", proposals, every]),
            Method::SubClusters { proposals } => json!(["sub_clusters", proposals]),
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
        let mut all = json!({
            "kappa": self.kappa, "dof": self.dof, "inflate": self.inflate, "shape": shape, "scale": scale, "alpha": alpha, "sampler": method, "passes": s.passes,
            "burn_in": s.burn_in, "thin": s.thin, "chains": s.chains, "start": start, "components": s.components,
            "published": s.published, "budget": s.until.budget, "doubled": s.until.doubled,
        });
        // Fits without heated passes are kept as those were that knew none.
        if s.heated > 0 {
            all["heated"] = json!(s.heated);
        }
        all
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
            Json::String(word) if word == "learned" => Scale::Learned,
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
            "merge_split" => Method::MergeSplit { proposals: m[1].as_u64()? as usize, every: m[2].as_u64()? as usize },
            "sub_clusters" => Method::SubClusters { proposals: m[1].as_u64()? as usize },
            _ => Method::Gibbs,
        };
        let setup = Setup {
            alpha,
            method,
            passes: int("passes")?,
            burn_in: int("burn_in")?,
            thin: int("thin")?,
            chains: int("chains")?,
            start: Start::parse(j["start"].as_str()?)?,
            components: int("components")?,
            published: j["published"].as_bool()?,
            heated: int("heated").unwrap_or(0),
            until: Until { budget: int("budget"), doubled: u32::try_from(int("doubled")?).ok().filter(|k| *k < 32)? },
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
