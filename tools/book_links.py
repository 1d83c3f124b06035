"""Links of the book. `rewrite FOLDER`: in the Markdown below a folder, links to a README or to a folder with one lead to its page.
`check FOLDER`: every link, picture and script of the pages below a folder leads to something; prints what does not, and exits with 1.

mdBook makes `index.html` of each `README.md`, and leaves links to it, and to its folder, as they are.
"""

import html.parser
import pathlib
import re
import sys
import urllib.parse


def rewritten(page, text):
    """Returns the text of a page with links to READMEs and to folders that have one leading to `index.md`."""

    def link(match):
        path, place = match.group(1), match.group(2) or ""
        if "://" in path or path.startswith("mailto:"):
            return match.group(0)
        target = page.parent / path
        if target.is_dir() and (target / "README.md").is_file():
            return f"]({path.rstrip('/')}/index.md{place})"
        if target.name == "README.md" and target.is_file():
            return f"]({path[: -len('README.md')]}index.md{place})"
        return match.group(0)

    return re.sub(r"\]\(([^()#\s]+)(#[^()\s]*)?\)", link, text)


class Page(html.parser.HTMLParser):
    """What a page links to, and the places in it that can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.places.update(v for v in (found.get("id"), found.get("name") if tag == "a" else None) if v)
        self.links += [v for v in (found.get("href"), found.get("src")) if v]


def broken(root):
    """Returns the links below a folder that lead nowhere, and how many there are in all."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.html"))}
    bad, count = [], 0
    for path, page in pages.items():
        if path.name in ("404.html", "toc.html", "print.html"):  # made by mdBook: no document's own links
            continue
        for text in page.links:
            url = urllib.parse.urlsplit(text)
            if url.scheme or url.netloc:
                continue
            count += 1
            target = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            place = urllib.parse.unquote(url.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].places):
                bad.append(f"{path.relative_to(root)}: {text}")
    return bad, count


def main():
    what, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    if what == "rewrite":
        for page in root.rglob("*.md"):
            if page.name != "SUMMARY.md":
                page.write_text(rewritten(page, page.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        bad, count = broken(root)
        print("\n".join(bad) if bad else f"{count} links of the book lead to something")
        sys.exit(1 if bad or not count else 0)


if __name__ == "__main__":
    main()
