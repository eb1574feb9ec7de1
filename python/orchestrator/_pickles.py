"""Records in pickles: what multiprocessing, joblib and caches make of them."""

from __future__ import annotations

from orchestrator import _native


def restored(name: str, state: bytes) -> object:
    """The record of that name. Raises OrchestratorError: ``invalid_argument`` for a state that another version of
    the package has written, or that is damaged."""
    return getattr(_native, name)._restored(state)
