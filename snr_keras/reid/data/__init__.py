"""Data: the synthetic pedestrian world, data sets on disk, and the input pipeline."""
