"""What is said where someone errs: which thing is wrong, what was expected, what came, and what to do."""

import pathlib
import subprocess
import sys

import numpy as np
import prep_onnx
import pytest
from conftest import drawn
from prep_onnx import ConfigError, ImageError, IoError, Loader, Pipeline, UsageError

IMAGE = drawn(40, 50)
CLIP = Pipeline.from_preset("clip")

#: What is done, the error, what it says.
OF_IMAGES = [
    (lambda: CLIP(IMAGE / 255), ImageError, "images: has another element type: expected uint8, got float64"),
    (lambda: CLIP(IMAGE.transpose(2, 0, 1)), ImageError, "got [3, 40, 50]\n  fix: put the channels last"),
    (lambda: CLIP(IMAGE[:, :, 0]), ImageError, "got [40, 50]\n  fix: repeat the gray value: numpy.stack"),
    (lambda: CLIP([IMAGE[:, :, :1]]), ImageError, "images[0]: has another shape: expected [height, width, 3], got [40, 50, 1]\n  fix: repeat the gray value"),
    (lambda: CLIP(np.zeros((4, 5, 4), np.uint8)), ImageError, "drop the alpha: image[..., :3]"),
    (lambda: CLIP(IMAGE[None, None]), ImageError, "hand over one axis of images"),
    (lambda: CLIP("photo.jpg"), ImageError, "images: is the name of a file: expected pixels, got 'photo.jpg'\n  fix: open it"),
    (lambda: CLIP([IMAGE, pathlib.Path("photo.jpg")]), ImageError, "images[1]: is the name of a file"),
    (lambda: CLIP(b"\xff\xd8"), ImageError, "images: is 2 bytes without a shape"),
    (lambda: CLIP(Loader([])), ImageError, "images: is a Loader"),
    (lambda: CLIP([None]), ImageError, "images[0]: is None"),
    (lambda: CLIP(np.array([IMAGE, IMAGE[:3]], dtype=object)), ImageError, "hand over a list of arrays"),
    (lambda: CLIP(IMAGE[:0]), ImageError, "images: has no pixels: expected a height and a width of at least 1, got 0 x 50"),
    (lambda: CLIP([IMAGE[:, :0]]), ImageError, "images[0]: has no pixels"),
]
OF_ARGUMENTS = [
    (lambda: CLIP(IMAGE, threads="2"), UsageError, "threads: is no whole number: expected 1 or more, got '2'"),
    (lambda: CLIP(IMAGE, threads=-1), UsageError, "threads: is out of range: expected 1 or more, got -1"),
    (lambda: Loader(3), UsageError, "sources: are of another type: expected a path, folder or pattern, bytes, or an iterable of these, got int"),
    (lambda: list(Loader([IMAGE])), UsageError, "sources: 0: is no source of an image: expected str, a path, bytes"),
    (lambda: Loader([], batch_size=0), UsageError, "batch_size: is out of range: expected 1 or more, got 0"),
    (lambda: Loader([], queue_bytes=-5), UsageError, "queue_bytes: is out of range"),
    (lambda: Loader([], threads=1.5), UsageError, "threads: is no whole number: expected 1 or more, got 1.5"),
    (lambda: Pipeline.from_preset(3), UsageError, "preset: is no text"),
    (lambda: Pipeline.from_preset("clip", size="224"), UsageError, "size: is no size: expected an int or (height, width), got '224'"),
    (lambda: Pipeline.from_preset("clip", size=(1, 2, 3)), UsageError, "size: is no size"),
    (lambda: Pipeline.from_preset("clip", size=(0, 5)), UsageError, "size: is out of range: expected edges of 1 or more, got (0, 5)"),
    (lambda: prep_onnx.register(None), UsageError, "session_options: are none: expected onnxruntime.SessionOptions, got NoneType"),
    (lambda: prep_onnx.embed(3), UsageError, "model: is of another type: expected a path, bytes or an onnx.ModelProto, got int"),
    (lambda: prep_onnx.embed("model.onnx", pipeline=3), UsageError, "pipeline: is of another type: expected a Pipeline, a name or a config file, got int"),
]
OF_NAMES = [
    (lambda: Pipeline("clip"), ConfigError, "got 'clip'\n  fix: Pipeline.from_preset"),
    (lambda: Pipeline([1]), ConfigError, "steps: is no pipeline: expected a dict with a list of steps, or its JSON, got list"),
    (lambda: Pipeline.from_preset("clipp"), ConfigError, "did you mean clip"),
    (lambda: Pipeline.from_torchvision("ResNet50"), ConfigError, "ResNet50_Weights.IMAGENET1K_V1"),
    (lambda: Pipeline.from_torchvision("mobilenet_v3_smal"), ConfigError, "fix: "),
    (lambda: Pipeline.from_timm("resnet18x"), ConfigError, "did you mean resnet18"),
    (lambda: Pipeline.from_torchvision(None), ConfigError, "transforms: are none of torchvision: expected weights, their transforms() or a Compose, got NoneType"),
    (lambda: Pipeline.from_open_clip(3), ConfigError, "model: is none of open_clip"),
    (lambda: Pipeline.from_timm(3), ConfigError, "model: is none of timm: expected a model, a data config or a name, got int"),
    (lambda: Pipeline.from_huggingface(3), ConfigError, "processor: is none of transformers: expected an image processor, a dict or an id, got int"),
    (lambda: Pipeline.from_model("absent.onnx"), IoError, "absent.onnx: cannot be read"),
    (lambda: prep_onnx.inspect("absent.onnx"), IoError, "fix: check the path of the model"),
]


@pytest.mark.parametrize("does, kind, words", [*OF_IMAGES, *OF_ARGUMENTS, *OF_NAMES])
def test_an_error_says_what_is_wrong_and_what_to_do(does, kind, words):
    with pytest.raises(kind) as raised:
        does()
    assert words in str(raised.value), str(raised.value)


@pytest.mark.parametrize("module, library, words", [("transformers", "transformers", "pip install transformers"), ("ray", "ray", "pip install 'ray[data]'")])
def test_a_module_of_another_library_says_how_to_get_it(module, library, words):
    # Also where the library is there: it is hidden.
    code = f"import sys; sys.modules[{library!r}] = None; import prep_onnx.{module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode != 0 and f"prep_onnx.{module} needs" in done.stderr and words in done.stderr, done.stderr


def test_a_folder_may_be_a_path(demo):
    """`pathlib.Path` names a folder as text does; a missing file is an item either way."""
    folder = demo[0].parent
    as_text = [batch.ids for batch in Loader(str(folder))]
    assert as_text and as_text == [batch.ids for batch in Loader(folder)] == [batch.ids for batch in Loader([folder])]
    (batch,) = Loader(folder / "absent.jpg")
    assert [item.error for item in batch.items] == ["io"]


def test_an_id_that_no_preset_has_needs_transformers(monkeypatch, tmp_path):
    for name, words in (("nobody/nothing", "is not known"), (str(tmp_path), "is a folder")):
        # Also where the library is there: it is hidden.
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(ConfigError, match=words) as raised:
            Pipeline.from_huggingface(name)
        assert "pip install transformers" in str(raised.value)
