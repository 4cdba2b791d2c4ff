# Everyday commands; `just` lists them.

default:
    @just --list

# Everything CI checks.
ci:
    .ci/run

# All tests.
test:
    cargo test

# Rewrites the expected outputs of the fixtures below tests/cases; read the diff.
bless:
    RUNBOOK_BLESS=1 cargo test --test main cases

# Makes docs/reference anew, and the screens of docs/tutorial.md.
docs:
    RUNBOOK_BLESS=1 cargo test --test main reference
    RUNBOOK_BLESS=1 cargo test --test main tutorial

# Formats and lints.
tidy:
    cargo fmt
    cargo clippy --all-targets -- -D warnings
