"""The pictures of the specification, drawn by the reference itself on synthetic pedestrians."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import StringIO
from itertools import product
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import snr_ref
from snr_ref.closed_form import restituted
from snr_ref.instance_norm import over_pixels, spatial_axes

#: The colour of text and lines on light pages, and on each.
INK = "#24292f"
SHADES = {"light": INK, "dark": "#d0d4da"}
BLUE, ORANGE, GREEN = "#3b82f6", "#f97316", "#16a34a"
CHANNELS = ("light", "red - green", "blue - yellow", "edges |", "edges -", "texture")
PEOPLE, VIEWS = 12, (("day", 1), ("dusk", 1), ("fog", 1))


@cache
def feature_maps() -> np.ndarray:
    """Six channels of small filters over twelve people, each seen in three domains: (36, 64, 32, 6)."""
    from snr_keras.reid.data.synthetic.world import camera_style, person, render

    maps = []
    for number in range(1, PEOPLE + 1):
        for domain, camera in VIEWS:
            rng = np.random.default_rng(number)  # one pose for the three views of a person
            image, _ = render(person("day", number, seed=0), camera_style(domain, camera, seed=0), rng, (64, 32))
            maps.append(_filters(image / 255))
    stacked = np.stack(maps)
    return stacked / stacked.std(axis=(0, 1, 2))  # as large as feature maps are in a network


def _filters(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image, -1, 0)
    light = image.mean(axis=-1)
    across, down = np.abs(np.gradient(light, axis=1)), np.abs(np.gradient(light, axis=0))
    smooth = sum(np.roll(light, shift, axis) for shift in (-1, 0, 1) for axis in (0, 1)) / 6
    return np.stack(
        [light - 0.45, red - green, blue - (red + green) / 2, 4 * across, 4 * down, 8 * np.abs(light - smooth)], -1
    )


def one_person(domains: tuple[str, ...], image_size: tuple[int, int] = (64, 32)) -> np.ndarray:
    """One person in one pose, a photograph in each domain: (len(domains), height, width, 3), uint8."""
    from snr_keras.reid.data.synthetic import contact_sheet

    sheet = contact_sheet(domains=domains, people=1, cameras=1, image_size=image_size)
    framed = sheet.reshape(len(domains) + 1, -1, *sheet.shape[1:])  # the last is the mask of the person's parts
    return framed[:-1, 1:-1, 1:-1]


def photographs(domains: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """F, which is one person's photograph in each domain, and F~: (len(domains), 128, 64, 3) each, within [0, 1].

    The colours are the channels. gamma and beta are such that F~ can be shown as a photograph too, nothing clipped.
    """
    F = one_person(domains, image_size=(128, 64)) / 255
    return F, snr_ref.instance_norm(F, gamma=np.full(3, 0.11), beta=np.full(3, 0.47))


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


def maps() -> Figure:
    """Every map of eqs. 1 to 5 of one person in three domains, all in one scale."""
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
    rows = [(view, channel) for channel in (0, 3) for view in range(len(VIEWS))]
    figure, axes = plt.subplots(len(rows), len(columns), figsize=(6.4, 9.6), layout="constrained")
    for axis, ((view, channel), (symbol, values)) in zip(axes.flat, product(rows, columns.items()), strict=True):
        axis.imshow(values[view, ..., channel], cmap="RdBu_r", vmin=-4, vmax=4, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        if axis in axes[0]:
            axis.set_title(symbol)
        if axis in axes[:, 0]:
            axis.set_ylabel(f"{VIEWS[view][0]}: {CHANNELS[channel]}")
    return figure


def gates() -> Figure:
    """How much of each channel's residual is restituted, person by person."""
    F = feature_maps()
    a = snr_ref.snr(F, trained_params()).a
    start = snr_ref.snr(F, snr_ref.initial_params(len(CHANNELS), reduction=1, use_bias=True, seed=3)).a
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    for values, colour, shift, label in ((start, ORANGE, -0.15, "at the start"), (a, BLUE, 0.15, "trained by L_SNR")):
        places = np.arange(len(CHANNELS)) + shift
        for n, row in enumerate(values):
            axis.scatter(places, row, s=12, color=colour, alpha=0.6, linewidths=0, label=label if n == 0 else None)
    axis.axhline(0.5, color=INK, linewidth=0.5, linestyle=":")
    axis.set(ylim=(0, 1), xticks=range(len(CHANNELS)), xticklabels=CHANNELS, ylabel="$a$")
    axis.tick_params(axis="x", rotation=20)
    axis.legend(frameon=False, markerscale=3)
    return figure


def affine() -> Figure:
    """F~+ against F in one channel of one image: a line through (mu, f~+), for several gates."""
    F = feature_maps()[:1, ::2, ::2, :1]
    gamma, beta = np.array([0.25]), np.array([1.0])
    figure, axis = plt.subplots(figsize=(5, 3.4), layout="constrained")
    for a, colour, label in (
        (0.0, ORANGE, r"$a = 0$: $\tilde F^+ = \tilde F$"),
        (0.5, GREEN, r"$a = 0.5$"),
        (1.0, BLUE, r"$a = 1$: $\tilde F^+ = F$"),
    ):
        y = restituted(F, np.array([[a]]), gamma, beta, 1e-5)
        axis.plot(F.ravel(), y.ravel(), ".", markersize=3, color=colour, label=label)
        axis.plot(F.mean(), y.mean(), "o", color=colour)
    axis.set(xlabel="$F$", ylabel=r"$\tilde F^+$")
    axis.legend(frameon=False, markerscale=3)
    return figure


def errors() -> Figure:
    """The error in float32 of the two ways to evaluate the closed form, on ordinary maps and on constant ones."""
    means = np.logspace(0, 5, 16)
    rng = np.random.default_rng(0)
    start = snr_ref.initial_params(16, reduction=1, seed=0)
    figure, axis = plt.subplots(figsize=(5.4, 3.6), layout="constrained")
    for deviation, style, which in ((0.0, "-", "constant"), (1.0, ":", r"$\sigma = 1$")):
        noise = deviation * rng.standard_normal((4, 16, 8, 16))
        factor = rng.uniform(0.5, 1, (4, 1, 1, 16))  # each channel has a mean of its own
        curves: dict[str, list[float]] = {"folded": [], "centred": []}
        for mean in means:
            F = np.float32(noise + factor * mean)
            params = start._replace(w1=start.w1 / mean)  # a gate that is open half-way, whatever the mean
            exact = snr_ref.snr(F.astype(np.longdouble), params).F_plus
            for name, value in in_float32(F, params).items():
                curves[name].append(float(np.abs(value - exact).max()))
        axis.loglog(means, curves["folded"], style, color=ORANGE, label=f"folded, {which}")
        axis.loglog(means, curves["centred"], style, color=BLUE, label=f"centred, {which}")
    axis.set(xlabel=r"$\mu$", ylabel=r"largest error of $\tilde F^+$")
    axis.legend(frameon=False, fontsize=9)
    return figure


def in_float32(F: np.ndarray, params: snr_ref.SNRParams) -> dict[str, np.ndarray]:
    """F~+ by identity (iii), centred and with mu folded into an offset, every operation in float32.

    Args:
        F: (N, *S, C), float32.
        params: Without biases.

    Returns:
        Both, of the shape of F.
    """
    gamma, beta, w1, w2 = (np.float32(p) for p in params[:4])
    axes = spatial_axes(F)
    rough = F.mean(axis=axes)
    mu = rough + (F - over_pixels(rough, F)).mean(axis=axes)  # in two passes, as the layer does it
    sigma = np.sqrt(((F - over_pixels(mu, F)) ** 2).mean(axis=axes) + np.float32(1e-5))
    z = mu - beta
    with np.errstate(over="ignore"):
        a = np.float32(1) / (np.float32(1) + np.exp(-(np.maximum(z @ w1, 0) @ w2)))
    s, f_plus = a + (1 - a) * gamma / sigma, beta + a * z
    return {
        "centred": over_pixels(s, F) * (F - over_pixels(mu, F)) + over_pixels(f_plus, F),
        "folded": over_pixels(s, F) * F + over_pixels(f_plus - s * mu, F),
    }


def collapse() -> Figure:
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


DRAWINGS: dict[str, Callable[[], Figure]] = {f.__name__: f for f in (maps, gates, affine, errors, collapse)}


def draw_all(folder: Path) -> None:
    """Write every drawing in every shade.

    Args:
        folder: Where to; made if it is not there.
    """
    folder.mkdir(exist_ok=True)
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    style = dict.fromkeys(inked, INK) | {"svg.fonttype": "path", "axes.spines.top": False, "axes.spines.right": False}
    for name, draw in DRAWINGS.items():
        with plt.rc_context(style | {"svg.hashsalt": name}):
            figure, svg = draw(), StringIO()
            figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
            plt.close(figure)
        for shade, ink in SHADES.items():
            (folder / f"{name}-{shade}.svg").write_text(svg.getvalue().replace(INK, ink), encoding="utf-8")
