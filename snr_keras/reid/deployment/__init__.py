"""Out to deployment: a trained model as one file that a runtime takes which knows neither Keras nor this project."""

from snr_keras.reid.deployment.exporting import Export, export_model
from snr_keras.reid.settings.formats import FORMATS, PRECISIONS, UNFIT, Format, check_installed, find_format

__all__ = ["FORMATS", "PRECISIONS", "UNFIT", "Export", "Format", "check_installed", "export_model", "find_format"]
