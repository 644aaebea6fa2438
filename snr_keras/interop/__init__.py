"""What comes from outside Keras: calls on NumPy arrays, whichever backend runs, and weights of PyTorch."""
