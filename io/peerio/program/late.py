"""Modules that others import at the start, and of which a peer uses nothing: loaded when that changes."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from typing import Any


def load_late(*names: str) -> None:
    """Have modules loaded when something of them is looked up for the first time; before they are imported.

    `transitions` and `dataclasses` import `inspect`, which loads Python's grammar and costs as much as all
    of `core`, and `logging` imports `traceback`. (What `importlib.util.LazyLoader` makes is loaded by the next `import` already.)
    """
    for name in names:
        if name not in sys.modules:
            _load_late(name)


def _load_late(name: str) -> None:
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        return
    module, loader = module_from_spec(spec), spec.loader

    def load(attribute: str) -> Any:
        del vars(module)["__getattr__"]
        loader.exec_module(module)
        return getattr(module, attribute)

    vars(module)["__getattr__"] = load
    sys.modules[name] = module
