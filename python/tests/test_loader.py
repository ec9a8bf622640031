"""The loader: sources, errors, views, passes."""

import multiprocessing
import pathlib
import signal
import threading
import time

import numpy as np
import prep_onnx
import pytest
from conftest import ROOT
from prep_onnx import Loader, Pipeline


def test_a_folder_in_batches(demo):
    folder = demo[0].parent
    batches = list(Loader(str(folder), batch_size=5, threads=2))
    ids = [id for batch in batches for id in batch.ids]
    assert ids == sorted(ids) and len(ids) == len(list(folder.glob("*.png")) + list(folder.glob("*.jp*g")))
    assert [batch.index for batch in batches] == list(range(len(batches)))


def test_views_share_the_buffer(demo):
    batch = next(iter(Loader(demo, batch_size=6)))
    assert len(batch.images) == len(batch) == 6
    assert all(np.shares_memory(image, batch.pixels) for image in batch.images)
    one_size = next(iter(Loader([demo[0]] * 3)))
    assert one_size.array.shape == (3, *one_size.images[0].shape)
    assert np.shares_memory(one_size.array, one_size.pixels)
    pipeline = Pipeline.from_preset("clip")
    assert np.array_equal(pipeline(batch), pipeline(batch.images))
    assert np.array_equal(pipeline(batch, threads=2), np.concatenate([pipeline(image) for image in batch.images]))


def test_pixels_are_those_of_pillow(demo):
    image = pytest.importorskip("PIL.Image")
    files = [*demo, *sorted((ROOT / "loader/tests/corpus/jpeg").glob("*.jpg"))[:20]]
    ops = pytest.importorskip("PIL.ImageOps")
    for batch in Loader(files, batch_size=8):
        for id, pixels in zip(batch.ids, batch.images, strict=True):
            assert np.array_equal(pixels, np.asarray(ops.exif_transpose(image.open(id)).convert("RGB"))), id


def test_what_cannot_be_read_is_an_item(demo, tmp_path):
    data = demo[0].read_bytes()
    absent = tmp_path / "absent.jpg"
    sources = [demo[0], absent, data, ("cut", data[: len(data) // 2]), ("upload", demo[1]), b"no image"]
    batch = next(iter(Loader(sources)))
    assert [item.id for item in batch.items] == [str(demo[0]), str(absent), "2", "cut", "upload", "5"]
    assert [item.error for item in batch.errors] == ["io", "truncated", "not_an_image"]
    assert str(absent) in batch.errors[0].message
    assert batch.ids == [str(demo[0]), "2", "upload"] and len(batch.images) == 3
    assert np.array_equal(batch.images[0], batch.images[1])


def test_every_pass_begins_anew_and_a_generator_is_drawn_from(demo):
    loader = Loader(demo, batch_size=2)
    assert [b.ids for b in loader] == [b.ids for b in loader]
    drawn = []

    def sources():
        for index in range(1000):
            drawn.append(index)
            yield demo[index % len(demo)]

    batches = iter(Loader(sources(), batch_size=4, threads=1, queue_images=8))
    next(batches)
    assert len(drawn) < 100
    batches.close()


def test_what_a_generator_raises_arrives():
    def sources():
        raise KeyError("lost")
        yield

    with pytest.raises(KeyError, match="lost"):
        list(Loader(sources()))
    with pytest.raises(prep_onnx.UsageError, match="is no source"):
        list(Loader([3.5]))
    with pytest.raises(prep_onnx.IoError, match="matches no file"):
        list(Loader("/no/such/*.png"))
    for name in ("batch_size", "threads", "queue_images", "queue_bytes"):
        for value in (0, -1, 2**70, "2", 1.5):
            with pytest.raises(prep_onnx.UsageError, match=name):
                Loader([], **{name: value})


def test_a_batch_outlives_its_loader(demo):
    batch = next(iter(Loader(demo)))
    before = batch.pixels.copy()
    for _ in range(3):
        list(Loader(demo))
    assert np.array_equal(batch.pixels, before)
    assert isinstance(pathlib.Path(batch.ids[0]), pathlib.Path)


def test_an_interrupt_does_not_wait_for_the_batch(demo):
    """Ctrl-C while a batch is decoded that takes long."""
    loader = Loader([demo[0]] * 2000, batch_size=2000, threads=1)
    start = time.monotonic()
    assert len(next(iter(loader))) == 2000
    whole = time.monotonic() - start
    # Whoever starts the tests in the background may have it ignored.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(whole / 20, signal.raise_signal, [signal.SIGINT]).start()
            start = time.monotonic()
            next(iter(loader))
    finally:
        signal.signal(signal.SIGINT, former)
    assert time.monotonic() - start < whole / 2
    assert len(next(iter(Loader(demo)))) == len(demo)


def images_of(files):
    return [image.tobytes() for batch in Loader(files, batch_size=2, threads=2) for image in batch.images]


@pytest.mark.parametrize("method", sorted(set(multiprocessing.get_all_start_methods()) & {"fork", "spawn"}))
def test_loaders_of_other_processes(method, demo):
    """Also after this process had threads of one."""
    expected = images_of(demo)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(images_of, [demo] * 3) == [expected] * 3
