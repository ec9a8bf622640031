"""What is said is so: docstrings, examples, the lines of the README."""

import ast
import doctest
import hashlib
import importlib
import inspect
import json
import os
import pathlib
import pkgutil
import re
import subprocess
import sys

import numpy as np
import prep_onnx
import pytest
from conftest import ROOT

MODULES = ["prep_onnx", *(f"prep_onnx.{module.name}" for module in pkgutil.iter_modules(prep_onnx.__path__))]
#: Those that need a library of their own.
OF_OTHERS = ("prep_onnx.transformers", "prep_onnx.ray")
#: What these are made of.
INSIDE_OF_OTHERS = ("prep_onnx._class_calls",)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in (*OF_OTHERS, *INSIDE_OF_OTHERS) and "._native" not in name and ".lib" not in name and ".__" not in name])
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_every_public_name_is_documented():
    undocumented = []
    for name in prep_onnx.__all__:
        thing = getattr(prep_onnx, name)
        if name.startswith("__"):
            continue
        if not inspect.getdoc(thing):
            undocumented.append(name)
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                public = not member.startswith("_") or member in ("__call__", "__iter__", "__len__")
                if public and (callable(value) or isinstance(value, (property, classmethod))) and not inspect.getdoc(value):
                    undocumented.append(f"{name}.{member}")
    assert undocumented == []


@pytest.mark.parametrize("name", OF_OTHERS)
def test_every_public_name_beside_other_libraries_is_documented(name):
    """Read and not imported, since the libraries may not be there."""
    module = ast.parse((pathlib.Path(prep_onnx.__file__).parent / f"{name.rpartition('.')[2]}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(module)
    defined = {node.name: node for node in module.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    (names,) = [node.value for node in module.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"]
    public = ast.literal_eval(names)
    assert set(public) & set(defined)
    # A constant has its comment beside it.
    undocumented = [one for one in public if one in defined and not ast.get_docstring(defined[one])]
    for kind in (defined[one] for one in public if isinstance(defined.get(one), ast.ClassDef)):
        members = [node for node in kind.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
        undocumented += [f"{kind.name}.{node.name}" for node in members if not ast.get_docstring(node)]
    assert undocumented == []


def snippets(file: pathlib.Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", file.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("file", ["README.md", "python/README.md"])
def test_the_lines_of_the_readme_run(file, model, demo, tmp_path):
    """In a folder with a model and photos, in an interpreter of its own: the tensor is what transformers' processor gave."""
    if not importlib.util.find_spec("onnxruntime"):
        from conftest import required

        required("onnxruntime")
    (lines,) = [snippet for snippet in snippets(ROOT / file) if "prep_onnx.embed" in snippet]
    assert len([line for line in lines.splitlines() if line.strip()]) <= 10
    (tmp_path / "photos").mkdir()
    for photo in demo:
        (tmp_path / "photos" / photo.name).write_bytes(photo.read_bytes())
    (tmp_path / "model.onnx").write_bytes(model.read_bytes())
    lines += "\nimport numpy\nassert numpy.array_equal(result[0], tensor[:1])\nnumpy.save('tensor.npy', tensor)\n"
    # From the source folder, too.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, check=True, env=environment)
    goldens = json.loads(pathlib.Path(__file__).with_name("goldens.json").read_text())
    tensor = np.load(tmp_path / "tensor.npy")
    got = {photo.name: hashlib.sha256(row.tobytes()).hexdigest() for photo, row in zip(demo, tensor, strict=True)}
    assert got == goldens["demo"]
