"""The one exception of the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator._enums import ErrorCode

if TYPE_CHECKING:
    from orchestrator._native import Violation


class OrchestratorError(Exception):
    """A call could not be carried out. What to do next:

    - ``retryable``: nothing happened and the cause may pass; make the same call again, with the same key;
    - ``in_doubt``: something may have happened outside; call ``recover()``, and never resend under a new key;
    - neither: change something first. ``code`` says what kind of thing, ``str(error)`` which one.

    ``violations`` holds every broken rule of a refused request (code ``validation_failed``), in request
    order.
    """

    code: ErrorCode
    retryable: bool
    in_doubt: bool
    violations: tuple[Violation, ...]

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        retryable: bool = False,
        in_doubt: bool = False,
        violations: Sequence[Violation] = (),
    ) -> None:
        super().__init__(message)
        self.code = ErrorCode(code)
        self.retryable = retryable
        self.in_doubt = in_doubt
        self.violations = tuple(violations)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.code.value, str(self), self.retryable, self.in_doubt, self.violations)

    def __repr__(self) -> str:
        return f"OrchestratorError({self.code.value!r}, {str(self)!r})"


def _restored(
    code: str, message: str, retryable: bool, in_doubt: bool, violations: tuple[Violation, ...]
) -> OrchestratorError:
    return OrchestratorError(
        ErrorCode(code), message, retryable=retryable, in_doubt=in_doubt, violations=violations)
