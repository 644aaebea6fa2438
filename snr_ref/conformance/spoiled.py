"""Invalid arguments, one at a time: their only right answer is an exception.

The type of the exception and its message are up to the implementation. This module has valid arguments, and ways to
spoil them that several functions share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from snr_ref.conformance.draw import Draw
from snr_ref.conformance.function import Function
from snr_ref.mar.losses import ViewStatistics
from snr_ref.mar.multilabels import MultilabelMemory
from snr_ref.restitution import SNRParams


def plain(draw: Draw, *names: str, **renamed: str) -> dict[str, Any]:
    """Valid arguments, for 4 images or 2 others, 3 channels, 2 hidden units and 5 classes.

    All arguments are drawn, in this order, so that the numbers of one function do not depend on another's.

    Args:
        draw: Random numbers of the case.
        names: Names of the arguments to return.
        renamed: Arguments that have another name here, since functions use one name for different arguments.

    Returns:
        The arguments by name.
    """
    N, C, hidden, K = 4, 3, 2, 5
    drawn: dict[str, Any] = {
        "w1": draw.normal(C, hidden),
        "w2": draw.normal(hidden, C),
        "b1": draw.normal(hidden),
        "b2": draw.normal(C),
        "gamma": draw.uniform(0.5, 2, C),
        "beta": draw.normal(C),
        "F": draw.normal(N, 2, 2, C),
        "z": draw.normal(N, C),
        "x": draw.normal(N, C),
        "y": draw.normal(2, C),
        "f_tilde": draw.normal(N, C),
        "f_plus": draw.normal(N, C),
        "f_minus": draw.normal(N, C),
        "logits": draw.normal(N, K),
        "triplet_features": draw.normal(N, C),
        "grad_F_plus": draw.normal(N, 2, 2, C),
        "grad_f_plus": draw.normal(N, C),
        "w": draw.normal(C, K),
        "b": draw.normal(K),
        "F_tilde": draw.normal(N, 2, 2, C),
        "F_plus": draw.normal(N, 2, 2, C),
        "F_minus": draw.normal(N, 2, 2, C),
        "unit_x": draw.normal(N, C),
        "features": draw.normal(N, C),
        "agents": draw.normal(K, C),
        "multilabels": draw.shares(N, K),
        "mining_features": draw.normal(N, C),
        "statistics": ViewStatistics(draw.normal(K), draw.uniform(0.5, 2, K)),
        "log_multilabels": draw.normal(N, K),
        "source_features": draw.normal(N, C),
        "target_features": draw.normal(2, C),
        "source_agents": draw.normal(K, C),
        "grad_F_tilde": draw.normal(N, 2, 2, C),
        "grad_a": draw.normal(N, C),
        "grad_cosine": draw.normal(N, 2),
        "grad_euclidean": draw.normal(N, 2),
        "grad_u": draw.normal(N, C),
        "grad_log_multilabels": draw.normal(N, K),
        "other_multilabels": draw.shares(2, K),
        "memory": MultilabelMemory(draw.shares(6, K), np.array([True, False] * 3)),
        "query_features": draw.normal(2, 3),
        "gallery_features": draw.normal(6, 3),
    }
    return {name: drawn[name] for name in names} | {name: drawn[here] for name, here in renamed.items()}


def plain_module(draw: Draw, *names: str) -> dict[str, Any]:
    """A feature map, the parameters of a module, its epsilon, and other valid arguments."""
    drawn = plain(draw, "F", *SNRParams._fields, *names)
    params = SNRParams(*(drawn.pop(name) for name in SNRParams._fields))
    return {"F": drawn.pop("F"), "params": params, "epsilon": 1e-5} | drawn


def integers(x: np.ndarray) -> np.ndarray:
    """Whole numbers of the same shape."""
    return np.ones(x.shape, np.int64)


def one_more(x: np.ndarray) -> np.ndarray:
    """The array with one column, or element, too many."""
    return np.concatenate([x, x[..., :1]], axis=-1)


def first_row(x: np.ndarray) -> np.ndarray:
    """One row in place of a batch."""
    return x[0]


def always(value: Any) -> Callable[[Any], Any]:
    """The given value in place of any."""
    return lambda _: value


def refuse_maps(function: Function) -> None:
    """Refusals of every function of a feature map F and an epsilon."""
    function.refuse(
        "integers", "A feature map of integers, which no normalization of images should truncate.", F=integers
    )
    function.refuse("no_spatial_axis", "A matrix (N, C) has no pixel to normalize over.", F=lambda F: F[:, 0, 0])
    function.refuse("no_pixel", "A map of width 0 has no mean.", F=lambda F: F[:, :, :0])
    function.refuse(
        "negative_epsilon", "An epsilon below 0 makes roots of negative numbers.", "1.2", epsilon=always(-1e-5)
    )


def refuse_params(function: Function) -> None:
    """Refusals of every function of a module's parameters, which do not fit each other or the map."""

    def refuse(what: str, why: str, name: str, spoil: Callable[[Any], Any]) -> None:
        function.refuse(what, why, params=lambda params: params._replace(**{name: spoil(getattr(params, name))}))

    refuse("channels_of_gamma", "The scale has one channel more than the map.", "gamma", one_more)
    refuse("channels_of_beta", "The offset has one channel more than the map.", "beta", one_more)
    refuse("one_bias", "One bias for all channels, which would broadcast.", "b2", lambda b: b[:1])
    refuse("one_hidden_bias", "One bias for the whole hidden layer, which would broadcast.", "b1", lambda b: b[:1])
    refuse("one_gamma", "One scale for all channels, which would broadcast.", "gamma", lambda g: g[:1])
    refuse("one_column_of_w2", "W2 gives one gate for all channels, which would broadcast.", "w2", lambda w: w[:, :1])
    refuse("rows_of_w1", "W1 takes one channel less than the map has.", "w1", lambda w: w[:-1])
    refuse("columns_of_w2", "W2 gives one channel more than the map has.", "w2", one_more)
    refuse("hidden_width", "W1 and W2 differ in the hidden width.", "w2", lambda w: w[:-1])
    refuse("length_of_b1", "The first bias is not as wide as the hidden layer.", "b1", one_more)
    refuse("length_of_b2", "The second bias has one channel more than the map.", "b2", one_more)
