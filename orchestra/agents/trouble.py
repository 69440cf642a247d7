"""What goes wrong behind the border of models, in one class that says what kind it was and whether to ask again."""

from __future__ import annotations

from typing import ClassVar, Final

from orchestra.errors import Bug, FailureClass, OrchestraError

CLASSES: Final = frozenset(
    {FailureClass.MODEL_ERROR, FailureClass.MODEL_REFUSAL, FailureClass.MODEL_GARBAGE},
)


class ModelTrouble(OrchestraError):
    """No usable reply. Each one knows itself whether the same question may be answered later (`retry`).

    model_error: not reached, or it failed; model_refusal: it declined; model_garbage: no message of a chat.
    """

    code: ClassVar[str] = "model-trouble"
    status: ClassVar[int] = 502

    def __init__(self, failure_class: FailureClass, message: str, *, retry: bool = False) -> None:
        if failure_class not in CLASSES:
            raise Bug(f"a model cannot fail as {failure_class}")
        super().__init__(message)
        self.failure_class = failure_class
        self.retry = retry  # type: ignore[misc] # decided for the class elsewhere, by the adapter here
