//! From pest's pairs to declarations: their names, fields, steps and signatures.

use super::ast::*;
use super::builder::{Builder, Node, is_mark, next_if};
use super::grammar::{EDITION, Rule};
use crate::base::{Diag, Span};

impl Builder<'_> {
    /// Returns the edition line; any edition but this build's is an error.
    pub fn edition(&mut self, pair: Node) -> Option<(u32, Span)> {
        let span = self.span(&pair);
        let number = pair.into_inner().last()?.as_str().to_string();
        match number.parse::<u32>() {
            Ok(n) if n == EDITION => Some((n, span)),
            _ => {
                let diag =
                    Diag::error("cfx::syntax::edition", span, format!("edition {number} of the language is not known here"));
                self.report(diag.help(format!("this build reads edition {EDITION}: `cfx {EDITION}`")));
                None
            }
        }
    }

    /// Returns a declaration.
    pub fn item(&mut self, pair: Node) -> Option<Item> {
        let span = self.span(&pair);
        let doc = self.doc(span);
        let pair = pair.into_inner().next()?;
        let rule = pair.as_rule();
        let mut parts = pair.into_inner().filter(|p| !is_mark(p.as_rule())).peekable();
        let keyword = keyword(parts.next()?.as_rule())?;
        self.in_body = false;
        let kind = match rule {
            Rule::experiment => ItemKind::Experiment { title: self.title(parts.next()?), settings: self.fields_of(parts.next()) },
            Rule::use_names => {
                let path = parts.next()?;
                let path = match path.as_rule() {
                    Rule::text => UsePath::File(self.text(path)),
                    _ => UsePath::Dotted(self.idents(path)),
                };
                ItemKind::Use { path, names: parts.filter_map(|p| self.use_name(p)).collect() }
            }
            Rule::titled => ItemKind::Titled { keyword, title: self.title(parts.next()?), value: self.chain(parts.next()?).expr },
            Rule::recipe => {
                let name = self.ident(parts.next()?);
                let base = next_if(&mut parts, Rule::ident).map(|p| self.ident(p));
                ItemKind::Recipe { name, base, fields: self.fields_of(parts.next()) }
            }
            Rule::param => ItemKind::Param(self.parameter(parts.next()?)?),
            Rule::network => {
                let name = self.ident(parts.next()?);
                let params = next_if(&mut parts, Rule::params).map(|p| self.params(p)).unwrap_or_default();
                self.in_body = true;
                let body = self.body(parts.next()?).0;
                self.in_body = false;
                ItemKind::Network { keyword, name, params, body }
            }
            Rule::extern_item => {
                let name = self.ident(parts.next()?);
                let params = self.params(parts.next()?);
                ItemKind::Extern { name, params, result: self.type_expr(parts.next()?) }
            }
            Rule::variant => {
                let name = self.ident(parts.next()?);
                ItemKind::Variant { name, constructors: parts.filter_map(|p| self.constructor(p)).collect() }
            }
            Rule::bind => ItemKind::Bind { keyword, name: self.ident(parts.next()?), value: self.chain(parts.next()?).expr },
            _ => return None,
        };
        Some(Item { kind, doc, span })
    }

    /// Returns the `##` lines directly before a declaration.
    fn doc(&self, item: Span) -> Option<String> {
        let mut lines = Vec::new();
        let mut next = item.start;
        let last = self.comments.partition_point(|c| c.span.start < item.start);
        for comment in self.comments[..last].iter().rev() {
            let between = self.source(Span { start: comment.span.end, end: next });
            let adjacent = between.trim().is_empty() && between.matches('\n').count() == 1;
            let Some(line) = comment.text.strip_prefix("##").filter(|_| adjacent && !comment.trailing) else { break };
            lines.push(line.strip_prefix(' ').unwrap_or(line));
            next = comment.span.start;
        }
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn use_name(&mut self, pair: Node) -> Option<UseName> {
        let mut idents = self.idents(pair).into_iter();
        Some(UseName { name: idents.next()?, alias: idents.next() })
    }

    // ------------------------------------------------------------------------------------------------------- signatures

    fn params(&mut self, pair: Node) -> Vec<Param> {
        pair.into_inner().filter(|p| p.as_rule() == Rule::parameter).filter_map(|p| self.parameter(p)).collect()
    }

    fn parameter(&mut self, pair: Node) -> Option<Param> {
        let mut parts = pair.into_inner().filter(|p| !is_mark(p.as_rule())).peekable();
        let name = self.ident(parts.next()?);
        let ty = next_if(&mut parts, Rule::type_expr).map(|p| self.type_expr(p));
        let default = parts.next().map(|p| self.chain(p).expr);
        Some(Param { name, ty, default })
    }

    fn constructor(&mut self, pair: Node) -> Option<Constructor> {
        let mut parts = pair.into_inner();
        let name = self.ident(parts.next()?);
        Some(Constructor { name, params: parts.next().map(|p| self.params(p)).unwrap_or_default() })
    }

    fn type_expr(&mut self, pair: Node) -> TypeExpr {
        let span = self.span(&pair);
        let mut ty = TypeExpr { alternatives: Vec::new(), effects: Vec::new(), span };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::type_atom => ty.alternatives.extend(part.into_inner().next().and_then(|p| self.type_atom(p))),
                Rule::effect => {
                    let mut parts = part.into_inner();
                    if let Some(word) = parts.next() {
                        let word = self.ident(word);
                        ty.effects.push(Effect { word, names: parts.next().map(|p| self.idents(p)).unwrap_or_default() });
                    }
                }
                _ => {}
            }
        }
        ty
    }

    fn type_atom(&mut self, pair: Node) -> Option<TypeAtom> {
        Some(match pair.as_rule() {
            Rule::ident => TypeAtom::Name(self.ident(pair)),
            Rule::type_option => TypeAtom::Option(self.idents(pair.into_inner().find(|p| p.as_rule() == Rule::names)?)),
            Rule::type_list => {
                TypeAtom::List(Box::new(self.type_expr(pair.into_inner().find(|p| p.as_rule() == Rule::type_expr)?)))
            }
            _ => {
                let mut fields = Vec::new();
                for field in pair.into_inner().filter(|p| p.as_rule() == Rule::type_field) {
                    let mut parts = field.into_inner().filter(|p| !is_mark(p.as_rule()));
                    if let (Some(name), Some(ty)) = (parts.next(), parts.next()) {
                        fields.push((self.ident(name), self.type_expr(ty)));
                    }
                }
                TypeAtom::Record(fields)
            }
        })
    }

    // ------------------------------------------------------------------------------------------------ fields and bodies

    /// Returns the fields of a declaration's block, none where it is not there.
    fn fields_of(&mut self, pair: Option<Node>) -> Vec<Arg> {
        pair.map(|p| self.fields(p).0).unwrap_or_default()
    }

    /// Returns the fields of a block; each needs a name.
    pub(super) fn fields(&mut self, pair: Node) -> (Vec<Arg>, u32) {
        let (args, height) = self.args(pair);
        for arg in args.iter().filter(|a| a.name.is_none()) {
            let help = match &arg.value.kind {
                ExprKind::Name(name) => format!(
                    "write `name: value`; a recipe that changes another one names it before its braces: `recipe new = {name} {{ … }}`"
                ),
                _ => "a block in braces holds named arguments: `name: value`, one a line or separated by commas".to_string(),
            };
            self.report(Diag::error("cfx::syntax::field", arg.value.span, "this field has no name").help(help));
        }
        (args, height)
    }

    /// Returns the arguments in brackets of any kind.
    pub(super) fn args(&mut self, pair: Node) -> (Vec<Arg>, u32) {
        let mut height = 0;
        let mut args = Vec::new();
        for arg in pair.into_inner().filter(|p| p.as_rule() == Rule::arg) {
            let mut parts = arg.into_inner().filter(|p| !is_mark(p.as_rule())).peekable();
            let name = next_if(&mut parts, Rule::ident).map(|p| self.ident(p));
            if let Some(value) = parts.next() {
                let value = self.chain(value);
                height = height.max(value.height);
                args.push(Arg { name, value: value.expr });
            }
        }
        (args, height)
    }

    pub(super) fn body(&mut self, pair: Node) -> (Body, u32) {
        let span = self.span(&pair);
        let (args, height) = self.args(pair);
        let steps = args.into_iter().map(|a| Step { label: a.name, value: a.value }).collect();
        (Body { steps, span }, height)
    }
}

/// Returns the keyword that a rule stands for.
fn keyword(rule: Rule) -> Option<Keyword> {
    Some(match rule {
        Rule::kw_experiment => Keyword::Experiment,
        Rule::kw_use => Keyword::Use,
        Rule::kw_axis => Keyword::Axis,
        Rule::kw_param => Keyword::Param,
        Rule::kw_let => Keyword::Let,
        Rule::kw_dataset => Keyword::Dataset,
        Rule::kw_network => Keyword::Network,
        Rule::kw_layer => Keyword::Layer,
        Rule::kw_recipe => Keyword::Recipe,
        Rule::kw_model => Keyword::Model,
        Rule::kw_stages => Keyword::Stages,
        Rule::kw_density => Keyword::Density,
        Rule::kw_analysis => Keyword::Analysis,
        Rule::kw_figure => Keyword::Figure,
        Rule::kw_claim => Keyword::Claim,
        Rule::kw_extern => Keyword::Extern,
        Rule::kw_variant => Keyword::Variant,
        _ => return None,
    })
}
