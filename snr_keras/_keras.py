"""Imports Keras for the packages that need it, or says what to install if it or its backend is missing."""

try:
    import keras  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'snr_keras needs Keras and a backend, and {error.name} is not installed: pip install "snr-reid[tensorflow]". '
        "On another backend: snr-reid[jax] with KERAS_BACKEND=jax in the environment, or snr-reid[torch] with torch.",
        name=error.name,
    ) from error
