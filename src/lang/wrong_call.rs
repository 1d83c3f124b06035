//! What is checked of a call that is wrong otherwise, so that all of its mistakes are told at once; and seeds.

use super::axes::AxisId;
use super::checker::Checker;
use super::parts::Parts;
use super::signature::{SettingType, Signature};
use super::static_value::{LARGEST_WHOLE, Static};
use super::statics::Env;
use super::typed::Written;
use crate::base::Diag;
use crate::syntax::ast;
use std::collections::BTreeMap;

impl<'a> Checker<'a> {
    /// Checks the settings of a call that is wrong otherwise, for the mistakes of their own.
    pub(super) fn check_settings(&mut self, signature: &'a Signature, written: &BTreeMap<String, Written>, axes: &[AxisId]) {
        let mut found = Vec::new();
        for env in self.envs(axes) {
            let statics = self.statics();
            for (param, takes) in signature.params.iter().zip(&signature.takes) {
                if let (Some(ty), Some(w)) = (&takes.setting, written.get(&param.name.name))
                    && let Err(wrong) = statics.setting(w.0, ty, &w.1, &env, &[])
                {
                    // A map over coordinates waits for axes that the call did not come to have.
                    found.push(wrong.without_waiting());
                }
            }
        }
        found.into_iter().for_each(|f| self.say_all(f));
    }

    /// Refuses a seed that is the same everywhere and no whole number: it would be drawn by without a word.
    pub(super) fn seed_fits(&mut self, parts: &Parts<'a>, axes: &[AxisId]) {
        let Some(seed) = parts.seed.as_ref().filter(|_| axes.is_empty()) else { return };
        match self.statics().value(seed.0, &seed.1, &Env::new()) {
            Ok(Static::Word(_)) => {}
            Ok(Static::Number(x)) if x.fract() == 0.0 && (0.0..=LARGEST_WHOLE).contains(&x) => {}
            Ok(Static::Number(x)) if x > LARGEST_WHOLE => {
                let message = "this seed is too large to be exact";
                let diag = Diag::error("cfx::type::setting", seed.1.span, message);
                self.say(diag.help("take one of up to fifteen digits"));
            }
            Ok(_) => {
                let diag = Diag::error("cfx::type::setting", seed.1.span, "a seed is a whole number, zero or more");
                self.say(diag.help("write, say, `seed: 7`; several seeds are an axis: `axis run = 0..5`, then `seed: run`"));
            }
            Err(found) => self.say_all(found),
        }
    }

    /// Checks the seed of a call that is wrong otherwise.
    pub(super) fn check_seed(&mut self, parts: &Parts<'a>, axes: &[AxisId]) {
        let Some(seed) = &parts.seed else { return };
        if let Some(Err(found)) =
            self.envs(axes).iter().map(|env| self.statics().value(seed.0, &seed.1, env)).find(|v| v.is_err())
        {
            self.say_all(found);
        }
    }

    /// Checks the named arguments that are settings and nothing else, where the call itself is wrong.
    pub(super) fn check_named_settings(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg]) {
        let (mut written, mut axes) = (BTreeMap::new(), Vec::new());
        for arg in args {
            let Some(name) = &arg.name else { continue };
            let Some(i) = signature.params.iter().position(|p| p.name.name == name.name) else { continue };
            let takes = &signature.takes[i];
            if let (Some(ty), true) = (&takes.setting, takes.inputs.is_empty() && takes.axis.is_none())
                && !matches!(ty, SettingType::Network | SettingType::Recipe)
                && !self.is_result(module, &arg.value)
            {
                self.axes_of_setting(module, ty, &arg.value, &mut axes);
                written.insert(name.name.clone(), self.keep(module, &arg.value));
            }
        }
        self.check_settings(signature, &written, &axes);
    }

    /// Checks the networks among the arguments of a call that is wrong otherwise.
    pub(super) fn check_networks(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg]) {
        for (i, arg) in args.iter().enumerate() {
            let at = match &arg.name {
                Some(name) => signature.params.iter().position(|p| p.name.name == name.name),
                None => Some(i),
            };
            if at.and_then(|i| signature.takes.get(i)).is_some_and(|t| t.setting == Some(SettingType::Network)) {
                self.networks(module, &arg.value, &mut Vec::new());
            }
        }
    }

    /// Checks the arguments that are results, for the mistakes of their own, where the call itself is wrong.
    pub(super) fn check_results(&mut self, module: usize, args: &[&'a ast::Arg]) {
        for arg in args {
            if self.is_result(module, &arg.value) {
                self.expr(module, &arg.value);
            }
        }
    }
}
