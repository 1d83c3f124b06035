# The two commands of the README, and what they stand on. Plain cargo works too, once OpenBLAS is there.

CARGO ?= cargo

.PHONY: quickstart test crash openblas format lint bench book

# Runs the quickstart: class densities of a small network trained on real handwritten digits.
quickstart: openblas
	$(CARGO) run --release -- run examples/quickstart/exp.cfx
	@echo "The report: examples/quickstart/results/exp/report.html"

# Runs all tests, those of buckets too (docs/cluster.md).
test: openblas
	$(CARGO) test --features object-store

# Kills runs a thousand times, in every phase, and says how it went. Tests do so a few times.
crash: openblas
	CFX_KILLS=1000 $(CARGO) test --test main crash:: -- --nocapture

# Checks formatting and lints, as continuous integration does.
lint: openblas
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --features object-store -- -D warnings

# Measures what performance claims rest on.
bench: openblas
	$(CARGO) bench

# Finds OpenBLAS, or installs it with the system's package manager where that is permitted.
openblas:
	@sh tools/openblas.sh

# Builds the documents as a book, below target/book/html. Needs mdBook.
book:
	sh tools/book.sh
