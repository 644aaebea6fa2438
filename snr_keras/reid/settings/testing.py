"""The settings of a test on targets."""

from dataclasses import dataclass

from snr_keras.reid.settings.ranges import expect


@dataclass(frozen=True)
class TestSettings:
    """The settings of a test.

    Attributes:
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501" or "no_camera"; None means as the camera labels of a target allow.
        flip: Whether to average each embedding with that of the mirrored image.

    Raises:
        ValueError: If a value has another type.
    """

    __test__ = False  # or pytest would collect a class with this name

    distance: str = "cosine"
    protocol: str | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        expect("distance", self.distance, "a string", lambda x: isinstance(x, str))
        expect("protocol", self.protocol, "a string", lambda x: x is None or isinstance(x, str))
        expect("flip", self.flip, "true or false", lambda x: isinstance(x, bool))
