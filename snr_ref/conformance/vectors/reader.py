"""Reads golden vectors as cases that need no catalogue: the file holds what they expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from snr_ref.conformance.case import Case
from snr_ref.conformance.clauses import CLAUSES, SPECIFICATION_VERSION
from snr_ref.conformance.expectation import Expected, Numbers
from snr_ref.conformance.functions import FUNCTIONS, RECORDS
from snr_ref.conformance.groups import Group
from snr_ref.conformance.vectors import schema
from snr_ref.conformance.vectors.seal import sealed_digest
from snr_ref.conformance.vectors.untrusted import Node, file_bytes, parse


@dataclass(frozen=True, eq=False)
class StoredCase(Case):
    """A case whose answers were computed when the file was written."""

    dtypes: tuple[str, ...] = field(kw_only=True)
    expected: tuple[Expected, ...] = field(kw_only=True)


@dataclass(frozen=True)
class Vectors:
    """A file of golden vectors.

    Attributes:
        cases: Cases, in the order of their catalogue.
        sha256: Digest in the file's seal.
    """

    cases: tuple[StoredCase, ...]
    sha256: str


def read(path: Path | str) -> tuple[StoredCase, ...]:
    """The cases of a file of golden vectors.

    Args:
        path: HDF5 file; it is not trusted.

    Returns:
        The cases, in the order in which they were written.

    Raises:
        ValueError: If the file is missing, cut short, damaged, of another version, or not of this format; the message
            names the file and the object in it, and says what was expected.
    """
    return read_vectors(Path(path)).cases


def read_vectors(path: Path) -> Vectors:
    """The cases and the digest of the file."""
    content = file_bytes(path)
    digest = sealed_digest(path, content)
    root = parse(path, content)
    check_format(path, root, schema.VECTORS)
    _check_specification(path, root.text("specification_version"))
    cases = []
    for group_name, node in root.group("cases").groups().items():
        group = Group(group_name, node.text("about"), bool(node.integer("required")))
        cases += [_case(group, name, case) for name, case in node.groups().items()]
    return Vectors(tuple(cases), digest)


def check_format(path: Path, root: Node, expected: str) -> None:
    """Refuse a file of another kind or of a later format."""
    if root.attributes.get("format") != expected:
        raise ValueError(
            f"{path} must have the root attribute 'format' {expected!r}. Received: {root.attributes.get('format')!r}"
        )
    version = root.integer("format_version")
    if version != schema.FORMAT_VERSION:
        raise ValueError(
            f"{path} has format version {version}, and this package reads version {schema.FORMAT_VERSION}: "
            "update the package if the file's is later, else write the file again"
        )


def _check_specification(path: Path, version: str) -> None:
    ours = tuple(int(part) for part in SPECIFICATION_VERSION.split("."))
    parts = version.split(".")
    theirs = tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()
    if len(theirs) != 2 or theirs[0] != ours[0] or theirs > ours:
        raise ValueError(
            f"{path} is of version {version!r} of the specification, and this package has {SPECIFICATION_VERSION}: it "
            f"reads {ours[0]}.0 to {SPECIFICATION_VERSION}. Export the file again, or install a package that has "
            "that version of the specification"
        )


def _case(group: Group, name: str, node: Node) -> StoredCase:
    function, kind = node.text("function"), node.text("kind")
    clauses, dtypes = tuple(node.text("clauses").split()), tuple(node.text("dtypes").split())
    _known(node, "function", [function], FUNCTIONS)
    _known(node, "kind", [kind], schema.KINDS)
    _known(node, "clauses", clauses, CLAUSES)
    _known(node, "dtypes", dtypes, FUNCTIONS[function].dtypes)
    answers = node.group("expected").groups()
    if list(answers) != [str(number) for number in range(len(answers))] or bool(answers) == (kind == "refusal"):
        raise ValueError(
            f"{node.where}/expected must have groups 0, 1, ... of answers, or none in a refusal. "
            f"Received: {', '.join(answers) or 'none'}"
        )
    tolerances = node.group("tolerance")
    return StoredCase(
        name=f"{group.name}/{name}",
        group=group,
        reason=node.text("reason"),
        clauses=clauses,
        function=function,
        arguments=_arguments(node.group("inputs"), function),
        kind=kind,
        dtypes=dtypes,
        expected=tuple(
            _expected(answer, tolerances.group(number), function, dtypes) for number, answer in answers.items()
        ),
    )


def _arguments(node: Node, function: str) -> dict[str, Any]:
    _known(node, "members", list(node.members), FUNCTIONS[function].signature.parameters)
    arguments: dict[str, Any] = {}
    for name, member in node.members.items():
        if isinstance(member, Node):
            _known(node, "groups", [name], RECORDS)
            record = RECORDS[name]
            _known(member, "members", list(member.members), record._fields)
            needed = [field for field in record._fields if field not in record._field_defaults]
            if not set(needed) <= set(member.members):
                raise ValueError(f"{member.where} must be `{name}` with {', '.join(needed)}")
            arguments[name] = record(**{field: schema.restored(a) for field, a in member.arrays("fiu").items()})
        else:
            arguments[name] = schema.restored(member)
    return arguments


def _expected(node: Node, tolerances: Node, function: str, dtypes: tuple[str, ...]) -> Expected:
    values = node.arrays("f")
    _known(node, "members", list(values), FUNCTIONS[function].outputs)
    by_dtype: Mapping[str, dict[str, np.ndarray]] = {dtype: tolerances.group(dtype).arrays("f") for dtype in dtypes}
    for dtype, of_dtype in by_dtype.items():
        for name, value in values.items():
            bound = of_dtype.get(name)
            if bound is None or bound.shape != value.shape or not (bound[np.isfinite(value)] >= 0).all():
                received = "nothing" if bound is None else f"shape {bound.shape}, from {np.min(bound, initial=0)}"
                raise ValueError(
                    f"{tolerances.where}/{dtype}/{name} must have the shape of the expected, {value.shape}, and "
                    f"be at least 0. Received: {received}"
                )
    order = [name for name in FUNCTIONS[function].outputs if name in values]
    return {name: Numbers(values[name], {d: by_dtype[d][name] for d in dtypes}) for name in order}


def _known(node: Node, what: str, names: Any, known: Any) -> None:
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(
            f"{node.where}: {what} must be of {', '.join(known)}. Received: {', '.join(unknown)[:200] or 'none'}"
        )
