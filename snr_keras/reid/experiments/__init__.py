"""What measures and prints a table: the ablation, and benchmarks."""
