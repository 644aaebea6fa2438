"""Bounds of multilabels, of their agreement, and of what runs along of both: the threshold and the memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from snr_ref.conformance.bounds.losses import log_softmax, scalar
from snr_ref.conformance.bounds.precision import Precision
from snr_ref.conformance.running_error import Rounded, exact
from snr_ref.mar.multilabels import SCALE


def log_multilabels_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Those of a log-softmax of the scaled cosines."""
    return {"log_multilabels": log_softmax(_logits(arguments, precision.u)).error}


def log_multilabels_vjp_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A matrix product, as scale (G - y sum of G) A."""
    u = precision.u
    y, G = log_softmax(_logits(arguments, u)).exp(), exact(arguments["grad_log_multilabels"], u)
    in_logits = G - y * G.sum(1)[:, None]
    return {"grad_features": (_scale(arguments, u) * in_logits @ exact(arguments["agents"], u)).error}


def multilabel_agreement_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """Bounds of `multilabel_agreement`."""
    return {"agreement": _agreement_error(arguments["x"], arguments["y"], precision.u)}


def initial_threshold_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """What is at a place in order is off by no more than what is off most."""
    y = arguments["multilabels"]
    return {"threshold": _agreement_error(y, y, precision.u)[np.triu_indices(len(y), 1)].max()}


def next_threshold_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A weighted mean of two agreements, which are at most 1."""
    u = precision.u
    batch = Rounded(np.asarray(1.0), initial_threshold_bounds(arguments, precision)["threshold"], u)
    return {"threshold": mixed(scalar(arguments["threshold"], u), batch, arguments.get("rate", 0.1)).error}


def next_memory_bounds(arguments: Mapping[str, Any], precision: Precision) -> dict[str, np.ndarray]:
    """A weighted mean in the rows that were visited before and are again; what else is there is exact."""
    memory, indices, u = arguments["memory"], arguments["indices"], precision.u
    rows = mixed(exact(memory.multilabels[indices], u), exact(arguments["multilabels"], u), arguments.get("rate", 0.1))
    error = np.zeros_like(memory.multilabels)
    error[indices] = np.where(memory.visited[indices, None], rows.error, 0)
    return {"multilabels": error, "visited": np.zeros(len(error))}


def mixed(old: Rounded, new: Rounded, rate: float) -> Rounded:
    """(1 - rate) old + rate new."""
    weight = scalar(rate, old.u)
    return (exact(1.0, old.u) - weight) * old + weight * new


def _agreement_error(x: np.ndarray, y: np.ndarray, u: float) -> np.ndarray:
    """1 - sum of |x - y| / 2, or the sum of the smaller of both, which is the same of rows that sum to 1."""
    difference = exact(x, u)[:, None] - exact(y, u)
    total = Rounded(np.abs(difference.value), difference.error, u).sum(-1)
    by_difference = exact(1.0, u) - total / exact(2.0, u)
    return np.maximum(by_difference.error, exact(np.minimum(x[:, None], y), u).sum(-1).error)


def _logits(arguments: Mapping[str, Any], u: float) -> Rounded:
    return _scale(arguments, u) * (exact(arguments["features"], u) @ exact(arguments["agents"], u).T)


def _scale(arguments: Mapping[str, Any], u: float) -> Rounded:
    return scalar(arguments.get("scale", SCALE), u)
