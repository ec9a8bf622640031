"""What a processor of transformers gives, made of the outputs of a pipeline."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from prep_onnx import _features
from prep_onnx._errors import PrepOnnxError
from prep_onnx._pipeline import Pipeline


class Handed(Exception):
    """The call is one for the class itself."""


def outputs_of(pipeline: Pipeline, images: list[Any], wanted: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Outputs of the pipeline for images that have the pixels of RGB."""
    by_threads = differs_on_one_thread(pipeline)
    if by_threads and _torch_threads() == 1:
        raise Handed("torch has one thread, on which its bilinear without antialiasing has other bits")
    if by_threads and "sizes" not in wanted:
        wanted = [*wanted, "sizes"]
    try:
        outputs = pipeline(images, outputs=wanted)
    except PrepOnnxError as error:
        raise Handed(str(error)) from None
    if by_threads and outputs["sizes"].sum(axis=1).min() <= _ONE_THREAD_EDGES:
        raise Handed(f"torch's bilinear without antialiasing has other bits for at most {_ONE_THREAD_EDGES} rows and columns together")
    return outputs


def forms_of(pipeline: Pipeline, images: list[Any], forms: list[str], processor: Any) -> dict[str, Any]:
    """Each form of what the pipeline makes of the images."""
    outputs = outputs_of(pipeline, images, _features.outputs(forms))
    made = _features.Made(outputs, _features.source_sizes(images), processor)
    return {form: _features.FORMS[form].make(made) for form in forms}


#: Results with no more rows and columns together torch resizes on one thread.
_ONE_THREAD_EDGES = 128


@functools.lru_cache(maxsize=256)
def differs_on_one_thread(pipeline: Pipeline) -> bool:
    """Whether torch has other bits on one thread: where it resizes floats bilinearly without antialiasing."""
    return any(
        (step.get("resampler"), step.get("filter"), step.get("antialias", True)) == ("torch", "bilinear", False)
        for step in pipeline.to_dict()["steps"]
    )


def _torch_threads() -> int:
    import torch

    return int(torch.get_num_threads())


def same(ours: Any, theirs: Any) -> bool:
    """Whether a value of a class's result is ours, bit for bit."""
    if isinstance(ours, list):
        return isinstance(theirs, list) and ours == theirs
    other = np.asarray(theirs)
    return bool(ours.dtype == other.dtype and ours.shape == other.shape and ours.tobytes() == other.tobytes())
