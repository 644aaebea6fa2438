"""How a model is tested on its targets."""

from dataclasses import dataclass

from snr_keras.reid.settings.ranges import expect


@dataclass(frozen=True)
class TestSettings:
    """How to test.

    Attributes:
        distance: "cosine", "euclidean" or "re_ranked", as for `distance_rows`.
        protocol: "market1501" or "no_camera"; None is what the camera labels of a target allow.
        flip: Whether to average each embedding with that of the mirrored image.

    Raises:
        ValueError: If a value is of another type.
    """

    __test__ = False  # for pytest, which takes a class of this name for its own

    distance: str = "cosine"
    protocol: str | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        expect("distance", self.distance, "a string", lambda x: isinstance(x, str))
        expect("protocol", self.protocol, "a string", lambda x: x is None or isinstance(x, str))
        expect("flip", self.flip, "true or false", lambda x: isinstance(x, bool))
