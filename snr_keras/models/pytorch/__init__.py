"""PyTorch's weights: their files, their names, and their conversion from and to a model's."""
