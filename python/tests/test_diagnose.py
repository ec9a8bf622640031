"""What another program does otherwise, from one tensor of it."""

import io

import numpy as np
import prep_onnx
import pytest
from conftest import drawn, required
from prep_onnx import Pipeline, diagnose

#: A photo: in noise alone, no arrangement shows.
Y, X, C = np.indices((240, 360, 3))
PHOTO = (127 + 80 * np.sin(X / 19 + C) + 40 * np.cos(Y / 13) + 8 * np.sin(X * Y / 500)).astype(np.uint8)
MEANT = Pipeline.from_preset("imagenet")


MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


def pixels():
    return np.rint((MEANT(PHOTO) * STD + MEAN) * 255)


def mistakes(found):
    return [finding.mistake for finding in found.findings]


def test_what_is_equal_is_said_to_be():
    tensor = MEANT(PHOTO)
    for given in (tensor, tensor[0], list(tensor), {"pixel_values": tensor}, tensor.astype(np.float64)):
        found = diagnose(PHOTO, given, MEANT)
        assert found.equal and found.explained and found.findings == () and found.left_max_lsb == 0
    assert str(found) == "equal: every bit of the tensor is the pipeline's"
    assert found.picture.dtype == np.uint8 and found.picture.ndim == 3 and found.picture.shape[2] == 3


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda: MEANT(np.ascontiguousarray(PHOTO[:, :, ::-1])), "channel_order"),
        (lambda: MEANT(PHOTO).astype(np.float16).astype(np.float32), "float16"),
        (lambda: MEANT(PHOTO).astype(np.float16), "element_type"),
        (lambda: np.moveaxis(MEANT(PHOTO), 1, 3), "layout"),
        (lambda: (pixels() / 255 / 255 - MEAN) / STD, "rescale_twice"),
        (lambda: (pixels() - MEAN) / STD, "rescale_missing"),
        (lambda: (pixels() / 255) / STD, "mean_missing"),
        (lambda: (pixels() / 255 - MEAN[::-1]) / STD[::-1], "constants_order"),
        (lambda: MEANT(np.ascontiguousarray(PHOTO[::-1])), "orientation"),
        (lambda: Pipeline.from_preset("imagenet", resampler="opencv")(PHOTO), "antialias"),
    ],
)
def test_a_mistake_is_named(wrong, expected):
    found = diagnose(PHOTO, wrong(), MEANT)
    assert not found.equal and expected in mistakes(found), str(found)
    assert all(finding.text for finding in found.findings)
    lines = str(found).splitlines()
    assert lines[0] == "differs: the tensor is not the pipeline's" and len(lines) == len(found.findings) + 2


def test_what_is_no_pipeline_is_not_accounted_for():
    found = diagnose(PHOTO, MEANT(PHOTO) + np.random.default_rng(0).random((1, 3, 224, 224), np.float32), MEANT)
    assert not found.equal and not found.explained and found.left_max_lsb > 1
    assert "does not account for all" in str(found)


def test_the_pipeline_of_a_model_a_preset_or_a_file(model, tmp_path):
    embedded = prep_onnx.embed(model, tmp_path / "out.onnx", pipeline="clip", load=False)
    inside = Pipeline.from_model(embedded)
    assert inside == Pipeline.from_model(embedded.read_bytes())
    tensor = Pipeline.from_preset("clip")(PHOTO)
    (tmp_path / "clip.toml").write_text(inside.to_toml())
    for meant in (inside, "clip", "openai/clip-vit-base-patch32", tmp_path / "clip.toml"):
        assert diagnose(PHOTO, tensor, meant).equal
    with pytest.raises(prep_onnx.ModelError, match="has no embedded pipeline"):
        Pipeline.from_model(model)
    with pytest.raises(prep_onnx.ConfigError, match="clipp"):
        diagnose(PHOTO, tensor, "clipp")


def test_photos_as_files(demo, tmp_path):
    batch = next(iter(prep_onnx.Loader(demo[:1])))
    tensor = MEANT(batch)
    for photo in (demo[0], str(demo[0]), demo[0].read_bytes(), batch.images[0], batch.images[0][None]):
        assert diagnose(photo, tensor, MEANT).equal
    try:
        from PIL import Image
    except ImportError:
        required("pillow")
    assert diagnose(Image.open(demo[0]), tensor, MEANT).equal
    stored = io.BytesIO()
    Image.fromarray(PHOTO).save(stored, "png")
    assert diagnose(stored.getvalue(), MEANT(PHOTO), MEANT).equal


def test_what_cannot_be_compared_is_an_error(tmp_path):
    tensor = MEANT(PHOTO)
    with pytest.raises(prep_onnx.ImageError, match=r"absent.png: cannot be read"):
        diagnose(tmp_path / "absent.png", tensor, MEANT)
    with pytest.raises(prep_onnx.ImageError, match="no image"):
        diagnose(b"no image", tensor, MEANT)
    with pytest.raises(prep_onnx.ImageError, match="not finite"):
        diagnose(PHOTO, np.full_like(tensor, np.nan), MEANT)
    with pytest.raises(prep_onnx.ImageError, match="shows no part of the photo"):
        diagnose(PHOTO, np.full((1, 3, 50, 50), 7, np.uint8), MEANT)
    with pytest.raises(prep_onnx.UsageError, match="tensor: is no array that can be read: expected .*, got int64"):
        diagnose(PHOTO, np.zeros((3, 8, 8), np.int64), MEANT)
    with pytest.raises(prep_onnx.PrepOnnxError):
        diagnose(PHOTO, np.concatenate([tensor, tensor]), MEANT)
    with pytest.raises(prep_onnx.ImageError, match="image: has another shape"):
        diagnose(np.stack([PHOTO, PHOTO]), tensor, MEANT)
    with pytest.raises(prep_onnx.ImageError, match="expected uint8, got float64"):
        diagnose(drawn(8, 8) / 255, tensor, MEANT)
