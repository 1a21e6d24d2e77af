# Shortcuts; `just --list` shows them. Everything here is plain cargo.

# Compile, prove and verify a model that comes with the repository.
demo:
    cargo run --release -- demo

# All tests.
test:
    cargo test --workspace --locked

# Formatting and lints, as the checks demand them.
lint:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Everything that has to pass.
ci:
    .ci/run

# Format all code.
fmt:
    cargo fmt --all

# Time compiling, proving and verifying LeNet-5, and compare with the last run.
bench *args:
    cargo bench -p plonnx-backend --bench kernels -- {{args}}

# Measure one model, such as fixtures/lenet5, as a JSON object.
bench-json model *args:
    cargo run --release -- bench {{model}} --json {{args}}

# Measure the networks that papers compare, such as --only lenet5,nanogpt, one JSON object a line.
bench-suite *args:
    cargo run --release -- bench --suite paper --json {{args}}

# The operator and model tests of the Python package onnx, which are fetched from PyPI, up to a verified proof. Most are
# part of `just test`, too.
conform: (_conform "--prove")

# The same without proofs.
conform-quick: (_conform "")

# Write the results of `conform` to the manifests. Look at the diff afterwards.
conform-update: (_conform "--prove --update")

_conform flags:
    #!/usr/bin/env bash
    set -euo pipefail
    cd fixtures/conformance
    [ -d data ] || python3 fetch.py
    cargo build --release
    for suite in node simple pytorch-operator pytorch-converted; do
        echo "$suite"
        ../../target/release/plonnx conformance data/$suite --manifest $suite.txt {{flags}}
    done
    # Image networks of up to 20 billion multiplications, one at a time.
    echo light
    ../../target/release/plonnx conformance data/light --manifest light.txt --jobs 1 --max-evaluated 34359738368 {{flags}}

# Random models of every operator, compared with onnxruntime; needs fixtures/conformance/differential/requirements.txt.
differential *args:
    rm -rf fixtures/conformance/data/differential
    python3 fixtures/conformance/differential fixtures/conformance/data/differential {{args}}
    cargo run --release -- conformance fixtures/conformance/data/differential --max-circuit 1 --verbose

# Models as packages of PyPI ship them, compared with onnxruntime and proved: 20 GB of memory, some minutes. Needs
# fixtures/real/requirements.txt.
real:
    [ -d fixtures/real/data ] || python3 fixtures/real/fetch.py
    cargo run --release -- conformance fixtures/real/data --verbose --prove --jobs 1 --max-circuit 16777216

# Rewrite SUPPORTED_OPS.md from the table of operators.
supported-ops:
    PLONNX_WRITE=1 cargo test -p plonnx-frontend --test supported_ops

# Accept the current text forms and circuit statistics as snapshots. Look at the diff afterwards.
snapshots:
    INSTA_UPDATE=always cargo test --workspace --locked
    git status --short -- '*.snap'

# How the test models are made.
fixtures:
    @sed -n '/^## Regenerating/,/^## Large/p' fixtures/README.md | sed '$d'

# So many mutations of files for every fuzz target, on any toolchain; docs/security.md has the figures.
fuzz runs="100000":
    PLONNX_FUZZ_RUNS={{runs}} cargo test --release --locked -p plonnx --test fuzz -- --nocapture --test-threads 1

# So many mutated witnesses, over all operators and gates.
attack runs="120000":
    PLONNX_MUTATIONS={{runs}} cargo test --release --locked -p plonnx-backend --test malicious --test adversarial -- \
        --nocapture --test-threads 1

# Documentation of all crates.
doc:
    cargo doc --workspace --no-deps --open
