"""SNR written straight from its equations in plain PyTorch, JAX and NumPy: to read, to start from, to be checked.

snr parity check snr_ref.conformance.examples.pytorch_adapter
snr parity check snr_ref.conformance.examples.jax_functions
snr parity check snr_ref.conformance.examples.numpy_float32
"""
