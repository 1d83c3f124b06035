//! The tree as text without places: for looking at it, and for telling whether two trees are the same.

use super::ast::*;

/// Returns the tree of a file as an S-expression, one declaration a line (doc comments included, other comments and spans not).
pub fn outline(file: &File) -> String {
    let mut out = String::new();
    if let Some((edition, _)) = file.edition {
        out.push_str(&format!("(cfx {edition})\n"));
    }
    for item in &file.items {
        if let Some(doc) = &item.doc {
            out.push_str(&format!("(doc {doc:?})\n"));
        }
        out.push_str(&kind(&item.kind));
        out.push('\n');
    }
    out
}

fn kind(kind: &ItemKind) -> String {
    match kind {
        ItemKind::Experiment { title, settings } => format!("(experiment {:?}{})", title.value, args(settings)),
        ItemKind::Use { path, names } => {
            let path = match path {
                UsePath::Dotted(parts) => parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join("."),
                UsePath::File(text) => format!("{:?}", text.value),
            };
            let name = |n: &UseName| {
                n.alias.as_ref().map_or(format!(" {}", n.name.name), |a| format!(" ({} as {})", n.name.name, a.name))
            };
            format!("(use {path}{})", names.iter().map(name).collect::<String>())
        }
        ItemKind::Bind { keyword, name, value } => format!("({} {} {})", keyword.word(), name.name, expr(value)),
        ItemKind::Titled { keyword, title, value } => format!("({} {:?} {})", keyword.word(), title.value, expr(value)),
        ItemKind::Recipe { name, base, fields } => {
            format!("(recipe {}{}{})", name.name, base.as_ref().map_or(String::new(), |b| format!(" = {}", b.name)), args(fields))
        }
        ItemKind::Param(p) => format!("(param{})", params(std::slice::from_ref(p))),
        ItemKind::Network { keyword, name, params: p, body: b } => {
            format!("({} {}{} {})", keyword.word(), name.name, params(p), body(b))
        }
        ItemKind::Extern { name, params: p, result } => format!("(extern {}{} -> {})", name.name, params(p), ty(result)),
        ItemKind::Variant { name, constructors } => {
            format!(
                "(variant {}{})",
                name.name,
                constructors.iter().map(|c| format!(" ({}{})", c.name.name, params(&c.params))).collect::<String>()
            )
        }
    }
}

fn params(params: &[Param]) -> String {
    let one = |p: &Param| {
        let ty = p.ty.as_ref().map_or(String::new(), |t| format!(": {}", ty(t)));
        let default = p.default.as_ref().map_or(String::new(), |d| format!(" = {}", expr(d)));
        format!(" [{}{ty}{default}]", p.name.name)
    };
    params.iter().map(one).collect()
}

fn ty(t: &TypeExpr) -> String {
    let atom = |a: &TypeAtom| match a {
        TypeAtom::Name(n) => n.name.clone(),
        TypeAtom::Option(names) => format!("(option{})", words(names)),
        TypeAtom::List(inner) => format!("[{}]", ty(inner)),
        TypeAtom::Record(fields) => {
            format!("{{{}}}", fields.iter().map(|(n, t)| format!(" {}: {}", n.name, ty(t))).collect::<String>())
        }
    };
    let alternatives: Vec<String> = t.alternatives.iter().map(atom).collect();
    let effects: String = t.effects.iter().map(|e| format!(" ({}{})", e.word.name, words(&e.names))).collect();
    format!("{}{effects}", alternatives.join("|"))
}

fn words(names: &[Ident]) -> String {
    names.iter().map(|n| format!(" {}", n.name)).collect()
}

fn args(args: &[Arg]) -> String {
    args.iter()
        .map(|a| format!(" {}{}", a.name.as_ref().map_or(String::new(), |n| format!("{}: ", n.name)), expr(&a.value)))
        .collect()
}

fn body(body: &Body) -> String {
    let step = |s: &Step| format!(" {}{}", s.label.as_ref().map_or(String::new(), |l| format!("{}: ", l.name)), expr(&s.value));
    format!("(body{})", body.steps.iter().map(step).collect::<String>())
}

fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Number { value, unit, text } => format!("{text}/{value}/{unit:?}"),
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Bool(b) => b.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Paren(inner) => format!("(paren {})", expr(inner)),
        ExprKind::List(items) => format!("[{}]", items.iter().map(expr).collect::<Vec<_>>().join(" ")),
        ExprKind::Map(entries) => {
            format!("(map{})", entries.iter().map(|(k, v)| format!(" {:?}: {}", k.name, expr(v))).collect::<String>())
        }
        ExprKind::Range(a, b) => format!("({}..{})", expr(a), expr(b)),
        ExprKind::Call { callee, args: a, block } => {
            let block = match block {
                None => String::new(),
                Some(Block::Fields(fields)) => format!(" (fields{})", args(fields)),
                Some(Block::Body(b)) => format!(" {}", body(b)),
            };
            format!("(call {}{}{block})", expr(callee), args(a))
        }
        ExprKind::Member(a, name) => format!("{}.{}", expr(a), name.name),
        ExprKind::Select(a, list) => format!("(select {}{})", expr(a), args(list)),
        ExprKind::Unary(op, a) => format!("({op:?} {})", expr(a)),
        ExprKind::Binary(op, a, b) => format!("({} {} {})", op.word(), expr(a), expr(b)),
        ExprKind::If(a, b, c) => format!("(if {} {} {})", expr(a), expr(b), expr(c)),
        ExprKind::Chain(links) => format!("(-> {})", links.iter().map(expr).collect::<Vec<_>>().join(" ")),
    }
}
