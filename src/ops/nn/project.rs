//! `project`: a model one of whose layers is kept to a few directions, singular or canonical ones.

use super::given::{Given, failed};
use super::models::of_net;
use super::spec::image;
use super::suits;
use super::tap::{node, shape};
use crate::engine::value::{Model, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::{LayerOp, Net, Node, NodeId, Source};
use crate::ops::linalg::{EIGEN, PRODUCT, Trouble, leading_right, product};
use crate::ops::repr::correlation::{correlations, enough, estimated, round, side, told_apart};
use crate::ops::repr::rows::{finite, matched};
use crate::ops::repr::scale;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::{Array1, Array2, Axis, s};
use std::sync::Arc;

settings! {
    /// The settings of `project`.
    struct ProjectSettings("project") { at: String, width: Given, centred: bool, tolerance: f64 }
}

/// The kernel of `project`.
pub struct Project;

/// An affine map of a layer's channels, `M x + b`.
struct Map {
    matrix: Array2<f64>,
    bias: Array1<f64>,
}

fn width(settings: &ProjectSettings) -> Result<usize, Problem> {
    let given = settings.width.whole("width", 1, u32::MAX as usize, "how many directions are kept");
    given.map_err(|p| Problem { code: "cfx::repr::setting", ..p })
}

fn wide(width: usize, most: usize, of: &str) -> Problem {
    Problem {
        code: "cfx::repr::setting",
        parameter: Some("width"),
        message: format!("a width of {width} is above the {most} directions that {of}"),
        help: Some(format!("write a width of at most {most}")),
    }
}

fn unlike(units: usize, channels: usize, at: &str) -> Problem {
    Problem {
        code: "cfx::repr::setting",
        parameter: Some("x"),
        message: format!("`x` has {units} units, and the layer `{at}` {channels} channels"),
        help: Some(format!("give what the layer puts out, a unit a channel: `tap(net, data, at: {at}, pool: mean)`")),
    }
}

impl Planned for Project {
    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let given = ProjectSettings::read(settings);
        let width = width(&given)?;
        suits::tap(inputs, "net", &given.at)?;
        let model = known(inputs, "net").cloned().unwrap_or_default();
        let dim = |slot: &str| known(inputs, slot).and_then(|f| f.dim);
        if let (Some(units), Some(channels)) = (dim("x"), shape(inputs, &given.at).and_then(|s| s.last().copied()))
            && units != channels
        {
            return Err(unlike(units, channels, &given.at));
        }
        let canonical = inputs.iter().any(|(slot, _)| *slot == "against");
        if canonical {
            told_apart(inputs, true, None)?;
            if !given.centred {
                return Err(Problem {
                    code: "cfx::repr::setting",
                    parameter: Some("centred"),
                    message: "canonical directions are those of centred representations".to_string(),
                    help: Some("leave out `centred:`, or `against:`".to_string()),
                });
            }
        }
        let most = [dim("x"), dim("against")].into_iter().flatten().min();
        if let Some(most) = most.filter(|m| *m < width) {
            return Err(wide(width, most, "there are"));
        }
        let kept = model.kept.as_ref().and_then(|k| k.last()).map(|last| vec![*last]);
        let facts = match &model.net {
            Some(net) => {
                let at = node(net, &given.at).map_err(|_| wide(width, 0, "there are"))?;
                of_net(&Arc::new(inserted(net, at, &given.at)), model.classes.clone())
            }
            None => Facts { classes: model.classes.clone(), ..Facts::default() },
        };
        Ok(Facts { kept, columns: model.columns, ..facts })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let weights = known(inputs, "net").and_then(|m| m.net.as_ref()).map_or(0, |net| 4 * net.parameters()) as f64;
        let (n, a, b, decomposed) = estimated(inputs);
        let canonical = inputs.iter().any(|(slot, _)| *slot == "against");
        let seconds = if canonical { decomposed + round(n, a, b) } else { PRODUCT * n * a * a + EIGEN * a * a * a };
        let disk = weights + 4.0 * a * (a + 1.0);
        Cost { seconds: 1e-3 + seconds + weights * 1e-9, memory: 8.0 * n * 5.0 * (a + b) + 2.0 * disk, disk }
    }
}

/// Returns the name of the layer that projects what is at a tap: one that no layer has yet.
fn path(net: &Net, tap: &str) -> String {
    let taken = |path: &String| net.nodes.iter().any(|n| n.path == *path);
    let numbered = (1..).map(|i| if i == 1 { format!("{tap}.projection") } else { format!("{tap}.projection{i}") });
    numbered.into_iter().find(|p| !taken(p)).unwrap_or_default()
}

/// Returns the network with an affine map of channels behind a node, which whoever took the node takes in its place.
fn inserted(net: &Net, at: NodeId, tap: &str) -> Net {
    let shape = net.nodes[at].shape.clone();
    let channels = shape.last().copied().unwrap_or(1);
    let moved = |id: NodeId| if id >= at { id + 1 } else { id };
    let look = |source: &Source| match source {
        Source::Input => Source::Input,
        Source::Node(id) => Source::Node(moved(*id)),
    };
    let op = match shape.len() {
        3 => {
            LayerOp::Conv { input: channels, output: channels, kernel: 1, stride: 1, pad: 0, dilation: 1, groups: 1, bias: true }
        }
        _ => LayerOp::Linear { input: channels, output: channels, bias: true },
    };
    let map = Node { op, inputs: vec![Source::Node(at)], shape, path: path(net, tap) };
    let mut nodes: Vec<Node> = net.nodes[..=at].to_vec();
    nodes.push(map);
    nodes.extend(net.nodes[at + 1..].iter().map(|n| Node { inputs: n.inputs.iter().map(look).collect(), ..n.clone() }));
    let taps = net.taps.iter().map(|(name, id)| (name.clone(), moved(*id))).collect();
    Net { name: net.name.clone(), input: net.input.clone(), nodes, taps, output: moved(net.output) }
}

/// Returns the map onto the leading right singular vectors: `x` becomes the nearest point of their span (through the mean, where centred).
fn singular(x: &Stages, width: usize, centred: bool, cx: &dyn Context) -> Result<Map, Failure> {
    let (rows, means) = match centred {
        true => {
            let c = scale::centred(x.x.view());
            (c.x, c.means)
        }
        false => (scale::scaled(x.x.view()).0, Array1::zeros(x.x.ncols())),
    };
    if width > rows.ncols().min(rows.nrows()) {
        return Err(failed(wide(width, rows.ncols().min(rows.nrows()), "`x` has")));
    }
    let not_found = |e: Trouble| e.failure("the singular vectors were not found");
    let leading = leading_right(rows.view(), width, cx).map_err(not_found)?;
    let matrix = product(leading.vectors.view(), leading.vectors.t(), cx).map_err(not_found)?;
    let bias = &means - &matrix.dot(&means);
    Ok(Map { matrix, bias })
}

/// Returns the map onto the leading canonical directions: `x` becomes what least squares make of its variates.
///
/// With `X = B S Vᵀ` centred and `B W` its variates, rows become `x V S⁻¹ W Wᵀ S Vᵀ`.
fn canonical(x: &Stages, against: &Stages, width: usize, tolerance: f64, cx: &dyn Context) -> Result<Map, Failure> {
    let (a, b) = matched(x, against)?;
    let (a, b) = (side(&a, tolerance, None, "x", cx)?, side(&b, tolerance, None, "against", cx)?);
    enough(a.basis.nrows(), &a, &b, None)?;
    let (rho, w, _) = correlations(a.basis.view(), b.basis.view(), cx)?;
    if width > rho.len() {
        return Err(failed(wide(width, rho.len(), "the sides have in common")));
    }
    let w = w.slice(s![.., ..width]);
    let values = a.values.view().insert_axis(Axis(1));
    let into = a.right.t().dot(&(&w / &values));
    let back = a.right.t().dot(&(&w * &values));
    let matrix = product(back.view(), into.t(), cx).map_err(|e| e.failure("the map was not found"))?;
    let bias = &a.centred.means - &matrix.dot(&a.centred.means);
    Ok(Map { matrix, bias })
}

impl Kernel for Project {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let given = ProjectSettings::read(&job.settings);
        let width = width(&given).map_err(failed)?;
        let (model, x) = (job.model("net")?, job.stages("x")?);
        finite("x", x)?;
        let at = node(&model.net, &given.at)?;
        let (_, _, channels) = image(&model.net.nodes[at].shape);
        if x.x.ncols() != channels {
            return Err(failed(unlike(x.x.ncols(), channels, &given.at)));
        }
        let map = match job.labelled("against").is_some() {
            true => canonical(x, job.stages("against")?, width, given.tolerance, cx)?,
            false => singular(x, width, given.centred, cx)?,
        };
        let net = inserted(&model.net, at, &given.at);
        let path = path(&model.net, &given.at);
        let shape = if net.nodes[at + 1].shape.len() == 3 { vec![channels, channels, 1, 1] } else { vec![channels, channels] };
        let mut weights = (*model.weights).clone();
        weights.push((format!("{path}.weight"), shape, map.matrix.iter().map(|v| *v as f32).collect()));
        weights.push((format!("{path}.bias"), vec![channels], map.bias.iter().map(|v| *v as f32).collect()));
        Ok(Value::Model(Arc::new(Model {
            net: Arc::new(net),
            weights: Arc::new(weights),
            snapshots: Vec::new(),
            ..(**model).clone()
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::kernel::Quiet;
    use crate::ops::nn::tests::build::Builder;
    use std::path::Path;

    fn read(all: &serde_json::Value, name: &str, columns: usize) -> Array2<f64> {
        let x: Vec<f64> = all[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        Array2::from_shape_vec((x.len() / columns, columns), x).unwrap()
    }

    fn stages(x: Array2<f64>) -> Stages {
        let ids = Arc::new((0..x.nrows() as u32).collect());
        Stages { x, ids, labels: Arc::default(), classes: Vec::new(), numbered: false, notes: Vec::new() }
    }

    #[test]
    fn layers_become_what_numpy_makes_of_them() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/repr/reference.json");
        let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let (x, y) = (stages(read(&all, "x", 6)), stages(read(&all, "y", 4)));
        let maps = [
            ("project_singular", singular(&x, 2, true, &Quiet::default()).unwrap()),
            ("project_raw", singular(&x, 2, false, &Quiet::default()).unwrap()),
            ("project_canonical", canonical(&x, &y, 2, 1e-6, &Quiet::default()).unwrap()),
        ];
        for (name, map) in maps {
            let made = x.x.dot(&map.matrix.t()) + &map.bias;
            let expected = read(&all, name, 6);
            let worst = made.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst < 1e-12, "{name}: {worst}");
        }
        assert!(matches!(canonical(&x, &y, 5, 1e-6, &Quiet::default()), Err(Failure::Failed { .. })));
    }

    #[test]
    fn the_map_stands_behind_the_layer_for_all_who_take_it() {
        let mut b = Builder::new(&[4, 4, 3]);
        let a = b.block(Source::Input, 4, 1);
        b.tap("a", a);
        let end = b.block(a, 4, 1);
        b.tap("end", end);
        let net = b.finish();
        let at = node(&net, "a").unwrap();
        let made = inserted(&net, at, "a");
        assert_eq!((made.nodes.len(), made.taps[0].1, made.taps[1].1), (net.nodes.len() + 1, at + 1, net.taps[1].1 + 1));
        assert_eq!(
            (made.nodes[at + 1].inputs.clone(), made.nodes[at + 1].path.as_str()),
            (vec![Source::Node(at)], "a.projection")
        );
        // The block that follows takes it twice: into its first layer, and around itself.
        let takers = made.nodes.iter().filter(|n| n.inputs.contains(&Source::Node(at + 1))).count();
        assert_eq!((takers, made.nodes.iter().filter(|n| n.inputs.contains(&Source::Node(at))).count()), (2, 1));
        assert_eq!(inserted(&made, at + 1, "a").nodes[at + 2].path, "a.projection2");
    }
}
