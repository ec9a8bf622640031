"""The backend for transformers, through AutoImageProcessor, with the transformers that is installed."""

import copy
import json
import logging
import pickle
import random

import numpy as np
import prep_onnx.transformers as prep
from prep_onnx import _class_outputs
import pytest
import torch
import transformers
from PIL import Image
from prep_onnx import ConfigError, Pipeline
from transformers import AutoImageProcessor

from drawing import drawn  # noqa: I001

PHOTO = Image.fromarray(drawn(333, 500))


def saved(tmp_path, processor):
    processor.save_pretrained(tmp_path)
    return str(tmp_path)


def same(ours, theirs):
    assert set(ours) == set(theirs)
    for key in theirs:
        assert type(ours[key]) is type(theirs[key]), key
        got, want = np.asarray(ours[key]), np.asarray(theirs[key])
        assert got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes(), key


@pytest.mark.parametrize("name", sorted({name.removesuffix("Pil") for name in prep.REGISTERED}))
def test_every_class_that_is_registered(name, tmp_path):
    """Loaded by name, called as transformers is called: a photo, and a list of two."""
    base = getattr(transformers, name, None) or getattr(transformers, f"{name}Pil")
    folder = saved(tmp_path, base())
    for backend, own in (("prep", "torchvision"), ("prep-pil", "pil")):
        if (name if own == "torchvision" else f"{name}Pil") not in prep.REGISTERED:
            continue
        ours = AutoImageProcessor.from_pretrained(folder, backend=backend)
        theirs = AutoImageProcessor.from_pretrained(folder, backend=own)
        # A class that has no backend of torchvision has the other one under both names.
        assert ours.backend == (backend if prep._is_torchvision(type(theirs)) else "prep-pil"), name
        for images in (PHOTO, [PHOTO, Image.fromarray(drawn(333, 500, 1))]):
            for tensors in ("pt", "np"):
                same(ours(images=images, return_tensors=tensors), theirs(images=images, return_tensors=tensors))


def test_others_stay_with_transformers(tmp_path, caplog):
    names = [name for name in dir(transformers) if name.endswith("ImageProcessor") and name not in prep.CLASSES]
    assert "LlavaNextImageProcessor" in names
    folder = saved(tmp_path, transformers.LlavaNextImageProcessor())
    transformers.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        found = AutoImageProcessor.from_pretrained(folder, backend="prep")
    assert found.backend == "torchvision" and "LlavaNextImageProcessor was not found equal" in caplog.text
    same(found(PHOTO, return_tensors="pt"), transformers.LlavaNextImageProcessor()(PHOTO, return_tensors="pt"))
    assert found.to_dict()["image_processor_type"] == "LlavaNextImageProcessor"


def test_overrides_and_what_is_handed_over(tmp_path):
    folder = saved(tmp_path, transformers.CLIPImageProcessor())
    ours, theirs = (AutoImageProcessor.from_pretrained(folder, backend=backend) for backend in ("prep", "torchvision"))
    array = np.asarray(PHOTO)
    gray = PHOTO.convert("L")
    rgba = Image.fromarray(np.dstack([array, drawn(333, 500, 5)[:, :, 0]]))
    for images in (array, [array, PHOTO], gray, rgba, PHOTO.convert("P"), torch.from_numpy(array).permute(2, 0, 1), array[:, :, :1]):
        same(ours(images, return_tensors="pt"), theirs(images, return_tensors="pt"))
    for options in (
        {"do_normalize": False},
        {"size": {"shortest_edge": 64}, "crop_size": {"height": 48, "width": 56}},
        {"do_resize": False, "do_center_crop": False},
        {"resample": 2},
        {"image_mean": [0.1, 0.2, 0.3], "image_std": (0.5, 0.6, 0.7)},
        {"do_rescale": False, "do_normalize": False},
        {"data_format": "channels_last"},
        {"device": "cpu"},
    ):
        try:
            expected = theirs(PHOTO, return_tensors="pt", **options)
        except Exception as error:
            with pytest.raises(type(error)):
                ours(PHOTO, return_tensors="pt", **options)
            continue
        same(ours(PHOTO, return_tensors="pt", **options), expected)
    # Attributes count when they are set, and changed in their place.
    for processor in (ours, theirs):
        processor.image_mean = [0.0, 0.0, 0.0]
        processor.size["shortest_edge"] = 100
    same(ours(PHOTO, return_tensors="pt"), theirs(PHOTO, return_tensors="pt"))
    assert [type(one) for one in ours([PHOTO, PHOTO])["pixel_values"]] == [torch.Tensor] * 2


def test_copies_and_files(tmp_path):
    folder = saved(tmp_path / "a", transformers.CLIPImageProcessor())
    ours = AutoImageProcessor.from_pretrained(folder, backend="prep")
    expected = ours(PHOTO, return_tensors="np")
    for made in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), prep.wrap(transformers.CLIPImageProcessor())):
        same(made(PHOTO, return_tensors="np"), expected)
    saved(tmp_path / "b", ours)
    assert json.loads((tmp_path / "b/preprocessor_config.json").read_text())["image_processor_type"] == "CLIPImageProcessor"
    same(AutoImageProcessor.from_pretrained(str(tmp_path / "b"), backend="torchvision")(PHOTO, return_tensors="np"), expected)


def test_another_version_is_compared_when_it_is_wrapped(monkeypatch):
    """What a class of one name does changes: here other values, another key."""
    monkeypatch.setitem(prep.TABLE, "transformers", "0.0")
    own = transformers.CLIPImageProcessor.preprocess
    prep.wrap(transformers.CLIPImageProcessor())
    for change, words in (
        (lambda found: {"pixel_values": found["pixel_values"] + 1}, "pixel_values of an image of 37 x 53 has other bits"),
        (lambda found: {**found, "pixel_mask": 1}, "its keys are pixel_mask, pixel_values and not pixel_values"),
    ):
        monkeypatch.setattr(transformers.CLIPImageProcessor, "preprocess", lambda *given, change=change, **options: change(own(*given, **options)))
        with pytest.raises(ConfigError, match=words):
            prep.wrap(transformers.CLIPImageProcessor())


@pytest.mark.parametrize(
    "name", ["BridgeTower", "CLIP", "ConditionalDetr", "Eomt", "Flava", "GotOcr2", "Idefics3", "LayoutLMv3", "Ovis2", "Segformer", "Siglip2", "Vivit"]
)
def test_other_switches_than_the_class_has(name):
    """With each switch turned: another key, another shape, or a call of the class itself, but no other result."""
    base = getattr(transformers, f"{name}ImageProcessor")
    if base.__name__ not in prep.CLASSES:
        pytest.skip("is not registered")
    switches = [key for key, value in base().to_dict().items() if isinstance(value, bool)]
    assert switches
    for switch in switches:
        processor = base(**{switch: not getattr(base(), switch)})
        ours = prep._restored(base, copy.deepcopy(processor.__dict__))
        for images in (PHOTO, [PHOTO, Image.fromarray(drawn(333, 500, 1))]):
            kind = "pt" if prep._is_torchvision(base) else "np"
            # A processor that draws what is masked draws the same.
            random.seed(0)
            try:
                theirs = processor(images, return_tensors=kind)
            except Exception as error:
                with pytest.raises(type(error)):
                    ours(images, return_tensors=kind)
                continue
            # The comparison at the first call may draw, too.
            ours(images, return_tensors=kind)
            random.seed(0)
            same(ours(images, return_tensors=kind), theirs)


def test_a_key_that_a_switch_takes_away(caplog):
    """DETR without padding has no mask: what the class was found to give does not hold for every config of it."""
    processor = transformers.DetrImageProcessor(do_pad=False)
    assert set(processor(PHOTO, return_tensors="pt")) == {"pixel_values"}
    with pytest.raises(ConfigError, match="DetrImageProcessor: is not equal with these attributes: its keys are pixel_values and not"):
        prep.wrap(processor)
    ours = prep._restored(transformers.DetrImageProcessor, copy.deepcopy(processor.__dict__))
    transformers.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        same(ours(PHOTO, return_tensors="pt"), processor(PHOTO, return_tensors="pt"))
    assert "DetrImageProcessor itself is called" in caplog.text


def test_torch_on_one_thread_and_small_results():
    """Its bilinear without antialiasing has other bits there: the class itself is called."""
    for base in (transformers.DepthProImageProcessor, transformers.RfDetrImageProcessor):
        own = base()
        assert _class_outputs.differs_on_one_thread(Pipeline.from_huggingface(own))
        edges = {"height": 60, "width": 68}, {"height": 60, "width": 69}
        for threads in (2, 1):
            former = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                for options in ({}, *({"size": size} for size in edges)):
                    processor = base(**options)
                    same(prep.wrap(processor)(PHOTO, return_tensors="pt"), processor(PHOTO, return_tensors="pt"))
            finally:
                torch.set_num_threads(former)


def test_live_objects():
    for processor in (transformers.CLIPImageProcessor(), transformers.CLIPImageProcessorPil(), transformers.ViTImageProcessor(size=96)):
        tensors = "pt" if processor.backend == "torchvision" else "np"
        want = np.asarray(processor(PHOTO, return_tensors=tensors)["pixel_values"])
        assert Pipeline.from_huggingface(processor)(PHOTO).tobytes() == want.tobytes()
    assert Pipeline.from_huggingface("openai/clip-vit-base-patch32").output_size == (224, 224)
