"""Benchmarks: how fast, how flat, and against what. `make bench` runs them; docs/performance.md holds what came out."""
