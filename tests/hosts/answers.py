"""Runs models with steps after them in whatever onnxruntime is importable: every answer must be the one that was recorded.

usage: answers.py FOLDER [LIBRARY]    (FOLDER as the example `answers` wrote it; LIBRARY: the op library, to register)

The manifest says how far each output may be from the recorded one: 0 asks for its bits, and more stands only where IEEE 754 leaves a
result open. Of a map of bytes it is the part of its elements that may differ.
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from check import NEWEST_OPSET

# ONNX Runtime 1.23 has no kernel for QuantizeLinear and DequantizeLinear of operator set 23: no quantised model of it runs there.
NEWEST_QUANTISED = {"1.17": 20, "1.23": 22}


def read(folder: Path, entry: dict) -> np.ndarray:
    return np.fromfile(folder / entry["file"], np.dtype(entry["dtype"])).reshape(entry["shape"])


def distance(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest distance; of bytes the part that differs. Infinite for another form."""
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return float("inf")
    if got.tobytes() == expected.tobytes():
        return 0.0
    if got.dtype == np.uint8:
        return float(np.mean(got != expected))
    apart = float(np.max(np.abs(got.astype(np.float64) - expected.astype(np.float64))))
    # Of other bits, such as those of NaN, nothing is said by 0.
    return apart if apart > 0 else float("inf")


def main(folder: Path, library: str | None) -> int:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if library:
        options.register_custom_ops_library(library)
    version = ".".join(ort.__version__.split(".")[:2])
    outputs = equal = wrong = too_new = 0
    for entry in json.loads((folder / "answers.json").read_text())["models"]:
        newest = (NEWEST_QUANTISED if entry["quantised"] else NEWEST_OPSET).get(version, 99)
        if entry["opset"] > newest:
            too_new += 1
            continue
        session = ort.InferenceSession(str(folder / entry["model"]), options, providers=["CPUExecutionProvider"])
        feeds = {each["name"]: read(folder, each) for each in entry["inputs"]}
        got = session.run([each["name"] for each in entry["outputs"]], feeds)
        for each, array in zip(entry["outputs"], got):
            apart = distance(array, read(folder, each))
            outputs += 1
            equal += apart == 0
            if not apart <= each["within"]:
                wrong += 1
                print(f"differs: {entry['model']} {each['name']}: {list(array.shape)}, {apart:g} apart")
    way = "fused op" if library else "model-local function"
    print(f"onnxruntime {ort.__version__} (Python), {way}: {outputs - wrong} of {outputs} answers hold, {equal} in every bit", end="")
    print(f"; {too_new} models of opsets that it has not left out" if too_new else "")
    return 1 if wrong or not outputs else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
