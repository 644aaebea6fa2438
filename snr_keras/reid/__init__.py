"""Person re-identification with SNR, on TensorFlow: what the command `snr` does."""
