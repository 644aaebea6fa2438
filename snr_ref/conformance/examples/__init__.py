"""SNR written directly from its equations in plain PyTorch, JAX and NumPy, to read, start from and check.

snr parity check snr_ref.conformance.examples.pytorch_adapter
snr parity check snr_ref.conformance.examples.jax_functions
snr parity check snr_ref.conformance.examples.numpy_float32
"""
