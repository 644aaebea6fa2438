"""`python -m snr_keras.cli`, the same as the command `snr`."""

from snr_keras.cli import main

main()
