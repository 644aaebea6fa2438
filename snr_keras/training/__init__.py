"""The custom training loop: objective, step, checkpoints, logs, and a run folder that can always be resumed."""

from snr_keras.training.config import TrainingConfig
from snr_keras.training.distribution import STRATEGIES, is_chief, make_strategy
from snr_keras.training.foreign import export_run, import_run, starting_account
from snr_keras.training.loop import train
from snr_keras.training.objective import reid_objective
from snr_keras.training.progress import Progress, Report, RichProgress
from snr_keras.training.run_folder import PRETRAINED, find_run, load_run, pack_run
from snr_keras.training.steps import NonFiniteLossError, TrainingInterrupted
from snr_keras.training.weights import weights_hash

__all__ = [
    "PRETRAINED",
    "STRATEGIES",
    "NonFiniteLossError",
    "Progress",
    "Report",
    "RichProgress",
    "TrainingConfig",
    "TrainingInterrupted",
    "export_run",
    "find_run",
    "import_run",
    "is_chief",
    "load_run",
    "make_strategy",
    "pack_run",
    "reid_objective",
    "starting_account",
    "train",
    "weights_hash",
]
