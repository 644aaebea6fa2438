"""Packages whose modules can be imported a second time, one of them with other code, beside the first import."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, ModuleType

ROOT = Path(__file__).parents[2]


class Isolated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Fresh copies of some modules.

    Args:
        modules: Names of the modules that are imported afresh; packages as well as plain modules.
    """

    def __init__(self, modules: Iterable[str]):
        self._files = {module: _file(module) for module in modules}
        self._codes = {m: compile(f.read_text(encoding="utf-8"), str(f), "exec") for m, f in self._files.items()}

    def load(self, target: str, file: str = "", code: CodeType | None = None) -> ModuleType:
        """Import again a module and those isolated modules that it needs.

        Args:
            target: Name of the module.
            file: Path, from the root, of the module that gets other code.
            code: That code.

        Returns:
            The module; modules imported before are unchanged.
        """
        changed = {m: code for m, path in self._files.items() if code is not None and path == ROOT / file}
        originals, self._codes = self._codes, self._codes | changed
        there = {module: sys.modules.pop(module) for module in self._files if module in sys.modules}
        sys.meta_path.insert(0, self)
        try:
            return importlib.import_module(target)
        finally:
            sys.meta_path.remove(self)
            for module in self._files:
                sys.modules.pop(module, None)
            sys.modules.update(there)
            self._codes = originals

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> object:
        """The finder's part of the import protocol."""
        if fullname not in self._files:
            return None
        is_package = self._files[fullname].name == "__init__.py"
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=str(self._files[fullname]), is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [str(self._files[fullname].parent)]
        return spec

    def create_module(self, spec: object) -> None:
        """The loader's part: an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """The loader's part: run the code."""
        exec(self._codes[module.__name__], module.__dict__)


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
