"""The mutated implementations, how they are run, and their functions about which the kit has no question."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.mutation.isolation import ROOT


@dataclass(frozen=True)
class Target:
    """One implementation that is mutated.

    Attributes:
        name: Name of the implementation.
        about: A sentence on how it is run.
        files: Paths of the mutated files, relative to the root.
        modules: Names of the modules that are imported again for each mutant.
        entry: Module among them with the functions.
        adapter: Function from that module to an adapter for the kit.
        prepare: Function called before any import.
    """

    name: str
    about: str
    files: tuple[str, ...]
    modules: tuple[str, ...]
    entry: str
    adapter: Callable[[ModuleType], Any]
    prepare: Callable[[], None] = lambda: None


def _reference(module: ModuleType) -> Any:
    module.dtypes, module.refusals = ("float64",), True  # type: ignore[attr-defined]
    return module


def _keras(module: ModuleType) -> Any:
    adapter = module.KerasAdapter("eager")
    adapter.dtypes = ("float64",)
    return adapter


def _tensorflow_eagerly() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    importlib.import_module("tensorflow").config.run_functions_eagerly(True)


def _modules(*folders: str) -> tuple[str, ...]:
    """The modules of these packages, of no package in them."""
    files = [file for folder in folders for file in sorted((ROOT / folder).glob("*.py"))]
    return tuple(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files)


def _files(folder: str, names: str) -> tuple[str, ...]:
    return tuple(str(Path(folder) / f"{name}.py") for name in names.split())


TARGETS = (
    Target(
        "snr_ref",
        "The reference, in float64.",
        (
            *_files(
                "snr_ref",
                "elementary instance_norm restitution closed_form distances dual_causality reid_losses gradients "
                "retrieval verification re_ranking dual_restitution",
            ),
            *_files("snr_ref/mar", "multilabels mining losses gradients"),
        ),
        _modules("snr_ref", "snr_ref/mar"),
        "snr_ref",
        _reference,
    ),
    Target(
        "snr_keras",
        "The Keras layer and losses through their adapter, on TensorFlow, eagerly, in float64.",
        (
            *_files("snr_keras/layers", "snr _feature_map _closed_form _passes _backend"),
            *_files("snr_keras/losses", "distances dual_causality dual_restitution batch_hard_triplet _batches"),
            *_files("snr_keras/losses/mar", "multilabels mining losses view_consistency"),
        ),
        _modules("snr_keras/layers", "snr_keras/losses", "snr_keras/losses/mar", "snr_keras/conformance"),
        "snr_keras.conformance.adapter",
        _keras,
        _tensorflow_eagerly,
    ),
)

#: Functions that no question of the kit is about, and why; their mutants are not made.
OUTSIDE = {
    ("snr_ref/restitution.py", "initial_params"): "random: how weights start is no part of the specification",
    ("snr_ref/restitution.py", "_truncated_normal"): "random: how weights start is no part of the specification",
    ("snr_ref/dual_causality.py", "sample_triplets"): "random: another draw is as right",
    ("snr_ref/dual_causality.py", "DualCausality"): "the sum of the two halves, for the caller's convenience",
    ("snr_ref/mar/multilabels.py", "soft_multilabels"): "the exponential of what is asked, for convenience",
    ("snr_ref/mar/multilabels.py", "initial_memory"): "zeros that mean nothing, and its own checks",
    ("snr_ref/mar/losses.py", "initial_statistics"): "those of a batch, as next_statistics with a rate of 1 has them",
    ("snr_ref/dual_restitution.py", "DualRestitution"): "the sum of the two halves, for the caller's convenience",
    ("snr_keras/layers/snr.py", "SNR.__init__"): "options of Keras: initializers, regularizers, constraints, dtypes",
    ("snr_keras/layers/snr.py", "SNR.build"): "how Keras makes weights; the kit brings its own",
    ("snr_keras/layers/snr.py", "SNR.get_config"): "serialization, which is Keras' business and has its own tests",
    ("snr_keras/layers/snr.py", "SNR.compute_output_spec"): "shapes of symbolic tensors, which have their own tests",
    ("snr_keras/layers/_feature_map.py", "FeatureMapLayer.__init__"): "options of Keras",
    ("snr_keras/layers/_feature_map.py", "FeatureMapLayer.build"): "how Keras makes weights, as above",
    ("snr_keras/layers/_feature_map.py", "FeatureMapLayer.get_config"): "serialization, as above",
    (
        "snr_keras/layers/_feature_map.py",
        "FeatureMapLayer.compute_output_shape",
    ): "shapes of symbolic tensors, as above",
    ("snr_keras/layers/_feature_map.py", "FeatureMapLayer._widened"): "used by other layers alone",
    ("snr_keras/layers/_feature_map.py", "FeatureMapLayer._per_channel"): "used by other layers alone",
    ("snr_keras/losses/dual_causality.py", "DualCausalityLoss.get_config"): "serialization, as above",
    ("snr_keras/losses/dual_causality.py", "DualCausalityLoss.__init__"): "options of Keras",
    ("snr_keras/losses/dual_restitution.py", "DualRestitutionLoss.get_config"): "serialization, as above",
    ("snr_keras/losses/dual_restitution.py", "DualRestitutionLoss.__init__"): "options of Keras",
    ("snr_keras/losses/mar/multilabels.py", "soft_multilabels"): "the exponential of what is asked, as above",
    ("snr_keras/losses/mar/multilabels.py", "initial_memory"): "zeros that mean nothing, as above",
    ("snr_keras/losses/mar/view_consistency.py", "initial_statistics"): "those of a batch with a rate of 1, as above",
    ("snr_keras/losses/batch_hard_triplet.py", "BatchHardTripletLoss.get_config"): "serialization, as above",
    ("snr_keras/layers/_backend.py", "_jax"): "the mutants run on TensorFlow",
    ("snr_keras/layers/_backend.py", "_torch"): "the mutants run on TensorFlow",
    ("snr_keras/layers/_backend.py", "runs_one_by_one"): "the mutants run on TensorFlow",
}
