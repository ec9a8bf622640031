"""Errors: one class for each kind of the crates' errors."""


class PrepOnnxError(Exception):
    """A failure that a person can act on.

    Attributes:
        kind: A stable word for programs, such as `"config"`.
        what: What is wrong with which thing, with the expected and the actual value.
        why: The reason behind the rule, or None.
        fix: What to do, or None.
    """

    kind: str = "other"

    def __init__(self, what: str, why: str | None = None, fix: str | None = None) -> None:
        super().__init__(what, why, fix)
        self.what = what
        self.why = why
        self.fix = fix

    def __str__(self) -> str:
        lines = [self.what]
        lines += [f"  why: {self.why}"] if self.why else []
        lines += [f"  fix: {self.fix}"] if self.fix else []
        return "\n".join(lines)


class UsageError(PrepOnnxError, ValueError):
    """The call is wrong: an argument, or two that contradict each other."""

    kind = "usage"


class ConfigError(PrepOnnxError, ValueError):
    """A pipeline, preset or config says something wrong or unknown."""

    kind = "config"


class ModelError(PrepOnnxError, ValueError):
    """An ONNX file is none, is damaged, or cannot take the pipeline."""

    kind = "model"


class ImageError(PrepOnnxError, ValueError):
    """An image is none, is damaged, or has a shape that the pipeline cannot take."""

    kind = "image"


class RuntimeUnavailableError(PrepOnnxError, RuntimeError):
    """ONNX Runtime is missing, cannot be loaded, or a run failed."""

    kind = "runtime"


class IoError(PrepOnnxError, OSError):
    """A file, folder or address cannot be read or written."""

    kind = "io"


class LimitError(PrepOnnxError, ValueError):
    """Larger than a bound allows."""

    kind = "limit"


class UnsupportedError(PrepOnnxError, NotImplementedError):
    """Valid, but nothing that this version does."""

    kind = "unsupported"


class AssumedPipelineWarning(UserWarning):
    """Nobody named the pipeline that was embedded: ImageNet's was assumed."""


_CLASSES: dict[str, type[PrepOnnxError]] = {
    cls.kind: cls
    for cls in (
        UsageError,
        ConfigError,
        ModelError,
        ImageError,
        RuntimeUnavailableError,
        IoError,
        LimitError,
        UnsupportedError,
        PrepOnnxError,
    )
}


def exception(kind: str, what: str, why: str | None, fix: str | None) -> PrepOnnxError:
    """The exception of an error of the crates."""
    return _CLASSES.get(kind, PrepOnnxError)(what, why, fix)
