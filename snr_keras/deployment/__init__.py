"""Out to deployment: a trained model as one file that a runtime takes which knows neither Keras nor this project."""

from snr_keras.deployment.exporting import Export, export_model
from snr_keras.deployment.formats import FORMATS, PRECISIONS, Format, check_installed, find_format

__all__ = ["FORMATS", "PRECISIONS", "Export", "Format", "check_installed", "export_model", "find_format"]
