//! From pest's pairs to the tree, with what the grammar alone does not settle: precedence, literals, blocks or bodies.

use super::ast::*;
use super::grammar::{EDITION, MOST_MESSAGES, Rule};
use crate::base::text::one_line;
use crate::base::{Diag, Diags, SourceFile, Span};
use pest::iterators::Pair;
use std::iter::Peekable;

/// How high an expression's tree may grow, so that no pass over it runs out of stack.
const MAX_HEIGHT: u32 = 200;
/// How many operands, operators and brackets may stand in a row within one expression.
const MAX_ROW: usize = 400;

type Node<'i> = Pair<'i, Rule>;

/// Builds the tree of one file.
pub struct Builder<'a> {
    file: &'a SourceFile,
    comments: &'a [Comment],
    /// Whether blocks hold steps.
    in_body: bool,
    /// What was wrong on the way.
    pub diags: Diags,
}

/// An expression and the height of its tree.
struct Tall {
    expr: Expr,
    height: u32,
}

/// A part of a row of operands and operators.
enum Piece {
    Prefix(UnaryOp, Span),
    Infix(Infix, Span),
    Operand(Tall),
}

/// An operator between two operands.
#[derive(Clone, Copy, PartialEq)]
enum Infix {
    Range,
    Op(BinaryOp),
}

/// Returns whether an operator tells whether two values are the same.
fn is_equality(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Eq | BinaryOp::Ne)
}

impl Infix {
    /// Returns how tightly it binds, more for tighter, and whether it may stand beside its like.
    fn power(self) -> (u8, bool) {
        match self {
            Infix::Op(BinaryOp::Or) => (1, true),
            Infix::Op(BinaryOp::And) => (2, true),
            Infix::Op(BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge) => (4, false),
            Infix::Op(BinaryOp::Except) => (5, true),
            Infix::Range => (6, false),
            Infix::Op(BinaryOp::Add | BinaryOp::Sub) => (7, true),
            Infix::Op(BinaryOp::Mul | BinaryOp::Div) => (8, true),
        }
    }
}

/// Power of `not`: looser than comparisons, tighter than `and`.
const NOT: u8 = 3;
/// Power of `-` before an operand.
const NEG: u8 = 9;

impl<'a> Builder<'a> {
    /// Returns a builder for a file whose comments are known.
    pub fn new(file: &'a SourceFile, comments: &'a [Comment]) -> Self {
        Builder { file, comments, in_body: false, diags: Diags::default() }
    }

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
            Rule::experiment => ItemKind::Experiment { title: self.text(parts.next()?), settings: self.fields_of(parts.next()) },
            Rule::use_names => {
                let path = parts.next()?;
                let path = match path.as_rule() {
                    Rule::text => UsePath::File(self.text(path)),
                    _ => UsePath::Dotted(self.idents(path)),
                };
                ItemKind::Use { path, names: parts.filter_map(|p| self.use_name(p)).collect() }
            }
            Rule::titled => ItemKind::Titled { keyword, title: self.text(parts.next()?), value: self.chain(parts.next()?).expr },
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
    fn fields(&mut self, pair: Node) -> (Vec<Arg>, u32) {
        let (args, height) = self.args(pair);
        for arg in args.iter().filter(|a| a.name.is_none()) {
            let help = "a block in braces holds named arguments: `name: value`, one a line or separated by commas";
            self.report(Diag::error("cfx::syntax::field", arg.value.span, "this field has no name").help(help));
        }
        (args, height)
    }

    /// Returns the arguments in brackets of any kind.
    fn args(&mut self, pair: Node) -> (Vec<Arg>, u32) {
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

    fn body(&mut self, pair: Node) -> (Body, u32) {
        let span = self.span(&pair);
        let (args, height) = self.args(pair);
        let steps = args.into_iter().map(|a| Step { label: a.name, value: a.value }).collect();
        (Body { steps, span }, height)
    }

    // ------------------------------------------------------------------------------------------------------ expressions

    /// Returns an expression with its height, or, where the tree grew too high, a placeholder and a message.
    fn tall(&mut self, kind: ExprKind, span: Span, below: u32) -> Tall {
        if below >= MAX_HEIGHT {
            self.too_long(span);
            return Tall { expr: Expr { kind: ExprKind::Name(String::from("_")), span }, height: 1 };
        }
        Tall { expr: Expr { kind, span }, height: below + 1 }
    }

    fn too_long(&mut self, span: Span) {
        let diag = Diag::error("cfx::syntax::depth", span, "this expression is too long");
        self.report(diag.help("name its parts by declarations of their own, such as `let part = …`"));
    }

    fn chain(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        let mut links: Vec<Tall> = pair.into_inner().filter(|p| p.as_rule() == Rule::expr).map(|p| self.row(p)).collect();
        match links.len() {
            1 => links.remove(0),
            _ => {
                let height = links.iter().map(|l| l.height).max().unwrap_or(0);
                self.tall(ExprKind::Chain(links.into_iter().map(|l| l.expr).collect()), span, height)
            }
        }
    }

    /// Returns a row of operands and operators as a tree.
    fn row(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        let pairs: Vec<Node> = pair.into_inner().collect();
        if pairs.len() > MAX_ROW {
            self.too_long(span);
            return self.tall(ExprKind::Name(String::from("_")), span, 0);
        }
        let mut pieces = Vec::with_capacity(pairs.len());
        for part in pairs {
            let at = self.span(&part);
            pieces.push(match part.as_rule() {
                Rule::op_not => Piece::Prefix(UnaryOp::Not, at),
                Rule::op_neg => Piece::Prefix(UnaryOp::Neg, at),
                Rule::postfix => Piece::Operand(self.postfix(part)),
                rule => match infix(rule) {
                    Some(op) => Piece::Infix(op, at),
                    None => continue,
                },
            });
        }
        let mut pieces = pieces.into_iter().peekable();
        self.climb(&mut pieces, 0, span)
    }

    /// Returns the tree of the operands and operators that bind at least as tightly as `least`.
    fn climb(&mut self, pieces: &mut Peekable<std::vec::IntoIter<Piece>>, least: u8, all: Span) -> Tall {
        let mut left = match pieces.next() {
            Some(Piece::Operand(operand)) => operand,
            Some(Piece::Prefix(op, at)) => {
                let operand = self.climb(pieces, if op == UnaryOp::Not { NOT } else { NEG }, all);
                let span = at.to(operand.expr.span);
                self.tall(ExprKind::Unary(op, Box::new(operand.expr)), span, operand.height)
            }
            Some(Piece::Infix(_, at)) => return self.tall(ExprKind::Name(String::from("_")), at, 0),
            None => return self.tall(ExprKind::Name(String::from("_")), all, 0),
        };
        let mut before: Option<(u8, Span)> = None;
        while let Some(Piece::Infix(op, at)) = pieces.peek() {
            let (op, at) = (*op, *at);
            let (power, repeats) = op.power();
            if power < least {
                break;
            }
            let in_a_row = before.filter(|(p, _)| *p == power && !repeats);
            before = Some((power, at));
            pieces.next();
            let right = self.climb(pieces, power + 1, all);
            if let Some((_, first)) = in_a_row {
                self.not_in_a_row(op, (first, at), (&left.expr, &right.expr));
            }
            // `a > b == true` goes on as `a > b`: what is compared then is a truth value, which another mistake would be about.
            if let (Some(_), Infix::Op(second), ExprKind::Binary(first, ..)) = (in_a_row, op, &left.expr.kind)
                && is_equality(*first) != is_equality(second)
            {
                continue;
            }
            // `a < b < c` goes on as `a < b and b < c`, so that it is one mistake and no more.
            if let (Some(_), Infix::Op(op), ExprKind::Binary(_, _, middle)) = (in_a_row, op, &left.expr.kind) {
                let span = middle.span.to(right.expr.span);
                let height = left.height.max(right.height) + 1;
                let second = Expr { kind: ExprKind::Binary(op, middle.clone(), Box::new(right.expr)), span };
                let all = left.expr.span.to(span);
                left = self.tall(ExprKind::Binary(BinaryOp::And, Box::new(left.expr), Box::new(second)), all, height);
                before = None;
                continue;
            }
            let span = left.expr.span.to(right.expr.span);
            let height = left.height.max(right.height);
            let (a, b) = (Box::new(left.expr), Box::new(right.expr));
            let kind = match op {
                Infix::Range => ExprKind::Range(a, b),
                Infix::Op(op) => ExprKind::Binary(op, a, b),
            };
            left = self.tall(kind, span, height);
        }
        left
    }

    fn not_in_a_row(&mut self, op: Infix, (first, second): (Span, Span), (left, right): (&Expr, &Expr)) {
        let text =
            |span: Span| one_line(&self.file.text[span.start as usize - self.file.base..span.end as usize - self.file.base], 40);
        let (message, help) = match (op, &left.kind) {
            (Infix::Op(op), ExprKind::Binary(..)) if is_equality(op) && matches!(right.kind, ExprKind::Bool(_)) => {
                let holds = matches!(right.kind, ExprKind::Bool(true)) == (op == BinaryOp::Eq);
                let alone = if holds { text(left.span) } else { format!("not ({})", text(left.span)) };
                ("comparisons cannot follow one another", format!("a comparison is true or false by itself: write `{alone}`"))
            }
            (Infix::Op(op), ExprKind::Binary(_, _, middle)) => {
                let both = format!("{} and {} {} {}", text(left.span), text(middle.span), op.word(), text(right.span));
                ("comparisons cannot follow one another", format!("write `{both}`"))
            }
            (Infix::Op(_), _) => ("comparisons cannot follow one another", "write `a < b and b < c`".to_string()),
            (Infix::Range, _) => {
                ("ranges cannot follow one another", "a range is written `0..10`, the end excluded, in steps of one".to_string())
            }
        };
        self.report(Diag::error("cfx::syntax::comparison", second, message).label(first, "the first one").help(help));
    }

    fn postfix(&mut self, pair: Node) -> Tall {
        let whole = self.span(&pair);
        let mut parts = pair.into_inner();
        let Some(first) = parts.next() else { return self.tall(ExprKind::Name(String::from("_")), whole, 0) };
        let suffixes: Vec<Node> = parts.collect();
        if suffixes.len() > MAX_ROW {
            self.too_long(whole);
            return self.tall(ExprKind::Name(String::from("_")), whole, 0);
        }
        let mut value = self.primary(first);
        for suffix in suffixes {
            let span = value.expr.span.to(self.span(&suffix));
            value = self.suffix(value, suffix, span);
        }
        value
    }

    fn suffix(&mut self, value: Tall, suffix: Node, span: Span) -> Tall {
        match suffix.as_rule() {
            Rule::member => match suffix.into_inner().find(|p| p.as_rule() == Rule::ident) {
                Some(name) => {
                    let name = self.ident(name);
                    self.tall(ExprKind::Member(Box::new(value.expr), name), span, value.height)
                }
                None => value,
            },
            Rule::select => {
                let (args, height) = self.args(suffix);
                self.tall(ExprKind::Select(Box::new(value.expr), args), span, height.max(value.height))
            }
            Rule::args => {
                let (args, height) = self.args(suffix);
                self.tall(ExprKind::Call { callee: Box::new(value.expr), args, block: None }, span, height.max(value.height))
            }
            _ => {
                let (block, height) = if self.in_body {
                    let (body, height) = self.body(suffix);
                    (Block::Body(body), height)
                } else {
                    let (fields, height) = self.fields(suffix);
                    (Block::Fields(fields), height)
                };
                match value.expr.kind {
                    ExprKind::Call { callee, args, block: None } => {
                        let below = height.max(value.height.saturating_sub(1));
                        self.tall(ExprKind::Call { callee, args, block: Some(block) }, span, below)
                    }
                    kind => {
                        let callee = Box::new(Expr { kind, span: value.expr.span });
                        let height = height.max(value.height);
                        self.tall(ExprKind::Call { callee, args: Vec::new(), block: Some(block) }, span, height)
                    }
                }
            }
        }
    }

    fn primary(&mut self, pair: Node) -> Tall {
        let span = self.span(&pair);
        match pair.as_rule() {
            Rule::ident => self.tall(ExprKind::Name(pair.as_str().to_string()), span, 0),
            Rule::boolean => self.tall(ExprKind::Bool(pair.as_str() == "true"), span, 0),
            Rule::text => {
                let text = self.text(pair);
                self.tall(ExprKind::Text(text.value), span, 0)
            }
            Rule::number | Rule::bad_number => {
                let kind = self.number(pair.as_str(), span, pair.as_rule() == Rule::bad_number);
                self.tall(kind, span, 0)
            }
            Rule::round => {
                let inner = pair.into_inner().find(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p));
                let (kind, height) =
                    inner.map_or((ExprKind::Name(String::from("_")), 0), |i| (ExprKind::Paren(Box::new(i.expr)), i.height));
                self.tall(kind, span, height)
            }
            Rule::list => {
                let items: Vec<Tall> = pair.into_inner().filter(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p)).collect();
                let height = items.iter().map(|i| i.height).max().unwrap_or(0);
                self.tall(ExprKind::List(items.into_iter().map(|i| i.expr).collect()), span, height)
            }
            Rule::map => {
                let (mut entries, mut height) = (Vec::new(), 0);
                for entry in pair.into_inner().filter(|p| p.as_rule() == Rule::pair) {
                    let mut parts = entry.into_inner().filter(|p| !is_mark(p.as_rule()));
                    let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
                    let key = match key.as_rule() {
                        Rule::text => {
                            let text = self.text(key);
                            Ident { name: text.value, span: text.span }
                        }
                        _ => self.ident(key),
                    };
                    let value = self.chain(value);
                    height = height.max(value.height);
                    entries.push((key, value.expr));
                }
                self.tall(ExprKind::Map(entries), span, height)
            }
            _ => {
                let mut parts: Vec<Tall> =
                    pair.into_inner().filter(|p| p.as_rule() == Rule::chain).map(|p| self.chain(p)).collect();
                let height = parts.iter().map(|p| p.height).max().unwrap_or(0);
                let (Some(c), Some(b), Some(a)) = (parts.pop(), parts.pop(), parts.pop()) else {
                    return self.tall(ExprKind::Name(String::from("_")), span, 0);
                };
                self.tall(ExprKind::If(Box::new(a.expr), Box::new(b.expr), Box::new(c.expr)), span, height)
            }
        }
    }

    // ----------------------------------------------------------------------------------------------------------- leaves

    fn ident(&mut self, pair: Node) -> Ident {
        Ident { name: pair.as_str().to_string(), span: self.span(&pair) }
    }

    fn idents(&mut self, pair: Node) -> Vec<Ident> {
        pair.into_inner().filter(|p| p.as_rule() == Rule::ident).map(|p| self.ident(p)).collect()
    }

    /// Returns where a pair stands, without the blanks that pest may count to its end.
    pub(super) fn span(&self, pair: &Node) -> Span {
        let start = pair.as_span().start();
        let mut last = pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        Span::new(self.file.base + start, self.file.base + last.as_span().end())
    }

    /// Adds a message, unless there are very many already.
    pub(super) fn report(&mut self, diag: Diag) {
        if self.diags.0.len() < MOST_MESSAGES {
            self.diags.push(diag);
        }
    }

    fn source(&self, span: Span) -> &str {
        self.file.text.get(span.start as usize - self.file.base..span.end as usize - self.file.base).unwrap_or("")
    }
}

/// Returns the next part if it is of this rule.
fn next_if<'i, I: Iterator<Item = Node<'i>>>(parts: &mut Peekable<I>, rule: Rule) -> Option<Node<'i>> {
    parts.next_if(|p| p.as_rule() == rule)
}

/// Returns whether a rule is a mark that only holds others apart.
fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        assign
            | colon
            | comma
            | dot
            | arrow
            | bar
            | open_round
            | open_params
            | close_round
            | open_square
            | close_square
            | open_curly
            | close_curly
            | kw_as
    )
}

/// Returns the operator that a rule stands for.
fn infix(rule: Rule) -> Option<Infix> {
    Some(Infix::Op(match rule {
        Rule::op_range => return Some(Infix::Range),
        Rule::op_or => BinaryOp::Or,
        Rule::op_and => BinaryOp::And,
        Rule::op_except => BinaryOp::Except,
        Rule::op_eq => BinaryOp::Eq,
        Rule::op_ne => BinaryOp::Ne,
        Rule::op_le => BinaryOp::Le,
        Rule::op_ge => BinaryOp::Ge,
        Rule::op_lt => BinaryOp::Lt,
        Rule::op_gt => BinaryOp::Gt,
        Rule::op_add => BinaryOp::Add,
        Rule::op_sub => BinaryOp::Sub,
        Rule::op_mul => BinaryOp::Mul,
        Rule::op_div => BinaryOp::Div,
        _ => return None,
    }))
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
