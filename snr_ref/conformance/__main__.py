"""`python -m snr_ref.conformance`, for machines without Keras; elsewhere `snr parity` is the same."""

import sys

from snr_ref.conformance.cli import main

sys.exit(main())
