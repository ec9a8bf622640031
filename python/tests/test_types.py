"""The types, as a checker sees them."""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import prep_onnx
from conftest import required


def test_a_sample_and_the_package_pass_mypy_strict(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        required("mypy")
    sample = pathlib.Path(__file__).with_name("sample_typed.py")
    # mypy finds what is installed by itself, and refuses to be shown it.
    folder = pathlib.Path(prep_onnx.__file__).parents[1]
    environment = os.environ if folder.name == "site-packages" else {**os.environ, "MYPYPATH": str(folder)}
    checked = ["-p", "prep_onnx", str(sample)]
    for arguments in (checked[:2], checked[2:]):
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--cache-dir", str(tmp_path), *arguments],
            capture_output=True,
            text=True,
            cwd=sample.parent,
            env=environment,
        )
        assert done.returncode == 0, done.stdout


def test_a_sample_and_the_package_pass_pyright(tmp_path):
    if importlib.util.find_spec("pyright") is None:
        required("pyright")
    shutil.copytree(pathlib.Path(prep_onnx.__file__).parent, tmp_path / "prep_onnx", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    shutil.copy(pathlib.Path(__file__).with_name("sample_typed.py"), tmp_path)
    files = [*tmp_path.rglob("*.py"), *tmp_path.rglob("*.pyi")]
    # Of what the package can do with other libraries, those that are installed are checked. For another one, pyright would take the module of
    # the package that is called like it.
    for library in ("ray", "transformers"):
        if importlib.util.find_spec(library) is None:
            stub = tmp_path / "typings" / library / "__init__.pyi"
            stub.parent.mkdir(parents=True)
            stub.write_text("from typing import Any\n\ndef __getattr__(name: str) -> Any: ...\n")
    settings = {"typeCheckingMode": "standard", "pythonVersion": "3.10", "reportMissingImports": False, "reportMissingModuleSource": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps({"include": ["prep_onnx", "sample_typed.py"], **settings}))
    environment = {**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "PYRIGHT_PYTHON_CACHE_DIR": os.path.join(sys.prefix, "pyright")}
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # It ends well where it finds no file, too.
    assert json.loads(done.stdout)["summary"]["filesAnalyzed"] == len(files), done.stdout
