"""Learning rate schedules that Keras does not have."""

from typing import Any

import keras
from keras import ops

from snr_keras.scalars import plain


@keras.saving.register_keras_serializable(package="snr_keras")
class HalvedEvery(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from a hundredth of the largest learning rate, which then halves at regular intervals.

    Args:
        largest: Learning rate at the end of the warm-up.
        warmup_steps: Number of steps of the warm-up; 0 starts with the largest learning rate.
        halving_steps: Number of steps after which the learning rate halves.
    """

    def __init__(self, largest: float, warmup_steps: int, halving_steps: int) -> None:
        super().__init__()
        self.largest = plain(largest)
        self.warmup_steps = plain(warmup_steps)
        self.halving_steps = plain(halving_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate of a step, from 0."""
        step = ops.cast(step, "float32")
        done = ops.minimum(1.0, step / max(1, self.warmup_steps))
        rising = self.largest * (0.01 + 0.99 * done)
        halvings = ops.floor((step - self.warmup_steps) / self.halving_steps)
        return ops.where(step < self.warmup_steps, rising, self.largest * ops.power(0.5, halvings))

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {
            "largest": self.largest,
            "warmup_steps": self.warmup_steps,
            "halving_steps": self.halving_steps,
        }
