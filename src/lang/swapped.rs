//! Arguments in another order than the operation takes them: found out once a call is wrong, and said in one message.

use super::checker::Checker;
use super::kind::Kind;
use super::signature::{SettingType, Signature};
use super::statics::Env;
use crate::base::text::shorten;
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr, ExprKind, ItemKind};

/// The most positional arguments that are tried in other orders.
const MOST: usize = 5;

/// What an argument looks like, whatever place it stands in.
enum Looks {
    Result(Kind),
    Network,
    Recipe,
    Setting,
}

impl<'a> Checker<'a> {
    /// Returns the message for a wrong call whose positional arguments fit in another order, and in one other only.
    pub(super) fn other_order(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg]) -> Option<Diag> {
        let plain: Vec<&'a Expr> = args.iter().filter(|a| a.name.is_none()).map(|a| &a.value).collect();
        let (first, last) = (plain.first()?, plain.last()?);
        let span = Span { start: first.span.start, end: last.span.end };
        if !(2..=MOST).contains(&plain.len()) || plain.len() > signature.params.len() {
            return None;
        }
        let before = self.said();
        let looks: Option<Vec<Looks>> = plain.iter().map(|e| self.looks(module, e)).collect();
        self.take_back(before, span);
        let looks = looks?;
        let fits = |i: usize, param: usize| self.fits(module, signature, plain[i], &looks[i], param);
        let table: Vec<Vec<bool>> = (0..plain.len()).map(|i| (0..plain.len()).map(|param| fits(i, param)).collect()).collect();
        if (0..plain.len()).all(|i| table[i][i]) {
            return None;
        }
        let mut found = Vec::new();
        orders(&table, &mut Vec::new(), &mut found);
        let [order] = found.as_slice() else { return None };
        let name = &signature.name;
        let written: Vec<String> = order.iter().map(|i| shorten(self.program().sources.text(plain[*i].span))).collect();
        let names: Vec<String> = signature.params[..plain.len()].iter().map(|p| format!("`{}`", p.name.name)).collect();
        let more = if args.len() > plain.len() { ", …" } else { "" };
        let message = format!("the arguments of `{name}` are in the wrong order: it takes {}", names.join(", "));
        Some(Diag::error("cfx::call::order", span, message).help(format!("write `{name}({}{more})`", written.join(", "))))
    }

    /// Returns what an argument looks like; `None` if it is wrong by itself.
    fn looks(&mut self, module: usize, e: &'a Expr) -> Option<Looks> {
        if self.is_result(module, e) {
            let typed = self.expr(module, e);
            return (!typed.is_error()).then(|| Looks::Result(typed.kind.clone()));
        }
        if self.statics().network(module, e, &Env::new()).is_ok() {
            return Some(Looks::Network);
        }
        let named = match &e.kind {
            ExprKind::Name(name) => self.program().find(module, name).map(|def| &self.program().item(def).kind),
            _ => None,
        };
        Some(if matches!(named, Some(ItemKind::Recipe { .. })) { Looks::Recipe } else { Looks::Setting })
    }

    /// Returns whether an expression is the name of a declared axis, or of one that values have by themselves.
    fn is_axis_name(&self, module: usize, e: &Expr) -> bool {
        let ExprKind::Name(name) = &e.kind else { return false };
        let declared = self.program().find(module, name).map(|def| &self.program().item(def).kind);
        match declared {
            Some(ItemKind::Bind { keyword, .. }) => *keyword == ast::Keyword::Axis,
            Some(_) => false,
            None => matches!(name.as_str(), "class" | "stage" | "epoch" | "snapshot" | "example"),
        }
    }

    /// Returns whether an argument may be given for a parameter.
    fn fits(&self, module: usize, signature: &Signature, e: &'a Expr, looks: &Looks, param: usize) -> bool {
        let takes = &signature.takes[param];
        match (looks, &takes.setting) {
            (Looks::Result(kind), _) => takes.inputs.iter().any(|wanted| kind.fits(wanted)),
            (Looks::Network, Some(ty)) => *ty == SettingType::Network,
            (Looks::Recipe, Some(ty)) => *ty == SettingType::Recipe,
            (Looks::Setting, Some(SettingType::Network | SettingType::Recipe)) => false,
            (Looks::Setting, Some(ty)) => self.statics().setting(module, ty, e, &Env::new(), &[]).is_ok(),
            (Looks::Setting, None) => takes.axis.is_some() && self.is_axis_name(module, e),
            (_, None) => false,
        }
    }
}

/// Collects the orders in which every argument fits: for each place the argument that stands there. Two at most, as one too many.
fn orders(table: &[Vec<bool>], so_far: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if so_far.len() == table.len() {
        found.push(so_far.clone());
        return;
    }
    for i in 0..table.len() {
        if found.len() < 2 && !so_far.contains(&i) && table[i][so_far.len()] {
            so_far.push(i);
            orders(table, so_far, found);
            so_far.pop();
        }
    }
}
