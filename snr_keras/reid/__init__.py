"""Person re-identification with SNR, on TensorFlow: the application behind the command `snr`."""
