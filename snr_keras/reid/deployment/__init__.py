"""Deployment: a trained model as one file for runtimes that know neither Keras nor this package."""

from snr_keras.reid.deployment.exporting import Export, export_model
from snr_keras.reid.settings.formats import FORMATS, PRECISIONS, UNFIT, Format, check_installed, find_format

__all__ = ["FORMATS", "PRECISIONS", "UNFIT", "Export", "Format", "check_installed", "export_model", "find_format"]
