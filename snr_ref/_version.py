"""The version of the distribution, which holds `snr_ref` and `snr_keras`."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("snr-reid")
except PackageNotFoundError:  # the packages are on the path, but not installed
    __version__ = "unknown"
