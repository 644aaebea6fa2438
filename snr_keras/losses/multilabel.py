"""MAR's losses: `snr_ref.multilabel` in Keras, with the same names and arguments.

State goes in as arguments and comes out as results, so that a training step can keep it wherever it keeps its weights.
Gradients stop at the agents, the statistics and the multilabels that pairs are mined with.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from snr_keras.losses._batches import floating
from snr_keras.losses.distances import norm
from snr_ref.multilabel import MINING_RATIO, NO_NEGATIVE, NO_POSITIVE, SCALE, image_pairs, mined_count


class ViewStatistics(NamedTuple):
    """Running mean and standard deviation of log multilabels.

    Attributes:
        mean: (K,).
        std: (K,).
    """

    mean: Any
    std: Any


def log_multilabels(features: Any, agents: Any, *, scale: float = SCALE) -> Any:
    """log y = log softmax(scale * f A^T)."""
