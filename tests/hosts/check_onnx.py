"""Runs onnx.checker, with shape inference, on every model in a folder.

usage: check_onnx.py FOLDER
"""
import sys
from pathlib import Path

import onnx


def main(folder: Path) -> int:
    models = sorted(folder.rglob("*.onnx"))
    bad = 0
    for path in models:
        try:
            onnx.checker.check_model(str(path))
            onnx.shape_inference.infer_shapes(onnx.load(str(path)))
        except Exception as error:  # noqa: BLE001 - every kind of failure is a finding
            bad += 1
            print(f"{path.name}: {str(error).strip().splitlines()[0]}")
    print(f"onnx.checker {onnx.__version__}: {len(models) - bad} of {len(models)} pass")
    return 1 if bad or not models else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
