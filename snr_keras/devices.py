"""The device on which the backend computes."""

import keras


def on_cpu() -> bool:
    """Whether the backend's default device is the CPU."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return not (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    return keras.ops.zeros(()).device.type == "cpu"
