"""MAR, the adaptation to an unlabeled domain: `snr_ref.mar` in Keras."""
