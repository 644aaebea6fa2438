"""The pictures of the specification, drawn by the reference itself on synthetic pedestrians."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np

import snr_ref
from snr_ref.instance_norm import over_pixels

#: Text and lines for the page's two colour schemes.
SHADES = {"light": "#24292f", "dark": "#d0d4da"}
BLUE, ORANGE, GREEN = "#3b82f6", "#f97316", "#16a34a"
CHANNELS = ("light", "red - green", "blue - yellow", "edges |", "edges -", "texture")
PEOPLE, VIEWS = 12, (("day", 1), ("night", 1), ("fog", 2))


@cache
def feature_maps() -> np.ndarray:
    """Six channels of small filters over twelve people, each seen in three domains: (36, 64, 32, 6)."""
    from snr_keras.data.synthetic.world import camera_style, person, render

    maps = []
    for number in range(1, PEOPLE + 1):
        for domain, camera in VIEWS:
            rng = np.random.default_rng(number)  # one pose for the three views of a person
            image, _ = render(person("day", number, seed=0), camera_style(domain, camera, seed=0), rng, (64, 32))
            maps.append(_filters(image / 255))
    return np.stack(maps)


def _filters(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image, -1, 0)
    light = image.mean(axis=-1)
    across, down = np.abs(np.gradient(light, axis=1)), np.abs(np.gradient(light, axis=0))
    smooth = sum(np.roll(light, shift, axis) for shift in (-1, 0, 1) for axis in (0, 1)) / 6
    return np.stack(
        [light, red - green, blue - (red + green) / 2, 4 * across, 4 * down, 8 * np.abs(light - smooth)], -1
    )


@cache
def trained_params() -> snr_ref.SNRParams:
    """A module after 400 steps of gradient descent on L_SNR alone, by the reference's own gradients.

    No embedding depends on more of a map than its channel means, so maps of one pixel train as well as whole ones.
    """
    F = feature_maps().mean(axis=(1, 2), keepdims=True)
    labels = np.repeat(np.arange(PEOPLE), len(VIEWS))
    params = snr_ref.initial_params(len(CHANNELS), reduction=1, use_bias=True, seed=3)
    for _ in range(400):
        out = snr_ref.snr(F, params)
        _, plus, minus = snr_ref.dual_causality_gradients(out.f_tilde, out.f_plus, out.f_minus, labels)
        _, gradient = snr_ref.snr_vjp(F, params, None, plus, minus)
        params = snr_ref.SNRParams(*(p - 2.0 * g for p, g in zip(params, gradient, strict=True)))
    return params


def maps(ink: str) -> Any:
    """Every map of eqs. 1 to 5 of one person by day and at night."""
    F = feature_maps()
    out = snr_ref.snr(F, trained_params())
    columns = {
        "$F$": F,
        r"$\tilde F$": out.F_tilde,
        "$R$": out.R,
        "$R^+$": out.R_plus,
        "$R^-$": out.R_minus,
        r"$\tilde F^+$": out.F_plus,
        r"$\tilde F^-$": out.F_minus,
    }
    shown = [(0, 1), (1, 1), (0, 3), (1, 3)]
    figure, axes = plt.subplots(len(shown), len(columns), figsize=(6.4, 7.6), layout="constrained")
    for row, (image, channel) in enumerate(shown):
        for column, (symbol, values) in enumerate(columns.items()):
            axis = axes[row, column]
            limit = np.abs(out.F_tilde[[0, 1]][..., channel]).max() if column in (1, 2, 3, 4) else None
            picture = values[image, ..., channel]
            span = limit or np.abs(picture).max()
            axis.imshow(picture, cmap="RdBu_r", vmin=-span, vmax=span, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if row == 0:
                axis.set_title(symbol)
            if column == 0:
                axis.set_ylabel(f"{VIEWS[image][0]}\n{CHANNELS[channel]}")
    return figure


def gates(ink: str) -> Any:
    """How much of each channel's residual is restituted, person by person."""
    F = feature_maps()
    a = snr_ref.snr(F, trained_params()).a
    start = snr_ref.snr(F, snr_ref.initial_params(len(CHANNELS), reduction=1, use_bias=True, seed=3)).a
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    for values, colour, shift, label in ((start, ORANGE, -0.15, "at the start"), (a, BLUE, 0.15, "trained by L_SNR")):
        places = np.arange(len(CHANNELS)) + shift
        for n, row in enumerate(values):
            axis.scatter(places, row, s=9, color=colour, alpha=0.6, linewidths=0, label=label if n == 0 else None)
    axis.axhline(0.5, color=ink, linewidth=0.5, linestyle=":")
    axis.set(ylim=(0, 1), xticks=range(len(CHANNELS)), xticklabels=CHANNELS, ylabel="$a$")
    axis.tick_params(axis="x", rotation=20)
    axis.legend(frameon=False, loc="best")
    return figure


def affine(ink: str) -> Any:
    """F~+ against F in one channel of one image: a line through (mu, f~+), for several gates."""
    F = feature_maps()[:1]
    params = snr_ref.SNRParams(np.full(6, 0.6), np.full(6, 0.1), *snr_ref.initial_params(6, seed=0)[2:])
    from snr_ref.closed_form import restituted

    figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
    x = F[0, ..., 0].ravel()
    order = np.argsort(x)
    for a, colour, label in (
        (0.0, ORANGE, r"$a = 0$: $\tilde F^+ = \tilde F$"),
        (0.5, GREEN, r"$a = 0.5$"),
        (1.0, BLUE, r"$a = 1$: $\tilde F^+ = F$"),
    ):
        y = restituted(F, np.full((1, 6), a), params.gamma, params.beta)[0, ..., 0].ravel()
        axis.plot(x[order], y[order], ".", markersize=2, color=colour, label=label)
        axis.plot(x.mean(), y.mean(), "o", color=colour)
    axis.set(xlabel="$F$", ylabel=r"$\tilde F^+$")
    axis.legend(frameon=False, markerscale=4)
    return figure


def errors(ink: str) -> Any:
    """The error in float32 of the two ways to evaluate the closed form, by the ratio of mean and deviation."""
    ratios = np.logspace(0, 5, 21)
    rng = np.random.default_rng(0)
    unit = rng.standard_normal((8, 16, 8, 16))
    params = snr_ref.initial_params(16, seed=0)
    curves: dict[str, list[float]] = {"folded": [], "centred": []}
    for ratio in ratios:
        F = np.float32(unit + ratio)
        exact = snr_ref.snr(F.astype(np.longdouble), params).F_plus
        for name, value in in_float32(F, params).items():
            curves[name].append(float(np.abs(value - exact).max()))
    figure, axis = plt.subplots(figsize=(5.4, 3.2), layout="constrained")
    labels = {"folded": r"folded, $s F + t$", "centred": r"centred, $s (F - \mu) + \tilde f^+$"}
    for (name, label), colour in zip(labels.items(), (ORANGE, BLUE), strict=True):
        axis.loglog(ratios, curves[name], color=colour, label=label)
    axis.set(xlabel=r"$|\mu| / \sigma$", ylabel=r"largest error of $\tilde F^+$")
    axis.legend(frameon=False)
    return figure


def in_float32(F: np.ndarray, params: snr_ref.SNRParams) -> dict[str, np.ndarray]:
    """F~+ by identity (iii), centred and with mu folded into an offset, every operation in float32."""
    gamma, beta, w1, w2 = (np.float32(p) for p in params[:4])
    axes = tuple(range(1, F.ndim - 1))
    mu = F.mean(axis=axes)
    sigma = np.sqrt(((F - over_pixels(mu, F)) ** 2).mean(axis=axes) + np.float32(1e-5))
    z = mu - beta
    a = np.float32(1) / (np.float32(1) + np.exp(-(np.maximum(z @ w1, 0) @ w2)))
    s, f_plus = a + (1 - a) * gamma / sigma, beta + a * z
    return {
        "centred": over_pixels(s, F) * (F - over_pixels(mu, F)) + over_pixels(f_plus, F),
        "folded": over_pixels(s, F) * F + over_pixels(f_plus - s * mu, F),
    }


def collapse(ink: str) -> Any:
    """Cosine distances between literally pooled f~ in float32, at beta = 0: random numbers, where all should be 0."""
    F = np.float32(feature_maps())
    axes = (1, 2)
    centred = F - F.mean(axis=axes, keepdims=True)
    F_tilde = centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + np.float32(1e-5))
    pooled = F_tilde.mean(axis=axes)
    distances = snr_ref.cosine_distance(pooled, pooled)[np.triu_indices(len(F), 1)]
    figure, axis = plt.subplots(figsize=(5.4, 2.8), layout="constrained")
    axis.hist(distances, bins=np.linspace(0, 1, 26), color=ORANGE, label=r"$\tilde f$ pooled in float32")
    axis.axvline(0, color=BLUE, linewidth=3, label=r"$\tilde f = \beta$ by definition: all are 0")
    axis.set(xlabel=r"$d(\tilde f_i, \tilde f_j)$", ylabel="pairs of images", xlim=(-0.02, 1))
    axis.legend(frameon=False)
    return figure


DRAWINGS: dict[str, Callable[[str], Any]] = {f.__name__: f for f in (maps, gates, affine, errors, collapse)}


def draw_all(folder: Path) -> None:
    """Write every drawing in every shade.

    Args:
        folder: Where to; made if it is not there.
    """
    folder.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        for shade, ink in SHADES.items():
            style = dict.fromkeys(
                ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink
            )
            frame = {"svg.hashsalt": name, "svg.fonttype": "path", "axes.spines.top": False, "axes.spines.right": False}
            with plt.rc_context({**style, **frame, "font.size": 10}):
                figure = draw(ink)
                figure.savefig(folder / f"{name}-{shade}.svg", transparent=True, metadata={"Date": None})
                plt.close(figure)
