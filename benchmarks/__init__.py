"""Measurements of the running platform: `make bench` writes docs/benchmarks.md, `make soak` kills job processes."""
