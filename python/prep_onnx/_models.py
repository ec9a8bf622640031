"""ONNX files: the commands of the command line as functions."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, overload

from prep_onnx import _arguments, _library, _native
from prep_onnx._errors import AssumedPipelineWarning, PrepOnnxError, UsageError
from prep_onnx._pipeline import Pipeline

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from typing_extensions import Unpack

PathLike = str | os.PathLike[str]
Model = TypeVar("Model", bytes, "onnx.ModelProto")

_log = logging.getLogger("prep_onnx")


def _call(command: Sequence[str], *operands: str, given: str | None = None, **options: Any) -> dict[str, Any]:
    """Runs a command; options are those of the command line, with `_` for `-`. `given` is the JSON of a pipeline."""
    _library.installed()
    arguments = [*command]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(option)
        elif isinstance(value, (list, tuple)):
            arguments += [f"{option}={one}" for one in value]
        elif value is not None and value is not False:
            arguments.append(f"{option}={value}")
    text, ok = _native.call([*arguments, "--", *operands], given)
    fields: dict[str, Any] = json.loads(text)
    fields.setdefault("ok", ok)
    return fields


def _is_proto(model: Any) -> bool:
    return hasattr(model, "SerializeToString")


@contextlib.contextmanager
def _as_file(model: Any) -> Iterator[pathlib.Path]:
    """The model as a file: its own, or a temporary one that lasts as long as the context."""
    if not isinstance(model, bytes) and not _is_proto(model):
        yield pathlib.Path(_arguments.path("model", model, "a path, bytes or an onnx.ModelProto"))
        return
    with tempfile.TemporaryDirectory(prefix="prep-onnx-") as folder:
        path = pathlib.Path(folder, "model.onnx")
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        try:
            yield path
        except PrepOnnxError as error:
            texts = (error.what, error.why, error.fix)
            what, why, fix = (text and text.replace(str(path), "the model") for text in texts)
            raise type(error)(what or "", why, fix) from None


@contextlib.contextmanager
def _labels_file(labels: PathLike | Sequence[str] | None) -> Iterator[str | None]:
    """Labels as a file: their own, or a temporary one that lasts as long as the context."""
    if labels is None or isinstance(labels, (str, os.PathLike)):
        yield labels if labels is None else os.fspath(labels)
        return
    with tempfile.TemporaryDirectory(prefix="prep-onnx-") as folder:
        path = pathlib.Path(folder, "labels.json")
        path.write_text(json.dumps(list(labels)), encoding="utf-8")
        yield str(path)


def _like(model: Any, path: pathlib.Path) -> Any:
    """The model in `path` in the form of `model`."""
    data = path.read_bytes()
    if isinstance(model, bytes):
        return data
    made = type(model)()
    made.ParseFromString(data)
    return made


def _edges(size: int | tuple[int, int] | None) -> str | None:
    edges = _arguments.edges(size)
    return None if edges is None else "x".join(map(str, edges))


class EmbedOptions(TypedDict, total=False):
    """The keywords of `embed`."""

    pipeline: Pipeline | PathLike | None
    size: int | tuple[int, int] | None
    resampler: str | None
    input: str | None
    input_name: str | None
    accept: str
    on_bad_image: str | None
    lower: str | None
    portable: str | None
    outputs: Sequence[str]
    single_file: bool
    image_size: tuple[int, int] | None
    then: str | Sequence[str]
    answers: bool
    keep_outputs: bool
    labels: PathLike | Sequence[str] | None
    load: bool
    runtime: PathLike | None


@overload
def embed(
    model: PathLike, output: PathLike | None = None, **options: Unpack[EmbedOptions]
) -> pathlib.Path: ...
@overload
def embed(model: Model, output: None = None, **options: Unpack[EmbedOptions]) -> Model: ...


def embed(
    model: Any,
    output: PathLike | None = None,
    *,
    pipeline: Pipeline | PathLike | None = None,
    size: int | tuple[int, int] | None = None,
    resampler: str | None = None,
    input: str | None = None,
    input_name: str | None = None,
    accept: str = "batch",
    on_bad_image: str | None = None,
    lower: str | None = None,
    portable: str | None = None,
    outputs: Sequence[str] = (),
    single_file: bool = False,
    image_size: tuple[int, int] | None = None,
    then: str | Sequence[str] = (),
    answers: bool = False,
    keep_outputs: bool = False,
    labels: PathLike | Sequence[str] | None = None,
    load: bool = True,
    runtime: PathLike | None = None,
) -> Any:
    """Puts a pipeline in front of the image input of a model: what `prep-onnx embed` does.

    The new model takes raw uint8 images, [N, H, W, 3] with `accept="batch"`, and gives what the original gave on the tensors
    of its Python pipeline.

    Args:
        model: A path, the bytes of an ONNX file, or an `onnx.ModelProto`.
        output: The file to write, for a path; by default `model.prep.onnx` beside `model.onnx`.
        pipeline: A `Pipeline`, the name of a preset or checkpoint, or a config file. By default, for a path, the config
            beside the model, then what the model says itself; for a plain classifier ImageNet's, with an
            `AssumedPipelineWarning`.
        size: The size that the model takes, in the place of the pipeline's own, as an edge or (height, width).
        resampler: Whose resize is meant, where the config leaves it open.
        input: The input that takes the image, where several can.
        input_name: The name of the new input.
        accept: `"batch"`, `"ragged"` or `"encoded"`.
        on_bad_image: With `accept="encoded"`, `"fail"` or `"zero"`.
        lower: `"one-file"`, `"standard"` or `"fused"`.
        portable: `"exact"` or `"fast"`.
        outputs: Further outputs: `"geometry"`, `"mask"`, `"sizes"`, `"grid"`.
        single_file: Takes external data into the model.
        image_size: Height and width of every image, where they are known.
        then: Steps after the model, in the same file: `"softmax"`, `"top_k=5"`, `"detections=yolov8"`; one, or several in their
            order. `prep-onnx steps` lists them.
        answers: The steps after the model that the evidence supports, in the place of `then`: metadata of Ultralytics, the
            config.json of transformers beside a path, outputs of torchvision's detectors.
        keep_outputs: With `then` or `answers`, whether the outputs that the steps take stay, before the new ones.
        labels: With `then` or `answers`, the names of the classes, which travel with the file: a list, or a text file with one
            on each line, or JSON.
        load: Loads and runs the result where ONNX Runtime is at hand, before it takes its place.
        runtime: The shared library of ONNX Runtime, or its folder.

    Returns:
        What was given: the path of the file written, bytes, or a ModelProto.

    Raises:
        PrepOnnxError: A model that cannot take the pipeline, a pipeline that cannot be read, or none that is known.
    """
    in_memory = isinstance(model, bytes) or _is_proto(model)
    if in_memory and output is not None:
        raise UsageError("output: is a file, and the model is none", None, "leave output out: the model is returned")
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_as_file(model))
        target = pathlib.Path(os.fspath(output)) if output is not None else None
        given, named = (pipeline.to_json(), None) if isinstance(pipeline, Pipeline) else (None, pipeline)
        answer = _call(
            ["embed"],
            str(path),
            given=given,
            out=target,
            pipeline=named if named is None else _arguments.path("pipeline", named, "a Pipeline, a name or a config file"),
            size=_edges(size),
            resampler=resampler,
            input=input,
            input_name=input_name,
            accept=accept,
            on_bad_image=on_bad_image,
            lower=lower,
            portable=portable,
            outputs=",".join(outputs) or None,
            single_file=single_file,
            image_size=_edges(image_size),
            then=[then] if isinstance(then, str) else list(then),
            answers=answers,
            keep_outputs=keep_outputs,
            labels=stack.enter_context(_labels_file(labels)),
            no_load=not load,
            runtime=runtime,
        )
        if answer["pipeline_assumed"]:
            warnings.warn(
                f"{answer['pipeline_from']} was assumed: nobody said that the model was trained with it", AssumedPipelineWarning, stacklevel=2
            )
        for note in [*answer["notes"], *([answer["quantised"]] if answer.get("quantised") else [])]:
            _log.info("%s", note)
        written = pathlib.Path(answer["output"])
        return _like(model, written) if in_memory else written


@overload
def strip(model: PathLike, output: PathLike, *, only: str | None = None) -> pathlib.Path: ...
@overload
def strip(model: Model, output: None = None, *, only: str | None = None) -> Model: ...


def strip(model: Any, output: PathLike | None = None, *, only: str | None = None) -> Any:
    """Restores the model that a pipeline was embedded into, byte for byte: what `prep-onnx strip` does.

    Args:
        model: A path, the bytes of an ONNX file, or an `onnx.ModelProto`. It may have been read and written by protobuf
            since, as `onnx.load` and `onnx.save` do, but not changed; external data has to be where it was.
        output: The file to write, for a path.
        only: `"after"` takes off what comes after the model alone; the preprocessing stays.

    Returns:
        What was given: the path of the file written, bytes, or a ModelProto.

    Raises:
        PrepOnnxError: No pipeline is in it, or the file was changed since.
    """
    in_memory = isinstance(model, bytes) or _is_proto(model)
    if in_memory == (output is not None):
        raise UsageError(
            "output: is for a path alone: the others are returned" if in_memory else "output: is missing",
            None,
            "leave output out" if in_memory else "say which file is to be written",
        )
    with _as_file(model) as path:
        target = path.with_name("stripped.onnx") if output is None else pathlib.Path(os.fspath(output))
        written = pathlib.Path(_call(["strip"], str(path), out=target, only=only)["output"])
        return _like(model, written) if in_memory else written


def inspect(model: Any) -> dict[str, Any]:
    """What is inside a model: the fields of `prep-onnx inspect --json`, which `cli/README.md` describes.

    Args:
        model: A path, the bytes of an ONNX file, or an `onnx.ModelProto`.

    Raises:
        PrepOnnxError: It is no ONNX file.
    """
    with _as_file(model) as path:
        return _call(["inspect"], str(path))


def verify(
    model: Any,
    images: PathLike | Sequence[PathLike],
    *,
    expected: np.ndarray[Any, Any] | PathLike | None = None,
    tolerance: float = 0.0,
    runtime: PathLike | None = None,
    download: bool = False,
) -> dict[str, Any]:
    """Compares every execution of an embedded pipeline with the scalar reference, bit for bit: what `prep-onnx verify` does.

    Args:
        model: A path, the bytes of an ONNX file, or an `onnx.ModelProto`.
        images: Image files, folders or patterns.
        expected: What the original Python pipeline made, [N, C, H, W], one row for each image; or a file with it.
        tolerance: How many steps of the 8-bit pixel value a tensor may be off.
        runtime: The shared library of ONNX Runtime, or its folder; by default that of the installed onnxruntime.
        download: Whether one may be downloaded where none is found.

    Returns:
        The fields of `prep-onnx verify --json`: `ok` says whether all comparisons agree, `comparisons` has them.

    Raises:
        PrepOnnxError: A model without a pipeline, no image, or no ONNX Runtime.
    """
    given = [images] if isinstance(images, (str, os.PathLike)) else images
    listed = [os.fspath(image) for image in given]
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(_as_file(model))
        if expected is not None and not isinstance(expected, (str, os.PathLike)):
            import numpy as np

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="prep-onnx-"))
            file = pathlib.Path(folder, "expected.npy")
            np.save(file, np.ascontiguousarray(expected))
            expected = file
        return _call(
            ["verify"], str(path), *listed, expected=expected, tolerance=tolerance, runtime=runtime, offline=not download
        )


def export_triton(model: PathLike, repository: PathLike, **options: Any) -> dict[str, Any]:
    """Writes an embedded model as a model of a repository of the Triton Inference Server: what `prep-onnx export triton` does.

    Args:
        model: The path of a model that `embed` wrote.
        repository: The folder of the repository; a folder for the model is made in it.
        options: `name`, `max_batch_size`, `delay_us`, `instances`, `library`: see `prep-onnx export triton --help`.

    Returns:
        The fields of the command's answer to `--json`: `files` among them.

    Raises:
        PrepOnnxError: A model without a pipeline, or one that cannot be batched by the server in this way.
    """
    return _call(["export", "triton"], os.fspath(model), out=os.fspath(repository), **options)
