"""People: the attributes of a person that are the same in all images."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Linear RGB reflectances in [0, 1]."""

PATTERNS = ("plain", "horizontal stripes", "vertical stripes", "checks", "blocks", "dots", "logo")
UPPERS = ("shirt", "jacket", "coat")
LOWERS = ("trousers", "shorts", "skirt")
HAIRS = ("shaved", "short", "bob", "long", "ponytail")
HATS = ("none", "cap", "beanie")
BAGS = ("none", "backpack", "shoulder bag", "hand bag")

_GARMENT_SRGB = np.array(
    [
        (28, 28, 32), (62, 64, 70), (120, 122, 126), (178, 180, 182), (236, 236, 232),  # black to white
        (206, 186, 150), (112, 76, 48), (26, 36, 84), (40, 84, 176), (120, 176, 222),  # beige to sky blue
        (28, 122, 126), (32, 112, 58), (104, 108, 50), (142, 186, 60), (232, 204, 60),  # teal to yellow
        (226, 128, 40), (196, 38, 42), (112, 26, 44), (226, 140, 164), (108, 62, 142),  # orange to purple
    ]
)  # fmt: skip
_GARMENT_CHANCES = np.array((26, 15, 11, 4, 9, 5, 3, 14, 3, 2, 0.5, 0.5, 2, 0.5, 0.5, 0.5, 2, 1, 0.25, 0.25)) / 100
"""Most people dress in black, grey, white, navy and beige: one colour seldom tells who it is."""
_SKIN_SRGB = np.array([(244, 212, 190), (228, 184, 150), (198, 146, 108), (146, 98, 66), (96, 62, 44)])
_HAIR_SRGB = np.array(
    [(24, 20, 20), (52, 36, 28), (92, 60, 36), (168, 126, 70), (206, 180, 128), (150, 70, 38), (158, 156, 154)]
)


@dataclass(frozen=True)
class Identity:
    """The lasting attributes of one person: build, skin, hair, clothes, bag and hat.

    Lengths are fractions of the person's own height unless said otherwise; colours are linear RGB reflectances.

    Attributes:
        stature: Standing height as a fraction of the frame's height.
        shoulders: Half the width across the shoulders.
        hips: Half the width across the hips.
        depth: Half the thickness of the chest, front to back.
        limbs: Thickness of arms and legs, 1 for the average person.
        skin: Colour of the skin.
        hair: One of `HAIRS`.
        hair_colour: Colour of the hair.
        hat: One of `HATS`.
        hat_colour: Colour of the hat.
        upper: One of `UPPERS`; a jacket is open over a shirt of `upper_second`, a coat hangs to the thighs.
        upper_colour: Main colour of the upper garment.
        upper_second: The pattern's colour, or that of the shirt under a jacket.
        pattern: One of `PATTERNS`.
        pattern_period: Repeat length of the pattern.
        sleeves: How much of the arm is covered, from 0 (none) to 1 (to the wrist).
        sleeve_colour: Colour of the sleeves.
        lower: One of `LOWERS`.
        lower_colour: Colour of the lower garment.
        lower_length: How much of the leg the lower garment covers, from 0 to 1.
        lower_width: Half the width of a trouser leg over that of the leg, or the flare of a skirt.
        shoes: Colour of the shoes.
        bag: One of `BAGS`.
        bag_colour: Colour of the bag.
        bag_size: Size of the bag, 1 for the average one.
        bag_side: +1 to carry it on the person's left, -1 on the right.
    """

    stature: float
    shoulders: float
    hips: float
    depth: float
    limbs: float
    skin: Colour
    hair: str
    hair_colour: Colour
    hat: str
    hat_colour: Colour
    upper: str
    upper_colour: Colour
    upper_second: Colour
    pattern: str
    pattern_period: float
    sleeves: float
    sleeve_colour: Colour
    lower: str
    lower_colour: Colour
    lower_length: float
    lower_width: float
    shoes: Colour
    bag: str
    bag_colour: Colour
    bag_size: float
    bag_side: int


def draw_identity(rng: np.random.Generator) -> Identity:
    """Draw a person at random.

    Args:
        rng: Source of randomness; the same state gives the same person.

    Returns:
        The person.
    """
    upper = _choice(rng, UPPERS, (0.6, 0.25, 0.15))
    upper_colour = _colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES)
    upper_second = _colour_unlike(rng, upper_colour)
    pattern = _choice(rng, PATTERNS, (0.48, 0.11, 0.06, 0.05, 0.1, 0.05, 0.15)) if upper == "shirt" else "plain"
    lower = _choice(rng, LOWERS, (0.62, 0.2, 0.18))
    lower_length = {
        "trousers": rng.uniform(0.93, 1.0),
        "shorts": rng.uniform(0.36, 0.56),
        "skirt": rng.uniform(0.34, 0.8),
    }[lower]
    short_sleeves = upper == "shirt" and rng.random() < 0.6
    return Identity(
        stature=float(rng.uniform(0.82, 0.92)),
        shoulders=float(rng.uniform(0.098, 0.132)),
        hips=float(rng.uniform(0.08, 0.108)),
        depth=float(rng.uniform(0.062, 0.09)),
        limbs=float(rng.uniform(0.85, 1.2)),
        skin=_colour(rng, _SKIN_SRGB),
        hair=_choice(rng, HAIRS, (0.06, 0.46, 0.15, 0.19, 0.14)),
        hair_colour=_colour(rng, _HAIR_SRGB),
        hat=_choice(rng, HATS, (0.82, 0.11, 0.07)),
        hat_colour=_colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES),
        upper=upper,
        upper_colour=upper_colour,
        upper_second=upper_second,
        pattern=pattern,
        pattern_period=float(rng.uniform(0.042, 0.085)),
        sleeves=float(rng.uniform(0.1, 0.45) if short_sleeves else rng.uniform(0.9, 1.0)),
        sleeve_colour=upper_second if upper == "shirt" and rng.random() < 0.15 else upper_colour,
        lower=lower,
        lower_colour=_colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES),
        lower_length=float(lower_length),
        lower_width=float(rng.uniform(1.05, 1.45)),
        shoes=_colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES),
        bag=_choice(rng, BAGS, (0.48, 0.24, 0.15, 0.13)),
        bag_colour=_colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES),
        bag_size=float(rng.uniform(0.8, 1.25)),
        bag_side=1 if rng.random() < 0.5 else -1,
    )


def linear(srgb: np.ndarray) -> np.ndarray:
    """Convert display values in [0, 255] to linear light in [0, 1] (IEC 61966-2-1)."""
    value = np.asarray(srgb) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _choice(rng: np.random.Generator, names: tuple[str, ...], chances: tuple[float, ...]) -> str:
    return names[rng.choice(len(names), p=chances)]


def _colour(rng: np.random.Generator, palette: np.ndarray, chances: np.ndarray | None = None) -> Colour:
    srgb = palette[rng.choice(len(palette), p=chances)] * rng.uniform(0.9, 1.06) + rng.normal(0.0, 6.0, 3)
    red, green, blue = linear(np.clip(srgb, 6, 248))
    return float(red), float(green), float(blue)


def _colour_unlike(rng: np.random.Generator, other: Colour) -> Colour:
    """A garment colour that contrasts with `other`."""
    while True:
        colour = _colour(rng, _GARMENT_SRGB, _GARMENT_CHANCES)
        if np.abs(np.sqrt(colour) - np.sqrt(other)).max() > 0.25:
            return colour
