"""Learning from a callable."""

import numpy as np
import prep_onnx
import pytest
from conftest import drawn
from prep_onnx import Pipeline, learn


def test_a_callable_is_learned():
    other = Pipeline.from_preset("imagenet")
    told = []
    learned = learn(lambda image: {"pixel_values": other(image)}, progress=lambda *words: told.append(words))
    image = drawn(333, 217)
    assert np.array_equal(learned.pipeline(image), other(image))
    assert learned.probes <= 60 and learned.confirmed >= 12 and told


def test_what_is_no_pipeline_is_refused():
    with pytest.raises(prep_onnx.PrepOnnxError, match="the callable"):
        learn(lambda image: np.random.default_rng().random((3, 8, 8), np.float32))
    with pytest.raises(prep_onnx.PrepOnnxError, match="expected an array of float32, float16 or uint8, got"):
        learn(lambda image: "tensor")


def test_what_it_raises_arrives():
    def call(image):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(call)
    with pytest.raises(prep_onnx.UsageError, match="images: is unknown"):
        learn(call, images="paths")
