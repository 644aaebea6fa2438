"""How far rounding alone can put each output of each function: its formulas in running-error arithmetic.

Every way to compute a function that the specification allows is here, and a tolerance is the widest of their bounds:
the literal equations and the closed form, sums in any order, moments in two passes, corrected or not.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds import module
from snr_ref.conformance.bounds.precision import Precision

#: From a case's arguments to the bound of each output's absolute error.
Bound = Callable[[Mapping[str, Any], Precision], dict[str, np.ndarray]]

BOUNDS: dict[str, Bound] = {"snr": module.snr_bounds}
