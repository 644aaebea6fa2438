"""The layer and the losses, seen from outside Keras: on NumPy arrays, whichever backend runs."""
