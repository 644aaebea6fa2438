"""The common parts of all loops: the run folder, which can always be resumed, settings, checkpoints, logs, progress."""

from snr_keras.reid.runs.distribution import is_chief, make_strategy
from snr_keras.reid.runs.foreign import export_run, import_run, starting_account
from snr_keras.reid.runs.progress import Progress, RichProgress, StepEvent
from snr_keras.reid.runs.run_folder import load_run, pack_run
from snr_keras.reid.runs.run_loop import NonFiniteLossError, TrainingInterrupted
from snr_keras.reid.runs.weights import weights_hash
from snr_keras.reid.settings.paths import PRETRAINED, find_run
from snr_keras.reid.settings.training import STRATEGIES, TrainingConfig

__all__ = [
    "PRETRAINED",
    "STRATEGIES",
    "NonFiniteLossError",
    "Progress",
    "RichProgress",
    "StepEvent",
    "TrainingConfig",
    "TrainingInterrupted",
    "export_run",
    "find_run",
    "import_run",
    "is_chief",
    "load_run",
    "make_strategy",
    "pack_run",
    "starting_account",
    "weights_hash",
]
