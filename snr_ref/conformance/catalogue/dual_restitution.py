"""The entropy form of the dual constraint, for images and per pixel, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw

cases = Catalogue("dual_restitution", "the dual restitution loss: entropies of a classifier, for images and per pixel")


def images(draw: Draw, N: int, C: int, K: int, *, bias: bool = True) -> dict[str, Any]:
    """Three embeddings and a classifier, in general position."""
    features = {name: draw.normal(N, C) for name in ("f_tilde", "f_plus", "f_minus")}
    return {**features, "w": draw.normal(C, K), **({"b": draw.normal(K)} if bias else {})}


def pixels(draw: Draw, *shape: int, K: int, bias: bool = True) -> dict[str, Any]:
    """Three maps and a classifier, in general position."""
    maps = {name: draw.normal(*shape) for name in ("F_tilde", "F_plus", "F_minus")}
    return {**maps, "w": draw.normal(shape[-1], K), **({"b": draw.normal(K)} if bias else {})}


def ordinary(draw: Draw) -> dict[str, Any]:
    """Six images of four channels, five classes, with a bias."""
    return images(draw, 6, 4, 5)


def no_bias(draw: Draw) -> dict[str, Any]:
    """The classifier has no bias."""
    return images(draw, 5, 3, 4, bias=False)


def one_image(draw: Draw) -> dict[str, Any]:
    """A batch of a single image."""
    return images(draw, 1, 4, 3)


def one_class(draw: Draw) -> dict[str, Any]:
    """With one class there is nothing to be unsure of: each half is ln 2, and nothing has a gradient."""
    return images(draw, 4, 3, 1)


def nothing_restituted(draw: Draw) -> dict[str, Any]:
    """All three embeddings are the same, so that each half is ln 2."""
    case = images(draw, 4, 3, 5)
    return case | {"f_plus": case["f_tilde"], "f_minus": case["f_tilde"]}


def collapsed(draw: Draw) -> dict[str, Any]:
    """As in use: f~ is beta for every image."""
    case = images(draw, 5, 4, 3)
    return case | {"f_tilde": case["f_tilde"][:1].repeat(5, axis=0)}


def at_the_start(draw: Draw) -> dict[str, Any]:
    """As at the start: f~ is 0 and there is no bias, so that its entropy is ln K."""
    case = images(draw, 5, 4, 3, bias=False)
    return case | {"f_tilde": np.zeros((5, 4))}


def unlike_images(draw: Draw) -> dict[str, Any]:
    """Images of very unlike entropies, where a mean of Softplus is not the Softplus of means."""
    case = images(draw, 4, 3, 6)
    return case | {"f_plus": case["f_plus"] * np.array([0.0, 0.25, 4, 16])[:, None]}


def nearly_sure(draw: Draw) -> dict[str, Any]:
    """Classes of probabilities from 1e-3 to 1e-9: small, and not to be left out."""
    logits = np.array([[0.0, -7, -14, -18], [0, -15, -16, -20]])
    return {"f_tilde": logits[:, ::-1], "f_plus": logits, "f_minus": logits / 4, "w": np.eye(4)}


def huge_logits(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more: probabilities of exactly 0, whose p log p is 0 and not NaN."""
    case = images(draw, 4, 4, 4)
    return case | {"w": 2.0**14 * np.eye(4)}


def ordinary_pixels(draw: Draw) -> dict[str, Any]:
    """Two maps of 3x2 pixels and four channels, five classes, with a bias."""
    return pixels(draw, 2, 3, 2, 4, K=5)


def pixels_in_a_row(draw: Draw) -> dict[str, Any]:
    """One spatial axis, and no bias."""
    return pixels(draw, 3, 4, 3, K=2, bias=False)


def voxels(draw: Draw) -> dict[str, Any]:
    """Three spatial axes."""
    return pixels(draw, 1, 2, 2, 3, 2, K=3)


def one_pixel(draw: Draw) -> dict[str, Any]:
    """One image of one pixel."""
    return pixels(draw, 1, 1, 1, 4, K=3)


def pixels_of_one_class(draw: Draw) -> dict[str, Any]:
    """With one class each half is ln 2."""
    return pixels(draw, 2, 3, 2, K=1)


def constant_channels(draw: Draw) -> dict[str, Any]:
    """Every channel is constant, as where a map is normalized that has no contrast: all pixels say the same."""
    case = pixels(draw, 2, 3, 3, K=4)
    return case | {name: case[name][:, :1].repeat(3, axis=1) for name in ("F_tilde", "F_plus", "F_minus")}


def unlike_pixels(draw: Draw) -> dict[str, Any]:
    """Pixels of very unlike entropies, which a comparison of means would let cancel."""
    case = pixels(draw, 2, 4, 3, K=6)
    return case | {"F_plus": case["F_plus"] * np.array([0.0, 0.25, 4, 16])[None, :, None]}


def huge_pixels(draw: Draw) -> dict[str, Any]:
    """Logits of 1e4 and more at every pixel."""
    case = pixels(draw, 2, 3, 4, K=4)
    return case | {"w": 2.0**14 * np.eye(4)}


_LARGE = ("huge_logits", "huge_pixels", "nearly_sure")
_OF_IMAGES = (ordinary, no_bias, one_image, one_class, nothing_restituted, collapsed, at_the_start, unlike_images)
_OF_PIXELS = (ordinary_pixels, pixels_in_a_row, voxels, one_pixel, pixels_of_one_class, constant_channels)

for _prefix, _builders, _clause in (
    ("", (*_OF_IMAGES, nearly_sure, huge_logits), "8.2"),
    ("pixelwise_", (*_OF_PIXELS, unlike_pixels, huge_pixels), "8.3"),
):
    for _build in _builders:
        _numerics = ("6.4",) if _build.__name__ in _LARGE else ()
        cases.case(f"{_prefix}dual_restitution_loss", "8.1", _clause, *_numerics)(_build)
for _prefix, _builders in (
    ("", (*_OF_IMAGES, nearly_sure, huge_logits)),
    ("pixelwise_", (*_OF_PIXELS, unlike_pixels, huge_pixels)),
):
    for _build in _builders:

        def _gradients(draw: Draw, build: Any = _build) -> dict[str, Any]:
            return build(draw)

        _gradients.__name__, _gradients.__doc__ = f"gradients_{_build.__name__}", _build.__doc__
        _numerics = ("6.4",) if _build.__name__ in _LARGE else ()
        cases.case(f"{_prefix}dual_restitution_gradients", "8.4", *_numerics)(_gradients)
