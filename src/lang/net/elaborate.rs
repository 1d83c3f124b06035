//! Elaboration: a network's body laid out layer by layer on the shape of its input.

use super::env::{Bound, CLASSES, Env, defaults, enter, given, one, step_into};
use super::ir::{LayerOp, Net, Node, Shape, Source};
use super::layers::{Part, apply, words};
use super::library::{Declared, Found, Library, NetworkCall};
use super::limits::{DEEPEST, MOST_STEPS, holds_no_steps, no_layer, unknown_layer};
use super::scopes::{Place, Scopes, is_module};
use super::{StepRef, bare, combinator, steps_of_body};
use crate::base::text::with_article;
use crate::base::{Diag, Diags, Span};
use crate::lang::bind::bind_args;
use crate::lang::eval::describe;
use crate::lang::{Settings, Static};
use crate::syntax::ast::{Arg, Block, Expr, ExprKind, Param};
use std::rc::Rc;

/// The most layers of LSTM under one name.
const MOST_LSTM: usize = 8;
/// The most layers that a network may have.
const MOST_LAYERS: usize = 20_000;
/// The most trainable parameters, and units of one layer's output for one example.
const MOST_PARAMETERS: f64 = 1e11;
/// The most multiply-adds of one pass over one example: days of one core.
const MOST_WORK: f64 = 1e16;

/// Returns the network on inputs of one shape (`[height, width, channels]`, `[features]`, or `[tokens]` of word numbers), for a number of classes.
/// Its output is one score for each class, or, for words, one for each class at each token.
///
/// Errors: whatever [`super::check_body`] reports that depends on the arguments; layers that do not take what flows into them
/// (`cfx::shape::…`, with the layer and both shapes); an output other than one score for each class; a network too large to lay out.
/// The main place is the layer, further places are the calls that led to it.
pub fn elaborate(library: &dyn Library, call: &NetworkCall, input: &Shape, classes: usize) -> Result<Net, Diags> {
    let net = lay_out(library, call, input, classes)?;
    let shape = &net.nodes[net.output].shape;
    let sequence = matches!((&net.input[..], &shape[..]), ([tokens], [n, scores]) if n == tokens && *scores == classes);
    if *shape == [classes] || sequence {
        return Ok(net);
    }
    let name = &call.network.name.name;
    if let Some((_, Static::Number(given))) = call.args.iter().find(|(name, _)| name == CLASSES)
        && *given != classes as f64
        && shape.last().is_some_and(|last| *last as f64 == *given)
    {
        let text = format!("`{name}` is given {given} classes, but the data have {classes}");
        let next = call.network.params.iter().map(|p| p.name.name.as_str()).find(|p| *p != CLASSES);
        let instead = next.map_or(String::new(), |p| format!("; another parameter is named, `{name}({p}: …)`"));
        let help = format!("leave `classes` out: the data set fills it{instead}");
        return Err(one(Diag::error("cfx::shape::output", call.span, text).help(help)));
    }
    let last = call.network.body.steps.last().map_or(call.network.name.span, |s| s.value.span);
    let text = format!("network `{name}` ends in {}, but there are {classes} classes", words(shape));
    let help = match shape.len() {
        1 => "end it with `linear(classes)`, where `classes` is a parameter of the network: the data set fills it",
        2 => "end it with `global_mean` or `token(0)`, then `linear(classes)`, where `classes` is a parameter of the network",
        _ => "end it with `global_mean` or `flatten`, then `linear(classes)`, where `classes` is a parameter of the network",
    };
    Err(called(
        call,
        input,
        one(Diag::error("cfx::shape::output", last, text).here(format!("gives {}", words(shape))).help(help)),
    ))
}

/// Adds to an error what network was laid out on what.
fn called(call: &NetworkCall, input: &Shape, mut diags: Diags) -> Diags {
    if let Some(first) = diags.0.first_mut()
        && first.span() != call.span
    {
        first.labels.push((call.span, format!("network `{}` on an input of {}", call.network.name.name, words(input))));
    }
    diags
}

/// Returns the network as [`elaborate`] does, whatever its output.
fn lay_out(library: &dyn Library, call: &NetworkCall, input: &Shape, classes: usize) -> Result<Net, Diags> {
    let name = &call.network.name.name;
    let used = |diags: Diags| called(call, input, diags);
    if input.is_empty() || input.contains(&0) {
        return Err(one(Diag::error("cfx::shape::empty", call.span, format!("network `{name}` is given empty inputs"))));
    }
    let env = enter(library, call, Static::Number(classes as f64)).map_err(used)?;
    let mut builder = Builder {
        library,
        input: input.clone(),
        classes,
        nodes: Vec::new(),
        taps: Vec::new(),
        scopes: Scopes::new(),
        steps: 0,
        depth: 0,
    };
    let root = builder.scopes.root();
    let output = builder.steps(&steps_of_body(call.network.body), &Rc::new(env), Source::Input, root).map_err(used)?;
    let Source::Node(output) = output else {
        let text = format!("network `{name}` has no layers");
        return Err(one(Diag::error("cfx::network::empty", call.network.name.span, text)));
    };
    let total: f64 = builder.nodes.iter().map(|n| weight(&n.op)).sum();
    if total > MOST_PARAMETERS {
        return Err(used(one(too_large(call.span, format!("network `{name}` would have {total:.1e} parameters")))));
    }
    let taps = builder.taps.into_iter().map(|(name, node, _)| (name, node)).collect();
    let net = Net { name: name.clone(), input: builder.input, nodes: builder.nodes, taps, output };
    let work = net.multiply_adds() as f64;
    if work > MOST_WORK {
        return Err(used(one(too_large(call.span, format!("network `{name}` would take {work:.1e} multiply-adds an example")))));
    }
    Ok(net)
}

/// What lays a network out.
pub(super) struct Builder<'l> {
    pub(super) library: &'l dyn Library,
    input: Shape,
    classes: usize,
    nodes: Vec<Node>,
    taps: Vec<(String, usize, Span)>,
    pub(super) scopes: Scopes,
    steps: usize,
    depth: usize,
}

pub(super) type Flow = Result<Source, Diags>;

/// A layer as a step writes it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) name: &'a str,
    pub(super) span: Span,
    pub(super) args: &'a [Arg],
    pub(super) block: Option<&'a Block>,
}

impl<'l> Builder<'l> {
    pub(super) fn shape(&self, source: Source) -> &Shape {
        match source {
            Source::Input => &self.input,
            Source::Node(id) => &self.nodes[id].shape,
        }
    }

    pub(super) fn steps(&mut self, steps: &[StepRef<'l>], env: &Rc<Env<'l>>, mut at: Source, scope: usize) -> Flow {
        for step in steps {
            at = self.step(*step, env, at, scope, Place::Next)?;
        }
        Ok(at)
    }

    pub(super) fn step(&mut self, step: StepRef<'l>, env: &Rc<Env<'l>>, at: Source, scope: usize, place: Place) -> Flow {
        let Some(label) = step.label else { return self.layers(step.value, env, at, scope, place) };
        let name = env.label(&label.name);
        let out = self.layers(step.value, env, at, scope, Place::Named(name.clone(), label.span))?;
        if env.taps {
            let Source::Node(node) = out else {
                let text = format!("`{name}` would name the network's input, not the output of a layer");
                return Err(one(Diag::error("cfx::network::tap", label.span, text).help("put the label in front of a layer")));
            };
            if let Some((_, _, first)) = self.taps.iter().find(|t| t.0 == name) {
                let diag = Diag::error("cfx::network::doubled_label", label.span, format!("there are two taps `{name}`"));
                return Err(one(diag.label(*first, "the first").help("give them different labels")));
            }
            self.taps.push((name, node, label.span));
        }
        Ok(out)
    }

    pub(super) fn layers(&mut self, expr: &'l Expr, env: &Rc<Env<'l>>, at: Source, scope: usize, place: Place) -> Flow {
        if self.depth >= DEEPEST {
            return Err(one(too_large(expr.span, format!("steps are nested more than {DEEPEST} deep"))));
        }
        self.depth += 1;
        let out = self.layers_inside(expr, env, at, scope, place);
        self.depth -= 1;
        out
    }

    fn layers_inside(&mut self, expr: &'l Expr, env: &Rc<Env<'l>>, at: Source, scope: usize, place: Place) -> Flow {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(one(too_large(expr.span, format!("the network takes more than {MOST_STEPS} steps to lay out"))));
        }
        match &expr.kind {
            ExprKind::Paren(inner) => self.layers(inner, env, at, scope, place),
            ExprKind::Chain(parts) => {
                let (scope, each) = match place {
                    Place::Named(name, span) => (self.scopes.open(scope, &name, span)?, Place::Next),
                    other => (scope, other),
                };
                parts.iter().try_fold(at, |at, part| self.layers(part, env, at, scope, each.clone()))
            }
            ExprKind::If(condition, then, other) => {
                let branch = match env.value(self.library, condition, None)? {
                    Static::Bool(true) => then,
                    Static::Bool(false) => other,
                    value => {
                        let text = format!("expected true or false, found {}", describe(&value));
                        return Err(one(Diag::error("cfx::static::type", condition.span, text)));
                    }
                };
                self.layers(branch, env, at, scope, place)
            }
            ExprKind::Name(name) => self.call(Call { name, span: expr.span, args: &[], block: None }, env, at, scope, place),
            ExprKind::Call { callee, args, block } => match &bare(callee).kind {
                ExprKind::Name(name) => {
                    self.call(Call { name, span: callee.span, args, block: block.as_ref() }, env, at, scope, place)
                }
                _ => Err(one(no_layer(expr.span))),
            },
            _ => Err(one(no_layer(expr.span))),
        }
    }

    fn call(&mut self, call: Call<'l>, env: &Rc<Env<'l>>, at: Source, scope: usize, place: Place) -> Flow {
        match env.values.get(call.name) {
            Some(Bound::Layers(Some((expr, written)))) => {
                let (expr, written) = (*expr, written.clone());
                return self.layers(expr, &written, at, scope, place);
            }
            Some(Bound::Layers(None)) => return Ok(at),
            Some(Bound::Value(value)) => return Err(one(not_layer(call.name, &describe(value), call.span))),
            None => {}
        }
        match self.library.find(call.span, call.name) {
            Some(Found::BuiltIn(name, params)) if name.name == "latent" => self.latent(params, call, env, at),
            Some(Found::BuiltIn(name, params)) => match combinator(&name.name) {
                Some(kind) => self.combine(kind, params, call, env, at, scope, place),
                None => self.primitive(&name.name, params, call, env, at, scope, place),
            },
            Some(Found::Declared(declared)) => self.declared(declared, call, env, at, scope, place),
            Some(Found::Static(value)) => Err(one(not_layer(call.name, &describe(&value), call.span))),
            Some(Found::Other(keyword)) => Err(one(not_layer(call.name, &with_article(keyword), call.span))),
            None => Err(one(unknown_layer(self.library, call.name, call.span, &[]))),
        }
    }

    /// Lets the network begin with random numbers in place of an example.
    fn latent(&mut self, params: &'l [Param], call: Call<'l>, env: &Rc<Env<'l>>, at: Source) -> Flow {
        let size = self.settings(params, call, env)?.real("size");
        if size == 0.0 {
            let diag = Diag::error("cfx::network::setting", call.span, "`latent` has no numbers");
            return Err(one(diag.help("DCGAN has 100")));
        }
        if !(size.fract() == 0.0 && (1.0..=1e6).contains(&size)) {
            let text = format!("`size` of `latent` is {size}; it must be a whole number from 1 to a million");
            return Err(one(Diag::error("cfx::network::setting", call.span, text).help("DCGAN has 100")));
        }
        if at != Source::Input || !self.nodes.is_empty() {
            let diag = Diag::error("cfx::network::setting", call.span, "`latent` comes after other layers");
            return Err(one(diag.help("a generator begins with it: put it first")));
        }
        self.input = vec![size as usize];
        Ok(at)
    }

    fn declared(
        &mut self,
        callee: Declared<'l>,
        call: Call<'l>,
        env: &Rc<Env<'l>>,
        at: Source,
        scope: usize,
        place: Place,
    ) -> Flow {
        let name = &callee.name.name;
        let inner = step_into(self.library, callee, call.args, call.span, env, Static::Number(self.classes as f64))?;
        let inner = Rc::new(Env { turns: if inner.taps { env.turns.clone() } else { String::new() }, ..inner });
        let scope = match place {
            Place::Named(name, span) => self.scopes.open(scope, &name, span)?,
            Place::Next if !callee.is_network() && is_module(callee.body) => self.scopes.open_next(scope),
            _ => scope,
        };
        self.steps(&steps_of_body(callee.body), &inner, at, scope).map_err(|mut diags| {
            // The calls that led to a layer, the nearest three.
            if let Some(first) = diags.0.first_mut()
                && first.labels.len() < 4
            {
                first.labels.push((call.span, format!("in `{name}`, used here on {}", words(self.shape(at)))));
            }
            diags
        })
    }

    #[allow(clippy::too_many_arguments, reason = "a built-in's signature beside the place of its call")]
    fn primitive(
        &mut self,
        name: &str,
        params: &'l [Param],
        call: Call<'l>,
        env: &Rc<Env<'l>>,
        at: Source,
        scope: usize,
        place: Place,
    ) -> Flow {
        if let Some(block) = call.block {
            return Err(one(holds_no_steps(name, block, call.span)));
        }
        let settings = self.settings(params, call, env)?;
        let mut parts = apply(name, &settings, self.shape(at), call.span).map_err(|diag| one(*diag))?;
        if parts.len() > 1 {
            let scope = match place {
                Place::Named(name, span) => self.scopes.open(scope, &name, span)?,
                Place::Next => self.scopes.open_next(scope),
                Place::Flat => scope,
            };
            return parts.into_iter().try_fold(at, |at, part| {
                let path = match part.name {
                    Some(name) => self.scopes.leaf(scope, name, call.span)?,
                    None => self.scopes.under(scope, part.op.word()),
                };
                self.push(part.op, vec![at], part.shape, path, call.span)
            });
        }
        let Some(Part { mut op, shape, .. }) = parts.pop() else { return Ok(at) };
        let path = match (place, &mut op) {
            (Place::Named(name, span), LayerOp::Lstm { index, .. }) => self.lstm(scope, &name, span, index)?,
            (Place::Named(name, span), _) => self.scopes.leaf(scope, &name, span)?,
            _ => self.scopes.leaf_next(scope),
        };
        self.push(op, vec![at], shape, path, call.span)
    }

    /// Returns the path of an LSTM, and its number among those of the same name: PyTorch has several layers in one module.
    fn lstm(&mut self, scope: usize, name: &str, span: Span, index: &mut usize) -> Result<String, Diags> {
        let path = self.scopes.under(scope, name);
        let before = self.nodes.iter().filter(|n| n.path == path);
        let (layers, others): (Vec<_>, Vec<_>) = before.partition(|n| matches!(n.op, LayerOp::Lstm { .. }));
        *index = layers.len();
        if layers.is_empty() || !others.is_empty() {
            return self.scopes.leaf(scope, name, span);
        }
        if *index >= MOST_LSTM {
            let text = format!("there are more than {MOST_LSTM} layers of `lstm` called `{name}`");
            return Err(one(Diag::error("cfx::network::doubled_label", span, text).help("give some of them another name")));
        }
        Ok(path)
    }

    pub(super) fn settings(&self, params: &'l [Param], call: Call<'l>, env: &Rc<Env<'l>>) -> Result<Settings, Diags> {
        let args: Vec<_> = call.args.iter().collect();
        let slots = bind_args(params, &args, call.name, call.span)?;
        let mut values = given(self.library, params, slots, env)?;
        defaults(self.library, params, &mut values)?;
        let plain = |(name, bound)| match bound {
            Bound::Value(value) => Some((name, value)),
            Bound::Layers(_) => None,
        };
        Ok(Settings(values.into_iter().filter_map(plain).collect()))
    }

    pub(super) fn push(&mut self, op: LayerOp, inputs: Vec<Source>, shape: Shape, path: String, span: Span) -> Flow {
        if self.nodes.len() >= MOST_LAYERS {
            return Err(one(too_large(span, format!("the network has more than {MOST_LAYERS} layers"))));
        }
        if shape.iter().map(|&n| n as f64).product::<f64>() > MOST_PARAMETERS || weight(&op) > MOST_PARAMETERS {
            return Err(one(too_large(span, format!("`{}` is too large: its output is {}", op.word(), words(&shape)))));
        }
        self.nodes.push(Node { op, inputs, shape, path });
        Ok(Source::Node(self.nodes.len() - 1))
    }
}

/// Returns the number of parameters as a float, which does not overflow.
fn weight(op: &LayerOp) -> f64 {
    match *op {
        LayerOp::Conv { input, output, kernel, groups, .. } => {
            output as f64 * input as f64 / groups as f64 * (kernel as f64).powi(2)
        }
        LayerOp::ConvTransposed { input, output, kernel, groups, .. } => {
            output as f64 * input as f64 / groups as f64 * (kernel as f64).powi(2)
        }
        LayerOp::Linear { input, output, .. } => input as f64 * output as f64,
        LayerOp::Embedding { words: count, features } | LayerOp::PositionEmbedding { tokens: count, features } => {
            count as f64 * features as f64
        }
        LayerOp::Lstm { input, hidden, .. } => 4.0 * hidden as f64 * (input as f64 + hidden as f64),
        _ => 0.0,
    }
}

fn too_large(span: Span, message: String) -> Diag {
    Diag::error("cfx::network::too_large", span, message)
}

fn not_layer(name: &str, is: &str, span: Span) -> Diag {
    Diag::error("cfx::network::not_layer", span, format!("`{name}` is {is}, not a layer"))
        .help("a step is a layer, as in `conv(16, 3) -> relu`")
}
