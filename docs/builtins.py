"""Rewrites the lists of built-ins in language.md from stdlib/*.cfx, and those of editors. Run from the repository: python docs/builtins.py"""

import pathlib
import re
import runpy

ROOT = pathlib.Path(__file__).parent.parent
BEGIN, END = "<!-- built-ins: begin -->", "<!-- built-ins: end -->"
ORDER = ["data", "layers", "networks", "training", "probes", "recipes", "representations", "density", "analysis", "figures"]


def declarations(text):
    """Yields (kind, signature, first sentence) of each extern, variant, network and recipe, in the order written."""
    lines, doc, i = text.splitlines(), [], 0
    while i < len(lines):
        line = lines[i]
        if line.startswith("##"):
            doc.append(line[2:].strip())
        elif match := re.match(r"(extern|variant|network|layer|recipe) ", line):
            part = [line]
            depth = line.count("(") - line.count(")") + line.count("{") - line.count("}")
            while i + 1 < len(lines) and (depth > 0 or re.match(r"\s*(->|\|)", lines[i + 1])):
                i += 1
                part.append(lines[i])
                depth += sum(lines[i].count(c) for c in "({") - sum(lines[i].count(c) for c in ")}")
            signature = "\n".join(re.sub(r"\s+#( .*)?$", "", p) for p in part)
            if match[1] in ("network", "layer", "recipe"):
                signature = signature.split("{")[0]
            signature = signature[len(match[1]) + 1 :].strip()
            flat = re.sub(r"(?<=[\w\])}%\"])\s*\n\s*(?!\||->|\))", ", ", signature)
            flat = re.sub(r"\s+", " ", flat).replace("( ", "(").replace(" )", ")").replace(",,", ",").replace(", }", " }")
            yield match[1], flat, doc[0] if doc else ""
            doc = []
        elif line.strip():
            doc = []
        i += 1


def main():
    out = []
    files = {p.stem: p for p in (ROOT / "stdlib").glob("*.cfx")}
    for topic in [t for t in ORDER if t in files] + sorted(set(files) - set(ORDER)):
        out.append(f"### {topic}\n")
        for kind, signature, sentence in declarations(files[topic].read_text()):
            word = "" if kind == "extern" else f"{kind} "
            out.append(f"- `{word}{signature}`" + (f"<br>{sentence}" if sentence else ""))
        out.append("")
    page = ROOT / "docs" / "language.md"
    text = page.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(before + BEGIN + "\n\n" + "\n".join(out) + "\n" + END + after)


if __name__ == "__main__":
    main()
    runpy.run_path(str(ROOT / "editors" / "generate.py"), run_name="__main__")
