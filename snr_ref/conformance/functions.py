"""The functions an implementation may provide: how they are called, and their outputs in the order of the chain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

import snr_ref
from snr_ref.mar.losses import ViewStatistics
from snr_ref.mar.multilabels import MultilabelMemory
from snr_ref.restitution import SNRParams
from snr_ref.verification import VerificationResult

#: The dtypes that an implementation can be run in.
DTYPES = ("float64", "float32", "float16", "bfloat16")
HALF = ("float16", "bfloat16")

#: The arguments that are several arrays, by their names: a NamedTuple of the reference.
RECORDS: dict[str, Any] = {"params": SNRParams, "statistics": ViewStatistics, "memory": MultilabelMemory}

Record = TypeVar("Record", SNRParams, ViewStatistics, MultilabelMemory)


@dataclass(frozen=True)
class Function:
    """One function of the reference.

    Attributes:
        name: As in `snr_ref`.
        outputs: What it returns, flattened, in the order in which it is computed: where two implementations differ, the
            first output that differs is where to look.
        maps: The arguments and outputs that are feature maps. In half precision these alone have the half dtype, and
            everything else is float32; a function without maps is not run in half precision.
    """

    name: str
    outputs: tuple[str, ...]
    maps: frozenset[str] = frozenset()

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes it can be run in."""
        return DTYPES if self.maps else tuple(d for d in DTYPES if d not in HALF)

    @property
    def signature(self) -> inspect.Signature:
        """That of the reference."""
        return inspect.signature(objective if self.name == "objective" else getattr(snr_ref, self.name))


_EMBEDDING_GRADIENTS = ("grad_f_tilde", "grad_f_plus", "grad_f_minus")
_PARAMS = tuple(f"grad_{name}" for name in SNRParams._fields)
_ATTENTION_GRADIENTS = ("grad_z", "grad_w1", "grad_w2", "grad_b1", "grad_b2")
_MAPS = frozenset(
    {"F", "F_tilde", "R", "R_plus", "R_minus", "F_plus", "F_minus", "grad_F", "grad_F_plus", "grad_F_tilde"}
)

FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (
        Function("instance_norm", ("F_tilde",), _MAPS),
        Function("channel_attention", ("a",)),
        Function(
            "snr",
            (
                "mu",
                "sigma",
                "F_tilde",
                "R",
                "a",
                "R_plus",
                "R_minus",
                "F_plus",
                "F_minus",
                "f_tilde",
                "f_plus",
                "f_minus",
            ),
            _MAPS,
        ),
        Function("snr_closed_form", ("F_plus", "f_tilde", "f_plus", "f_minus"), _MAPS),
        Function("cosine_distance", ("distances",)),
        Function("euclidean_distance", ("distances",)),
        Function("dual_causality_loss", ("plus", "minus")),
        Function("cross_entropy", ("loss",)),
        Function("batch_hard_triplet_loss", ("loss",)),
        Function("total_objective", ("total",)),
        Function("objective", ("total",)),
        Function("instance_norm_vjp", ("grad_F", "grad_gamma", "grad_beta"), _MAPS),
        Function("channel_attention_vjp", _ATTENTION_GRADIENTS),
        Function("snr_vjp", ("grad_F", *_PARAMS), _MAPS),
        Function("cosine_distance_vjp", ("grad_x", "grad_y")),
        Function("euclidean_distance_vjp", ("grad_x", "grad_y")),
        Function("dual_causality_gradients", _EMBEDDING_GRADIENTS),
        Function("cross_entropy_gradient", ("grad_logits",)),
        Function("batch_hard_triplet_gradient", ("grad_features",)),
        Function("evaluate_retrieval", ("cmc", "mAP", "mINP", "num_valid_queries")),
        Function("evaluate_verification", VerificationResult._fields),
        Function("re_ranking", ("distances",)),
        Function("dual_restitution_loss", ("plus", "minus")),
        Function("pixelwise_dual_restitution_loss", ("plus", "minus")),
        Function("dual_restitution_gradients", (*_EMBEDDING_GRADIENTS, "grad_w", "grad_b")),
        Function(
            "pixelwise_dual_restitution_gradients",
            ("grad_F_tilde", "grad_F_plus", "grad_F_minus", "grad_w", "grad_b"),
        ),
        Function("unit", ("directions",)),
        Function("unit_vjp", ("grad_x",)),
        Function("log_multilabels", ("log_multilabels",)),
        Function("log_multilabels_vjp", ("grad_features",)),
        Function("multilabel_agreement", ("agreement",)),
        Function("initial_threshold", ("threshold",)),
        Function("next_threshold", ("threshold",)),
        Function("next_memory", MultilabelMemory._fields),
        Function("discriminative_loss", ("loss",)),
        Function("discriminative_gradient", ("grad_features",)),
        Function("next_statistics", ViewStatistics._fields),
        Function("consistency_loss", ("loss",)),
        Function("consistency_gradient", ("grad_log_multilabels",)),
        Function("joint_embedding_loss", ("loss",)),
        Function("joint_embedding_gradients", ("grad_source_features", "grad_target_features")),
    )
}


def objective(
    implementation: Any,
    F: np.ndarray,
    params: SNRParams,
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    weight: float,
) -> Any:
    """The whole objective of a network whose only module is its last stage, out of an implementation's own parts.

    L_ReID is the cross-entropy of the logits plus the batch-hard triplet loss of the pooled features, which are f~+.

    Args:
        implementation: What has `snr`, `dual_causality_loss`, `cross_entropy`, `batch_hard_triplet_loss` and
            `total_objective`; `snr_ref` does.
        F: Feature map, (N, *S, C).
        params: The module's parameters.
        logits: (N, K).
        labels: (N,) integers in [0, K).
        weight: lambda of the module.

    Returns:
        L.
    """
    out = named_outputs("snr", implementation.snr(F, params))
    missing = [name for name in ("f_tilde", "f_plus", "f_minus") if name not in out]
    if missing:
        raise NotImplementedError(f"snr does not return {', '.join(missing)}")
    embeddings = (out["f_tilde"], out["f_plus"], out["f_minus"])
    causality = named_outputs("dual_causality_loss", implementation.dual_causality_loss(*embeddings, labels))
    reid = implementation.cross_entropy(logits, labels) + implementation.batch_hard_triplet_loss(out["f_plus"], labels)
    return implementation.total_objective(reid, [causality["plus"] + causality["minus"]], [weight])


def in_dtype(function: Function, arguments: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """The arguments with every real array in that dtype: maps in the dtype itself, the rest in float32 if it is half.

    Args:
        function: What is called.
        arguments: By name.
        dtype: One of `DTYPES`.

    Returns:
        The arguments by name.
    """

    def cast(name: str, value: Any) -> Any:
        if is_record(value):
            return each_field(lambda array: cast(name, array), value)
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            return value
        if dtype in HALF and name not in function.maps:
            return value.astype(np.float32)
        return value.astype(numpy_dtype(dtype))

    return {name: cast(name, value) for name, value in arguments.items()}


def is_record(value: Any) -> bool:
    """Whether an argument is several arrays."""
    return isinstance(value, tuple(RECORDS.values()))


def each_field(function: Callable[[np.ndarray], Any], record: Record) -> Record:
    """The arrays of a record, each through a function; an absent bias stays absent."""
    values: dict[str, Any] = {name: None if a is None else function(a) for name, a in record._asdict().items()}
    return type(record)(**values)


def is_exact(function: Function, arguments: Mapping[str, Any], dtype: str) -> bool:
    """Whether the arguments are the same numbers in that dtype; to know it of bfloat16 takes no package."""
    is_bfloat16 = dtype == "bfloat16"
    with np.errstate(over="ignore"):
        there = flat(in_dtype(function, arguments, "float32" if is_bfloat16 else dtype))
    return all(
        np.array_equal(np.asarray(there[name], np.float64), value, equal_nan=True)
        and not (is_bfloat16 and name in function.maps and (there[name].view(np.uint32) & 0xFFFF).any())
        for name, value in flat(arguments).items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    )


def numpy_dtype(dtype: str) -> np.dtype:
    """The NumPy dtype of that name; bfloat16 is that of ml_dtypes.

    Raises:
        ModuleNotFoundError: If it is bfloat16 and ml_dtypes is not installed.
    """
    if dtype != "bfloat16":
        return np.dtype(dtype)
    try:
        import ml_dtypes
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("bfloat16 arrays need the package ml_dtypes: pip install ml_dtypes") from error
    return np.dtype(ml_dtypes.bfloat16)


def flat(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with the arrays of a record one by one, as `params/gamma`; what is None is left out."""
    flattened: dict[str, Any] = {}
    for name, value in arguments.items():
        if is_record(value):
            flattened |= {f"{name}/{field}": array for field, array in value._asdict().items() if array is not None}
        elif value is not None:
            flattened[name] = value
    return flattened


def call(implementation: Any, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call a function as the reference is called: positional arguments by position, keywords where the case has them.

    A case names a `distance` as "cosine" or "euclidean"; the implementation gets its own function of that name.

    Args:
        implementation: Has the function as an attribute.
        name: Of the function.
        arguments: By name.

    Returns:
        What it returned.

    Raises:
        NotImplementedError: If the implementation has no function that this call needs.
    """
    values = dict(arguments)
    if "distance" in values:
        values["distance"] = _attribute(implementation, f"{values['distance']}_distance")
    signature = FUNCTIONS[name].signature
    if name == "objective":
        values = {"implementation": _Needed(implementation), **values}
    parameters = [p for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    while parameters and parameters[-1].default is None and values.get(parameters[-1].name) is None:
        parameters.pop()
    positional = [values.get(p.name) for p in parameters]
    keywords = {
        p.name: values[p.name] for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY and p.name in values
    }
    function: Callable[..., Any] = objective if name == "objective" else _attribute(implementation, name)
    return function(*positional, **keywords)


def named_outputs(name: str, result: Any) -> dict[str, np.ndarray]:
    """What a function returned, by the names of its outputs.

    Args:
        name: Of the function.
        result: An array for one output; for several a tuple in the reference's order, or a mapping or an object that
            has some of them by name. A gradient that is None is zero: a scalar 0 stands for it.

    Returns:
        The outputs that are there, as arrays of whatever dtype they came in.

    Raises:
        TypeError: If the result is none of these; it says what it is and what was expected.
    """
    outputs = FUNCTIONS[name].outputs
    by_name: dict[str, Any]
    if isinstance(result, Mapping):
        by_name = {output: result[output] for output in outputs if output in result}
    elif isinstance(result, tuple | list) and not hasattr(result, "_fields") and name != "snr":
        by_name = dict(zip(outputs, _parameters_one_by_one(result), strict=False))
    elif len(outputs) == 1:
        by_name = {outputs[0]: result}
    else:
        by_name = {output: getattr(result, output) for output in outputs if hasattr(result, output)}
    if not by_name:
        raise TypeError(f"{name} must return {', '.join(outputs)}. Received: {type(result).__name__}")
    zero = {output: 0.0 for output, value in by_name.items() if value is None and output.startswith("grad_")}
    return {output: np.asarray(value) for output, value in (by_name | zero).items() if value is not None}


def _parameters_one_by_one(result: Sequence[Any]) -> list[Any]:
    """The parts of a result, where gradients of a module's parameters come together as one."""
    parts: list[Any] = []
    for part in result:
        if isinstance(part, Mapping) and not set(part).isdisjoint(SNRParams._fields):
            parts += [part.get(field) for field in SNRParams._fields]
        elif hasattr(part, "gamma"):
            parts += [getattr(part, field, None) for field in SNRParams._fields]
        else:
            parts.append(part)
    return parts


def _attribute(implementation: Any, name: str) -> Any:
    function = getattr(implementation, name, None)
    if function is None:
        raise NotImplementedError(f"{name} is not provided")
    return function


class _Needed:
    """An implementation whose missing functions are not provided, rather than an error of their caller."""

    def __init__(self, implementation: Any):
        self._implementation = implementation

    def __getattr__(self, name: str) -> Any:
        return _attribute(self._implementation, name)
