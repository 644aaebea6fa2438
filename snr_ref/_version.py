"""The version of the distribution that `snr_ref` and `snr_keras` come in."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("snr-reid")
except PackageNotFoundError:  # the packages are on the path, but not installed
    __version__ = "unknown"
