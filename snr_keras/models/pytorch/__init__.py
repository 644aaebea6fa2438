"""Weights of PyTorch: their files, their names, and a model that takes or gives them."""
