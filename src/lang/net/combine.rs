//! Layers that hold steps: `residual`, `concat`, `repeat`, `each`, `named` and their like, laid out.

use super::Combinator;
use super::elaborate::{Builder, Call, Flow};
use super::env::{Bound, Env, given, one};
use super::ir::{LayerOp, Source};
use super::layers::words;
use super::limits::needs_steps;
use super::scopes::Place;
use super::{StepRef, steps_of};
use crate::base::Diag;
use crate::lang::bind::bind_args;
use crate::syntax::ast::Param;
use std::rc::Rc;

impl<'l> Builder<'l> {
    #[allow(clippy::too_many_arguments, reason = "a built-in's signature beside the place of its call")]
    pub(super) fn combine(
        &mut self,
        kind: Combinator,
        params: &'l [Param],
        call: Call<'l>,
        env: &Rc<Env<'l>>,
        at: Source,
        scope: usize,
        place: Place,
    ) -> Flow {
        if call.block.is_none() {
            return Err(one(needs_steps(call.name, call.span)));
        }
        let steps = steps_of(call.block);
        let flat = matches!(place, Place::Flat);
        let scope = match (kind, place) {
            (Combinator::Named | Combinator::Unnamed | Combinator::Numbered, _) => scope,
            (_, Place::Named(name, span)) => self.scopes.open(scope, &name, span)?,
            _ => scope,
        };
        match kind {
            Combinator::Named => {
                let settings = self.settings(params, call, env)?;
                let name = settings.word("path").to_string();
                let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if name.is_empty() || !name.chars().all(plain) {
                    let text = format!("\"{name}\" cannot be part of a parameter's name");
                    return Err(one(Diag::error("cfx::network::path", call.span, text).help("use letters, digits and `_`")));
                }
                match steps.as_slice() {
                    [step @ StepRef { label: None, .. }] => self.step(*step, env, at, scope, Place::Named(name, call.span)),
                    _ => {
                        let scope = self.scopes.open(scope, &name, call.span)?;
                        self.steps(&steps, env, at, scope)
                    }
                }
            }
            Combinator::Unnamed => steps.iter().try_fold(at, |at, step| self.step(*step, env, at, scope, Place::Flat)),
            Combinator::Numbered => self.steps(&steps, env, at, scope),
            Combinator::Repeat => {
                let args: Vec<_> = call.args.iter().collect();
                let slots = bind_args(params, &args, call.name, call.span)?;
                let count = slots.first().copied().flatten().map_or(Ok(0), |e| env.count(self.library, e))?;
                (0..count).try_fold(at, |at, turn| self.steps(&steps, &Rc::new(env.turn(turn)), at, scope))
            }
            Combinator::Each => {
                let (name, items) = env.elements(self.library, call.args, call.span)?;
                items.into_iter().enumerate().try_fold(at, |at, (turn, item)| {
                    let mut inner = env.turn(turn);
                    inner.values.insert(name.to_string(), Bound::Value(item));
                    self.steps(&steps, &Rc::new(inner), at, scope)
                })
            }
            Combinator::Residual => self.residual(params, call, &steps, env, at, scope),
            Combinator::Concat => {
                bind_args(params, &call.args.iter().collect::<Vec<_>>(), call.name, call.span)?;
                let place = if flat { Place::Flat } else { Place::Next };
                self.concat(call, &steps, env, at, scope, place)
            }
        }
    }

    fn residual(
        &mut self,
        params: &'l [Param],
        call: Call<'l>,
        steps: &[StepRef<'l>],
        env: &Rc<Env<'l>>,
        at: Source,
        scope: usize,
    ) -> Flow {
        let args: Vec<_> = call.args.iter().collect();
        let slots = bind_args(params, &args, call.name, call.span)?;
        let values = given(self.library, params, slots, env)?;
        let layers = |name: &str| match values.get(name) {
            Some(Bound::Layers(Some((expr, written)))) => Some((*expr, written.clone())),
            _ => None,
        };
        let branch = self.steps(steps, env, at, scope)?;
        let (project, always) = (layers("project"), layers("shortcut"));
        let shortcut = match (always, project) {
            (Some((first, _)), Some((second, _))) => {
                let diag = Diag::error("cfx::call::doubled", second.span, "`residual` takes `shortcut` or `project`, not both");
                return Err(one(diag.label(first.span, "the other one")));
            }
            (Some((expr, written)), None) => self.layers(expr, &written, at, scope, Place::Next)?,
            (None, Some((expr, written))) if self.shape(branch) != self.shape(at) => {
                self.layers(expr, &written, at, scope, Place::Next)?
            }
            _ => at,
        };
        let (left, right) = (self.shape(branch).clone(), self.shape(shortcut).clone());
        if left != right {
            let text = format!("the steps of `residual` give {}, but its shortcut gives {}", words(&left), words(&right));
            let diag =
                Diag::error("cfx::shape::residual", call.span, text).here(format!("the input is {}", words(self.shape(at))));
            let help = "give it a shortcut for inputs that change shape: `residual(project: conv(channels, 1, stride) -> batch_norm) { … }`";
            return Err(one(diag.help(help)));
        }
        let path = self.scopes.under(scope, "add");
        self.push(LayerOp::Add, vec![branch, shortcut], left, path, call.span)
    }

    fn concat(
        &mut self,
        call: Call<'l>,
        steps: &[StepRef<'l>],
        env: &Rc<Env<'l>>,
        at: Source,
        scope: usize,
        place: Place,
    ) -> Flow {
        let mut branches: Vec<Source> = Vec::new();
        for step in steps {
            branches.push(self.step(*step, env, at, scope, place.clone())?);
        }
        let Some(&first) = branches.first() else { return Ok(at) };
        let mut shape = self.shape(first).clone();
        let mut width = 0;
        for (branch, step) in branches.iter().zip(steps) {
            let other = self.shape(*branch);
            if other.len() != shape.len() || other[..other.len() - 1] != shape[..shape.len() - 1] {
                let text = format!("`concat` cannot put {} beside {}", words(other), words(&shape));
                let diag = Diag::error("cfx::shape::concat", step.value.span, text).here(format!("gives {}", words(other)));
                let diag = diag.label(steps[0].value.span, format!("gives {}", words(&shape)));
                return Err(one(diag.help("its branches may differ in channels only")));
            }
            width += other[other.len() - 1];
        }
        if let Some(last) = shape.last_mut() {
            *last = width;
        }
        let path = self.scopes.under(scope, "concat");
        self.push(LayerOp::Concat, branches, shape, path, call.span)
    }
}
