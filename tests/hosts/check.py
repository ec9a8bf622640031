"""Runs the vectors in whatever onnxruntime is importable: every output must have the expected bits.

usage: check.py FOLDER [LIBRARY]    (FOLDER as the example `vectors` wrote it; LIBRARY: the op library, to register)
"""
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort


# The newest standard operator set of those that do not load every one that is tested.
NEWEST_OPSET = {"1.17": 20, "1.23": 23}


def main(folder: Path, library: str | None) -> int:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if library:
        options.register_custom_ops_library(library)
    newest = NEWEST_OPSET.get(".".join(ort.__version__.split(".")[:2]), 99)
    cases = wrong = too_new = 0
    for entry in json.loads((folder / "vectors.json").read_text())["models"]:
        if entry["opset"] > newest:
            too_new += 1
            continue
        session = ort.InferenceSession(str(folder / entry["model"]), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        for case in entry["cases"]:
            image = np.fromfile(folder / case["image"], np.uint8).reshape(case["image_shape"])
            (output,) = session.run(None, {name: image})
            digest = hashlib.sha256(np.ascontiguousarray(output).tobytes()).hexdigest()
            cases += 1
            if list(output.shape) != case["shape"] or digest != case["sha256"]:
                wrong += 1
                print(f"differs: {entry['model']} {case['image']}: got {output.shape} {digest[:16]}")
    way = "fused op" if library else "model-local function"
    print(f"onnxruntime {ort.__version__} (Python), {way}: {cases - wrong} of {cases} equal", end="")
    print(f"; {too_new} models of opsets above {newest} left out" if too_new else "")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
