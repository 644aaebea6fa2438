"""`python -m snr_ref.conformance`, the same as `snr parity`; it needs no Keras."""

import sys

from snr_ref.conformance.cli import main

sys.exit(main())
