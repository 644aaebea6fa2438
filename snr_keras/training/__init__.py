"""The custom training loop: objective, step, checkpoints, logs, and a run folder that can always be resumed."""

from snr_keras.training.config import TrainingConfig
from snr_keras.training.loop import NonFiniteLossError, TrainingInterrupted, train
from snr_keras.training.objective import reid_objective
from snr_keras.training.progress import Progress, Report, RichProgress
from snr_keras.training.run_folder import load_run

__all__ = [
    "NonFiniteLossError",
    "Progress",
    "Report",
    "RichProgress",
    "TrainingConfig",
    "TrainingInterrupted",
    "load_run",
    "reid_objective",
    "train",
]
