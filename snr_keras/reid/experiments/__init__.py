"""Experiments that measure and print a table: the ablation, and benchmarks."""
