"""ONNX files: forms of models, sessions with and without the op library, the command line."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import prep_onnx
import pytest
from conftest import ROOT, drawn, required
from prep_onnx import Pipeline


def runtime():
    try:
        import onnxruntime
    except ImportError:
        required("onnxruntime")
    return onnxruntime


def test_embedding_gives_what_the_pipeline_gives(model, tmp_path):
    ort = runtime()
    pipeline = Pipeline.from_preset("clip")
    written = prep_onnx.embed(model, tmp_path / "out.onnx", pipeline=pipeline, load=False)
    assert written == tmp_path / "out.onnx"
    images = np.stack([drawn(120, 90), drawn(120, 90, 1)])
    for with_library in (False, True):
        options = ort.SessionOptions()
        if with_library:
            prep_onnx.register(options)
        session = ort.InferenceSession(str(written), options)
        assert np.array_equal(session.run(None, {"image": images})[0], pipeline(images))


def test_bytes_and_files_are_one_model(model, tmp_path):
    original = model.read_bytes()
    written = prep_onnx.embed(model, tmp_path / "out.onnx", pipeline="clip", load=False)
    embedded = prep_onnx.embed(original, pipeline="clip", load=False)
    assert embedded == written.read_bytes()
    assert prep_onnx.strip(embedded) == original
    assert prep_onnx.strip(written, tmp_path / "back.onnx").read_bytes() == original
    inside = prep_onnx.inspect(embedded)
    assert inside["embedded"]["op"] == "prep.onnx::ImageBatchToFloat32V1"
    assert prep_onnx.inspect(model)["embedded"] is None


def test_a_proto_is_one_too(model, demo):
    try:
        import onnx
    except ImportError:
        required("onnx")
    original = onnx.load(model)
    embedded = prep_onnx.embed(original, pipeline="clip", load=False)
    assert isinstance(embedded, onnx.ModelProto)
    assert [value.name for value in embedded.graph.input] == ["image"]
    assert prep_onnx.inspect(embedded)["embedded"]["op"]
    # protobuf writes the fields in another order than the file that `embed` made.
    assert embedded.SerializeToString() != prep_onnx.embed(original.SerializeToString(), pipeline="clip", load=False)
    restored = prep_onnx.strip(embedded)
    assert isinstance(restored, onnx.ModelProto) and restored == original
    assert restored.SerializeToString() == original.SerializeToString()
    runtime()
    assert prep_onnx.verify(embedded, demo)["ok"]


@pytest.mark.parametrize("then", [(), ("softmax", "top_k=2")])
def test_forms_can_be_mixed(tmp_path, then):
    """What is embedded in one form can be stripped in any other."""
    try:
        import onnx
    except ImportError:
        required("onnx")
    original = onnx.load(ROOT / "models/zoo/shapes-cnn.onnx")
    onnx.save(original, tmp_path / "original.onnx")
    data = (tmp_path / "original.onnx").read_bytes()
    options = {"pipeline": "imagenet", "then": then, "load": False}
    written = prep_onnx.embed(tmp_path / "original.onnx", tmp_path / "embedded.onnx", **options)
    proto = prep_onnx.embed(original, **options)
    assert proto == onnx.load(written) == onnx.ModelProto.FromString(prep_onnx.embed(data, **options))
    again = tmp_path / "again.onnx"
    onnx.save(proto, again)
    assert again.read_bytes() != written.read_bytes()
    for one in (written, again):
        assert prep_onnx.strip(one, tmp_path / "back.onnx").read_bytes() == data
        assert prep_onnx.strip(one.read_bytes()) == data
        assert prep_onnx.strip(onnx.load(one)) == original
        if then:
            front = prep_onnx.embed(original, pipeline="imagenet", load=False)
            assert prep_onnx.strip(onnx.load(one), only="after") == front
    proto.graph.node[-1].name = "renamed"
    with pytest.raises(prep_onnx.ModelError, match="the model: cannot be stripped: it was changed after embedding"):
        prep_onnx.strip(proto)


def test_steps_after_the_model(tmp_path):
    ort = runtime()
    original = ROOT / "models/zoo/shapes-cnn.onnx"
    labels = list("abcdefghij")
    names = tmp_path / "labels.txt"
    names.write_text("\n".join(labels))
    written = prep_onnx.embed(
        original, tmp_path / "out.onnx", pipeline="imagenet", then=["softmax", "top_k=2"], keep_outputs=True, labels=labels, load=False
    )
    of_bytes = prep_onnx.embed(
        original.read_bytes(), pipeline="imagenet", then=("softmax", "top_k=2"), keep_outputs=True, labels=names, load=False
    )
    assert of_bytes == written.read_bytes()
    after = prep_onnx.inspect(written)["after"]
    assert [step["step"] for step in after["steps"]][-1] == "top_k"
    session = ort.InferenceSession(of_bytes)
    logits, *found = session.run(None, {"image": drawn(60, 80)[None]})
    scores = next(array for array in found if array.dtype == np.float32)
    places = next(array for array in found if array.dtype == np.int64)
    assert np.array_equal(places[0], np.argsort(-logits[0], kind="stable")[:2])
    exact = np.exp(logits[0] - logits[0].max())
    assert np.allclose(scores[0], np.sort(exact / exact.sum())[::-1][:2], rtol=1e-5)
    front = prep_onnx.strip(of_bytes, only="after")
    assert front == prep_onnx.embed(original.read_bytes(), pipeline="imagenet", load=False)
    assert prep_onnx.strip(of_bytes) == original.read_bytes()
    with pytest.raises(prep_onnx.UsageError, match="expected 10 names, got 4"):
        prep_onnx.embed(original, tmp_path / "no.onnx", pipeline="imagenet", then="softmax", labels=labels[:4])
    with pytest.raises(prep_onnx.UsageError, match="sofmax"):
        prep_onnx.embed(original, tmp_path / "no.onnx", pipeline="imagenet", then="sofmax")
    with pytest.raises(prep_onnx.UsageError, match="answers"):
        prep_onnx.embed(original, tmp_path / "no.onnx", pipeline="imagenet", then="softmax", answers=True)
    with pytest.raises(prep_onnx.PrepOnnxError, match="nothing"):
        prep_onnx.embed(original, tmp_path / "no.onnx", pipeline="imagenet", answers=True, load=False)


def test_the_command_and_the_function_are_one(model, tmp_path):
    one = prep_onnx.embed(model, tmp_path / "a.onnx", pipeline="clip", accept="ragged", outputs=["geometry"], load=False)
    options = ["--pipeline", "clip", "--accept", "ragged", "--outputs", "geometry", "--no-load", "--json"]
    for program in ([sys.executable, "-m", "prep_onnx"], [str(pathlib.Path(sys.executable).with_name("prep-onnx"))]):
        if not (len(program) > 1 or pathlib.Path(program[0]).exists()):
            continue
        other = tmp_path / "b.onnx"
        done = subprocess.run([*program, "embed", str(model), "-o", str(other), *options], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["ok"]
        assert one.read_bytes() == other.read_bytes()
    failed = subprocess.run([sys.executable, "-m", "prep_onnx", "inspect", "absent.onnx"], capture_output=True, text=True)
    assert failed.returncode == 1 and "absent.onnx: cannot be read" in failed.stderr
    with pytest.raises(prep_onnx.IoError, match=r"absent.onnx: cannot be read"):
        prep_onnx.inspect("absent.onnx")


def test_the_library_is_in_the_package():
    path = prep_onnx.get_library_path()
    assert os.path.isfile(path)
    done = subprocess.run([sys.executable, "-m", "prep_onnx", "library"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == path


def test_verify_compares_with_an_array(model, demo, tmp_path):
    runtime()
    pipeline = Pipeline.from_preset("clip")
    written = prep_onnx.embed(model, tmp_path / "out.onnx", pipeline=pipeline)
    batch = next(iter(prep_onnx.Loader(demo)))
    expected = pipeline(batch)
    found = prep_onnx.verify(written, demo, expected=expected)
    assert found["ok"] and found["compared_with_original"]
    assert {row["compared"] for row in found["comparisons"]} >= {"reference = original", "fused = reference"}
    expected[0, 0, 0, 0] += 1
    assert not prep_onnx.verify(written, demo, expected=expected)["ok"]


def test_a_pipeline_that_nobody_named_is_a_warning(tmp_path):
    with pytest.warns(prep_onnx.AssumedPipelineWarning, match="ImageNet at"):
        prep_onnx.embed(ROOT / "models/zoo/shapes-cnn.onnx", tmp_path / "out.onnx", load=False)


def test_errors_have_the_words_of_the_command_line(model, tmp_path):
    with pytest.raises(prep_onnx.ModelError, match="the model: is no ONNX model"):
        prep_onnx.inspect(b"xx")
    with pytest.raises(prep_onnx.UsageError, match="invalid value 'zzz'"):
        prep_onnx.embed(model, tmp_path / "out.onnx", pipeline="clip", lower="zzz")
    with pytest.raises(prep_onnx.PrepOnnxError) as caught:
        prep_onnx.embed(model, tmp_path / "out.onnx", pipeline="clip-336", load=False)
    assert "224" in str(caught.value)
    assert not (tmp_path / "out.onnx").exists()
    with pytest.raises(prep_onnx.UsageError):
        prep_onnx.embed(model.read_bytes(), tmp_path / "out.onnx", pipeline="clip")
