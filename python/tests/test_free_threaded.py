"""Many threads on the same objects at once; in a Python without the GIL they do run at once, and it stays off."""

import concurrent.futures
import sys
import sysconfig

import numpy as np
import pytest
from conftest import drawn, required
from prep_onnx import Loader, Pipeline

THREADS = 8


def at_once(work):
    """What each of eight threads gets from `work(number)`."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


def test_the_gil_stays_off():
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        required("a Python without the GIL")
    assert not sys._is_gil_enabled()


def test_one_pipeline():
    """Its engines are made at the first call: all threads come to it at once."""
    images = [drawn(40 + seed, 64, seed) for seed in range(THREADS)]
    expected = [Pipeline.from_preset("vit")(image) for image in images]
    for _ in range(20):
        pipeline = Pipeline.from_preset("vit")

        def work(number, pipeline=pipeline):
            tensor = pipeline(images[number])
            further = pipeline([images[number], images[0]], outputs=["geometry"], threads=2)
            return tensor, further["tensor"]

        for number, (tensor, further) in enumerate(at_once(work)):
            assert np.array_equal(tensor, expected[number])
            assert np.array_equal(further, np.concatenate([expected[number], expected[0]]))


def test_loaders_of_many_threads(demo):
    pixels = [image.tobytes() for batch in Loader(demo) for image in batch.images]
    loader = Loader(demo, batch_size=2, threads=2)

    def work(_):
        return [image.tobytes() for batch in loader for image in batch.images]

    assert at_once(work) == [pixels] * THREADS


def test_one_pass_that_many_threads_draw_from(demo):
    """Each batch goes to one of them, and none is lost; the sources come from a generator."""
    from prep_onnx import _native

    native = _native.Loader((file for _ in range(20) for file in demo), batch_size=3, threads=2)

    def work(_):
        mine = []
        while (parts := native.next()) is not None:
            mine.append(parts[0])
        return mine

    indices = sorted(index for mine in at_once(work) for index in mine)
    assert indices == list(range(len(demo) * 20 // 3))
    native.close()


def test_configs_and_errors():
    def work(number):
        with pytest.raises(ValueError, match="did you mean clip"):
            Pipeline.from_preset("clipp")
        return Pipeline.from_preset(["clip", "vit"][number % 2]).to_toml()

    expected = [Pipeline.from_preset(name).to_toml() for name in ("clip", "vit")] * (THREADS // 2)
    assert at_once(work) == expected
