"""The types, as a checker sees them."""

import importlib.util
import pathlib
import subprocess
import sys

from conftest import required


def test_a_sample_and_the_package_pass_mypy_strict():
    if importlib.util.find_spec("mypy") is None:
        required("mypy")
    sample = pathlib.Path(__file__).with_name("sample_typed.py")
    checked = ["-p", "prep_onnx", str(sample)]
    for arguments in (checked[:2], checked[2:]):
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--no-incremental", *arguments],
            capture_output=True,
            text=True,
            cwd=sample.parent,
        )
        assert done.returncode == 0, done.stdout
