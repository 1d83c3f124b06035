# The two commands of the README, and what they stand on. Plain cargo works too, once OpenBLAS is there.

CARGO ?= cargo
# The command, its tests and the wheel are compiled once, together: in the release profile, with buckets (docs/cluster.md).
BUILD ?= --release --features object-store

.PHONY: quickstart test crash openblas format lint bench book

# Runs the quickstart: class densities of a small network trained on real handwritten digits.
quickstart: openblas
	$(CARGO) run $(BUILD) -- run examples/quickstart/exp.cfx
	@echo "The report: examples/quickstart/results/exp/report.html"

# Runs all tests.
test: openblas
	$(CARGO) test $(BUILD)

# Kills runs a thousand times, in every phase, and says how it went. Tests do so a few times.
crash: openblas
	CFX_KILLS=1000 $(CARGO) test $(BUILD) --test main crash:: -- --nocapture

# Checks formatting and lints, as continuous integration does.
lint: openblas
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets $(BUILD) -- -D warnings

# Measures what performance claims rest on.
bench: openblas
	$(CARGO) bench

# Finds OpenBLAS, or installs it with the system's package manager where that is permitted.
openblas:
	@sh tools/openblas.sh

# Builds the documents as a book, below target/book/html. Needs mdBook.
book:
	sh tools/book.sh
