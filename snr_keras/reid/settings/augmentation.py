"""The strength of random changes to training images."""

from dataclasses import dataclass, fields

from snr_keras.scalars import is_number, plain


@dataclass(frozen=True)
class Augmentation:
    """Random changes to training images, in this order; the values are torchreid's where it has them.

    Attributes:
        padding: Black border on each side before the random crop, as a fraction of the image height; 0.04 is 10 pixels
            at 256x128. 0 turns it off.
        flip: Probability of mirroring left and right.
        brightness: Colours are multiplied by a factor drawn from [1 - brightness, 1 + brightness].
        contrast: Likewise for the distances of colours from the image's mean grey.
        saturation: Likewise for the distances of colours from the pixel's own grey.
        hue: Colours are turned about the grey axis (in YIQ) by an angle drawn from [-hue, hue] full turns; at most 0.5.
        erasing: Probability of filling a rectangle with the image's mean colour (random erasing, arXiv:1708.04896; area
            2 to 40 % of the image, aspect ratio 0.3 to 3.3). Off by default: it raises the accuracy on the training
            domain and lowers it on unseen domains (arXiv:1903.07071), which matter here.

    Raises:
        ValueError: If a number is out of range.
    """

    padding: float = 0.04
    flip: float = 0.5
    brightness: float = 0.2
    contrast: float = 0.15
    saturation: float = 0.0
    hue: float = 0.0
    erasing: float = 0.0

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, largest = plain(getattr(self, setting.name)), 0.5 if setting.name == "hue" else 1.0
            object.__setattr__(self, setting.name, value)
            if not is_number(value) or not 0.0 <= value <= largest:
                raise ValueError(
                    f"`{setting.name}` must be between 0 and {largest}. Received: {setting.name}={value!r}"
                )
