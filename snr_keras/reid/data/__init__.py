"""Data: the synthetic pedestrian world, folders in Market-1501 layout, and the input pipeline."""
