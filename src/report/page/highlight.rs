//! A script's text as HTML, its words marked by what they are.

use super::super::figure::svg::escape;
use crate::base::SourceFile;
use crate::syntax::ast::Keyword;
use crate::syntax::scan::{Kind, scan};

/// Words that expressions are made of.
const CONTROL: [&str; 9] = ["if", "then", "else", "and", "or", "not", "except", "as", "cfx"];
/// Words that stand for values.
const CONSTANTS: [&str; 6] = ["true", "false", "none", "all", "first", "last"];

/// Returns the lines of a script as HTML. Classes: `k` keywords, `c` comments, `s` strings, `m` numbers and constants, `f` names that are called, `p` names
/// of arguments.
pub fn highlight(text: &str) -> Vec<String> {
    let file = SourceFile { name: String::new(), text: text.to_string(), base: 0 };
    let scan = scan(&file);
    let mut marks: Vec<(usize, usize, &str)> =
        scan.comments.iter().map(|c| (c.span.start as usize, c.span.end as usize, "c")).collect();
    let mut fresh = true;
    for (i, token) in scan.tokens.iter().enumerate() {
        let word = &text[token.start..token.end];
        let next = scan.tokens.get(i + 1).map_or("", |t| &text[t.start..t.end]);
        let class = match token.kind {
            Kind::Word if (fresh && Keyword::ALL.iter().any(|k| k.word() == word)) || CONTROL.contains(&word) => "k",
            Kind::Word if next == ":" => "p",
            Kind::Word if CONSTANTS.contains(&word) => "m",
            Kind::Word if next == "(" => "f",
            Kind::Number => "m",
            Kind::Text => "s",
            _ => "",
        };
        fresh = token.kind == Kind::Newline;
        if !class.is_empty() {
            marks.push((token.start, token.end, class));
        }
    }
    marks.sort_unstable();
    let (mut out, mut at) = (String::with_capacity(2 * text.len()), 0);
    for (start, end, class) in marks {
        out.push_str(&escape(&text[at..start]));
        out.push_str(&format!("<i class=\"{class}\">{}</i>", escape(&text[start..end])));
        at = end;
    }
    out.push_str(&escape(&text[at..]));
    out.lines().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::highlight;

    #[test]
    fn words_are_marked_by_what_they_are() {
        let lines = highlight("cfx 1\nlet a = f(x: 2%, \"<b>\") # why\nfigure \"F\" = all\n");
        assert_eq!(lines[0], "<i class=\"k\">cfx</i> <i class=\"m\">1</i>");
        assert_eq!(
            lines[1],
            "<i class=\"k\">let</i> a = <i class=\"f\">f</i>(<i class=\"p\">x</i>: <i class=\"m\">2%</i>, \
             <i class=\"s\">&quot;&lt;b&gt;&quot;</i>) <i class=\"c\"># why</i>"
        );
        assert_eq!(lines[2], "<i class=\"k\">figure</i> <i class=\"s\">&quot;F&quot;</i> = <i class=\"m\">all</i>");
        assert_eq!(highlight("let x = \"open < \n\u{201c}"), ["<i class=\"k\">let</i> x = &quot;open &lt; ", "\u{201c}"]);
    }
}
