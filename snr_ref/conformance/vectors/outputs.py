"""The answers of another program: the file that it writes, and its comparison with the golden vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np

from snr_ref.conformance.case import Case
from snr_ref.conformance.functions import FUNCTIONS
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.report import Report
from snr_ref.conformance.report.result import Result
from snr_ref.conformance.runner import judge, questions
from snr_ref.conformance.vectors import schema
from snr_ref.conformance.vectors.reader import Vectors, check_format, read_vectors
from snr_ref.conformance.vectors.untrusted import Node, file_bytes, parse
from snr_ref.conformance.vectors.writer import new_file, new_group, put_all, put_attributes
from snr_ref.conformance.whole_file import write_whole

#: Name beside or instead of outputs: not 0 where the program refused to answer.
REFUSED = "refused"


def compare_files(
    golden: Path | str, outputs: Path | str, *, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Compare the answers of another program with the golden vectors; this needs no catalogue and no adapter.

    Args:
        golden: File of golden vectors that the program read; it is not trusted.
        outputs: HDF5 file that the program wrote; it is not trusted.
        progress: Function called with the number of compared answers and the total.

    Returns:
        The report on the cases in the golden vectors, in the dtypes in which `outputs` has any answer, and on refusals
        if it answers any. Everything else that is not in `outputs` is not provided.

    Raises:
        ValueError: If a file can't be read, as in `read`; if `outputs` was made for other golden vectors; or if it has
            a case, a dtype or an output that the golden vectors don't have; the message names each.
    """
    golden, outputs = Path(golden), Path(outputs)
    vectors = read_vectors(golden)
    root = parse(outputs, file_bytes(outputs))
    check_format(outputs, root, schema.OUTPUTS)
    made_for = root.attributes.get("vectors_sha256", vectors.sha256)
    if made_for != vectors.sha256:
        raise ValueError(f"{outputs} was made for the golden vectors {made_for}; {golden} is {vectors.sha256}")
    answers = _answers(root, vectors)
    given = [root.text("implementation")] if "implementation" in root.attributes else []
    name = ", ".join([*given, outputs.name])
    dtypes = {dtype for _, dtype in answers}
    asked = [(case, dtype) for case in vectors.cases for dtype in case.dtypes if dtype in dtypes]
    refuses = any(case.kind == "refusal" and (case.name, dtype) in answers for case, dtype in asked)
    results = []
    for done, (case, dtype) in enumerate(asked, start=1):
        results.append(_result(case, dtype, answers.get((case.name, dtype)), refuses))
        if progress is not None:
            progress(done, len(asked))
    return Report(name, tuple(results))


def write_outputs(golden: Path | str, outputs: Path | str, implementation: Implementation) -> None:
    """Answer golden vectors: what another program has to do, in Python.

    Args:
        golden: Golden vectors to read.
        outputs: HDF5 file to write; an existing one is replaced.
        implementation: Implementation that answers.

    Raises:
        ValueError: If the golden vectors can't be read.
    """
    vectors = read_vectors(Path(golden))
    content = BytesIO()
    with new_file(content) as file:
        put_attributes(
            file,
            {
                "format": schema.OUTPUTS,
                "format_version": schema.FORMAT_VERSION,
                "vectors_sha256": vectors.sha256,
                "implementation": str(implementation.name),
            },
        )
        root = new_group(file, "cases")
        for case, dtype in questions(implementation, vectors.cases):
            answer = _ask(implementation, case, dtype)
            put_all(root, {f"{case.name}/{dtype}/{name}": value for name, value in answer.items()})
    write_whole(Path(outputs), content.getvalue())


def _ask(implementation: Implementation, case: Case, dtype: str) -> dict[str, np.ndarray]:
    """The content to write for a case: its outputs, or that it was refused, or nothing."""
    if not implementation.provides(case.function) or (case.kind == "refusal" and not implementation.refusals):
        return {}
    try:
        with np.errstate(all="ignore"):
            return {name: _portable(value) for name, value in implementation.answer(case, dtype).items()}
    except NotImplementedError:
        return {}
    except Exception:
        return {REFUSED: np.array(1)}


def _portable(value: np.ndarray) -> np.ndarray:
    """Numbers in a dtype that HDF5 has on every platform; float64 holds those of every other dtype."""
    return value.astype(np.int64 if value.dtype.kind in "iub" else np.float64)


def _answers(root: Node, vectors: Vectors) -> dict[tuple[str, str], Mapping[str, np.ndarray]]:
    """The answers by case and dtype, after a check that every name is known."""
    cases = {case.name: case for case in vectors.cases}
    answers: dict[tuple[str, str], Mapping[str, np.ndarray]] = {}
    unknown = [f"/{name}" for name in root.members if name != "cases"]
    for group_name, group in root.group("cases").groups().items():
        for case_name, of_case in group.groups().items():
            case = cases.get(f"{group_name}/{case_name}")
            if case is None:
                unknown.append(f"/cases/{group_name}/{case_name}")
                continue
            for dtype, node in of_case.groups().items():
                here = node.arrays("fiu")
                known = {*FUNCTIONS[case.function].outputs, REFUSED} if dtype in case.dtypes else set()
                unknown += [f"/cases/{case.name}/{dtype}/{name}" for name in here if name not in known]
                answers[case.name, dtype] = here
    if unknown:
        raise ValueError(
            f"{root.where} has what the golden vectors don't have: {', '.join(unknown[:10])}"
            f"{f' and {len(unknown) - 10} more' if len(unknown) > 10 else ''}. Expected "
            f"/cases/GROUP/NAME/DTYPE/OUTPUT with the names of the golden vectors, or {REFUSED!r} as the output"
        )
    return answers


def _result(case: Case, dtype: str, answer: Mapping[str, np.ndarray] | None, refuses: bool) -> Result:
    if case.kind == "refusal" and not refuses:
        return Result(case, dtype, "not asked", why="the file has no refusals")
    if not answer:
        return Result(case, dtype, "not provided", why=f"the file has no answer in {dtype}")
    if REFUSED in answer and np.any(answer[REFUSED]):
        if case.kind == "refusal":
            return Result(case, dtype, "passed")
        return Result(case, dtype, "failed", why=f"{case.function} refused to answer")
    given = {name: _scalar(value, case, name) for name, value in answer.items() if name != REFUSED}
    return judge(case, dtype, given)


def _scalar(value: np.ndarray, case: Case, output: str) -> np.ndarray:
    """One number as a scalar, whatever its shape, where a scalar is expected: not every program can write scalars."""
    expected = case.expected[0].get(output) if case.expected else None
    return value.reshape(()) if value.size == 1 and expected is not None and expected.value.shape == () else value
