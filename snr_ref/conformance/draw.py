"""Random numbers that depend on a name alone, not on the machine or the version of NumPy."""

from __future__ import annotations

import hashlib

import numpy as np


class Draw:
    """Random numbers seeded by a name.

    Only the raw words of PCG64 are used, whose stream NumPy keeps stable (NEP 19), and arithmetic that IEEE 754 makes
    exact or correctly rounded. Real numbers have eight significant bits: bfloat16, float16, float32 and float64 hold
    exactly the same number, and one expectation serves all four.
    """

    def __init__(self, name: str):
        self._words = np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest()))

    def normal(self, *shape: int, bits: int = 8) -> np.ndarray:
        """Approximately standard normal numbers: the sum of four uniform ones, with tails that end at 3.46.

        Args:
            shape: Shape of the result.
            bits: Significant bits of each number.

        Returns:
            The numbers, in float64.
        """
        words = self._raw(shape)
        total = sum(((words >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64) for shift in (0, 16, 32, 48))
        return significant((total - 2 * 0xFFFF) / (0x10000 / np.sqrt(3)), bits)

    def uniform(self, low: float, high: float, *shape: int) -> np.ndarray:
        """Uniform numbers in [low, high), up to the rounding to eight significant bits."""
        return significant(low + (high - low) * (self._raw(shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def integers(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Integers in [low, high)."""
        return low + (self._raw(shape) % np.uint64(high - low)).astype(np.int64)

    def directions(self, rows: int) -> np.ndarray:
        """Rows of six sixteenths, of length exactly 1, with products and distances that are exact in float32 too.

        Args:
            rows: Number of rows.

        Returns:
            The rows, (rows, 6).
        """
        found = np.empty((0, 6))
        while len(found) < rows:
            sixteenths = self.integers(-9, 10, 4096, 6)
            found = np.concatenate([found, sixteenths[(sixteenths**2).sum(axis=1) == 256] / 16])
        return found[:rows]

    def shares(self, rows: int, classes: int) -> np.ndarray:
        """Rows of sixty-fourths that sum to exactly 1.

        Args:
            rows: Number of rows.
            classes: Number of columns.

        Returns:
            The rows, (rows, classes), not negative.
        """
        cuts = np.sort(self.integers(0, 65, rows, classes - 1), axis=1)
        return np.diff(cuts, axis=1, prepend=0, append=64) / 64

    def permutation(self, n: int) -> np.ndarray:
        """The integers from 0 to n - 1 in random order."""
        return np.argsort(self._raw((n,)), kind="stable")

    def _raw(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self._words.random_raw(int(np.prod(shape))), np.uint64).reshape(shape)


def significant(x: np.ndarray, bits: int = 8) -> np.ndarray:
    """The numbers rounded to that many significant bits, and to 0 where they would be subnormal in float16."""
    mantissa, exponent = np.frexp(x)
    rounded = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)
    return np.where(np.abs(rounded) < 2.0**-14, 0.0, rounded)
