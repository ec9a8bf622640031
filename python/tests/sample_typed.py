"""What a user writes, for type checkers."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import prep_onnx
from prep_onnx import Batch, Diagnosis, Learned, Loader, Pipeline


def tensors(photos: Path) -> npt.NDArray[Any]:
    pipeline = Pipeline.from_preset("clip", size=(224, 224))
    parts: list[npt.NDArray[Any]] = []
    for batch in Loader(photos, batch_size=8, threads=2):
        seen: Batch = batch
        for item in seen.errors:
            print(item.id, item.error, item.message)
        parts.append(pipeline(batch, threads=1))
    extra: dict[str, npt.NDArray[Any]] = pipeline(np.zeros((2, 8, 8, 3), np.uint8), outputs=["geometry", "mask"])
    print(extra["geometry"].shape, pipeline.output_size, pipeline.to_toml())
    return np.concatenate(parts)


def models(model: Path, data: bytes) -> None:
    written: Path = prep_onnx.embed(model, "out.onnx", pipeline=Pipeline.from_preset("vit"))
    embedded: bytes = prep_onnx.embed(data, pipeline="clip")
    stripped: bytes = prep_onnx.strip(embedded)
    print(written, stripped, prep_onnx.inspect(model)["embedded"], prep_onnx.get_library_path())
    if not prep_onnx.verify(written, ["a.png", Path("b.png")])["ok"]:
        raise SystemExit(1)


def learned(photo: npt.NDArray[np.uint8]) -> Learned:
    try:
        return prep_onnx.learn(lambda image: image)
    except prep_onnx.UnsupportedError as error:
        print(error.kind, error.what, error.why, error.fix)
        raise


def diagnosed(photo: Path, tensor: npt.NDArray[np.float32]) -> Diagnosis:
    found = prep_onnx.diagnose(photo, tensor, Pipeline.from_model("model.prep.onnx"))
    for finding in found.findings:
        mistake: str = finding.mistake
        print(mistake, finding.text, found.left_max_lsb, found.picture.shape)
    return found


def answered(model: Path) -> Path:
    return prep_onnx.embed(model, "out.onnx", answers=True, keep_outputs=True, labels=["cat", "dog"])
