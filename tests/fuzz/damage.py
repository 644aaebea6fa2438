"""Files that were whole once: a bit flipped, or the end cut off."""

from tests.fuzz.subjects import SUBJECTS, Setting


def damage(setting: Setting, number: int) -> None:
    """Flip a bit, or in one of ten cut the end off, of each subject's file in turn, so many in all."""
    rng = setting.rng
    for trial in range(number):
        subject = SUBJECTS[trial % len(SUBJECTS)]
        here = setting.copy(subject)
        path = here / subject.file
        content = bytearray(path.read_bytes())
        if rng.random() < 0.1:
            how = f"cut to {(length := int(rng.integers(len(content))))} bytes"
            del content[length:]
        else:
            byte, bit = int(rng.integers(len(content))), int(rng.integers(8))
            how = f"bit {bit} of byte {byte} flipped"
            content[byte] ^= 1 << bit
        path.write_bytes(content)
        outcome, ended = setting.outcome(subject, here)
        setting.table.add(f"damaged: {subject.name}", outcome, how, ended)
