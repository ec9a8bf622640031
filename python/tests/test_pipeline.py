"""Pipelines on arrays: the recorded bits of the libraries, forms of input and output, threads, processes."""

import concurrent.futures
import hashlib
import json
import multiprocessing
import pathlib
import pickle
import re
import threading

import numpy as np
import prep_onnx
import pytest
from conftest import SIZES, drawn, required
from prep_onnx import Pipeline

GOLDENS = json.loads(pathlib.Path(__file__).with_name("goldens.json").read_text())


def sha(tensor: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(tensor).tobytes()).hexdigest()


@pytest.mark.parametrize("golden", GOLDENS["cases"], ids=lambda golden: golden["name"])
def test_bits_of_the_libraries(golden):
    """What transformers, timm and torchvision gave when they were asked (make_goldens.py)."""
    if "preset" in golden:
        pipeline = Pipeline.from_preset(golden["preset"])
    else:
        pipeline = Pipeline.from_huggingface(golden["config"], resampler=golden["resampler"])
    for size, expected in golden["sha256"].items():
        height, width = map(int, size.split("x"))
        assert sha(pipeline(drawn(height, width))) == expected, size


def test_a_list_of_mixed_sizes_is_its_images():
    for pipeline in (Pipeline.from_preset("clip"), Pipeline.from_preset("rt-detr"), Pipeline.from_preset("timm-0.95")):
        images = [drawn(*size) for size in SIZES]
        for threads in (1, 3):
            together = pipeline(images, threads=threads)
            assert together.shape[0] == len(images)
            for index, image in enumerate(images):
                assert np.array_equal(together[index : index + 1], pipeline(image))


def test_a_batch_of_one_size_and_a_list_are_equal():
    pipeline = Pipeline.from_preset("vit")
    batch = np.stack([drawn(60, 80, seed) for seed in range(5)])
    assert np.array_equal(pipeline(batch), pipeline(list(batch)))
    assert np.array_equal(pipeline(batch[:1]), pipeline(batch[0]))
    assert pipeline([]).shape == (0, 3, 224, 224)


def test_images_that_depend_on_the_size_need_one_size():
    steps = {"steps": [{"step": "resize", "size": {"shortest_edge": 32}, "filter": "bilinear", "resampler": "pillow"}]}
    pipeline = Pipeline(steps)
    assert pipeline.output_size is None
    assert pipeline([drawn(40, 80), drawn(40, 80, 1)]).shape == (2, 3, 32, 64)
    with pytest.raises(prep_onnx.ImageError, match="depends on the image"):
        pipeline([drawn(40, 80), drawn(80, 40)])


def test_pixels_of_another_order_are_taken():
    pipeline = Pipeline.from_preset("imagenet")
    image = drawn(90, 70)
    for view in (image[::-1, ::-1], np.asfortranarray(image), image[:, 10:60]):
        assert np.array_equal(pipeline(view), pipeline(np.ascontiguousarray(view)))


def test_contiguous_pixels_are_not_copied():
    """The memory that NumPy has in use during a call is that of the tensor."""
    import tracemalloc

    pipeline = Pipeline.from_preset("clip")
    image = np.zeros((3000, 4000, 3), np.uint8)
    out = np.empty((1, 3, 224, 224), np.float32)
    pipeline(image, out=out)
    tracemalloc.start()
    pipeline(image, out=out)
    pipeline([image[:1500], image[1500:]])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000, peak


def test_the_process_does_not_copy_them_either():
    """The largest memory of the process, which has what the kernels allocate, too."""
    status, clear = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")
    if not clear.exists():
        required("Linux's /proc")
    # Of the engine of one pass, and of the one that goes stage by stage.
    pipelines = Pipeline.from_preset("clip"), Pipeline.from_preset("yolo")
    image = np.full((4000, 5000, 3), 7, np.uint8)

    def kilobytes(name):
        return int(re.search(rf"{name}:\s+(\d+) kB", status.read_text())[1])

    for one in pipelines:
        for images in (image, image[None], [image[:2000], image[2000:]]):
            one(images, threads=1)
            clear.write_text("5")
            before = kilobytes("VmRSS")
            one(images, threads=1)
            assert kilobytes("VmHWM") - before < image.nbytes // 1024 // 4


def test_an_array_for_the_tensor():
    pipeline = Pipeline.from_preset("clip")
    out = np.empty((2, 3, 224, 224), np.float32)
    images = [drawn(30, 40), drawn(50, 20)]
    assert pipeline(images, out=out) is out
    assert np.array_equal(out, pipeline(images))
    for wrong in (np.empty((1, 3, 224, 224), np.float32), out.astype(np.float64), np.asfortranarray(out)):
        with pytest.raises(prep_onnx.UsageError, match="out: does not fit the tensor: expected float32"):
            pipeline(images, out=wrong)
    out.flags.writeable = False
    with pytest.raises(Exception):
        pipeline(images, out=out)


def test_further_outputs():
    found = Pipeline.from_preset("clip")([drawn(100, 200), drawn(300, 150)], outputs=["geometry", "mask", "sizes"])
    assert list(found) == ["tensor", "geometry", "mask", "sizes"]
    assert found["geometry"].dtype == np.float32 and found["geometry"][:, :2].tolist() == [[100, 200], [300, 150]]
    assert found["mask"].shape == (2, 224, 224) and found["mask"].dtype == np.int64
    with pytest.raises(prep_onnx.PrepOnnxError):
        Pipeline.from_preset("clip")(drawn(4, 4), outputs=["boxes"])


def test_what_is_no_image():
    pipeline = Pipeline.from_preset("clip")
    for wrong, words in (
        (drawn(10, 10).astype(np.float32), "expected uint8, got float32"),
        (drawn(10, 20).transpose(2, 0, 1), "put the channels last"),
        ([drawn(10, 10), "photo.jpg"], r"images\[1\]: is the name of a file"),
        ("photo.jpg", "images: is the name of a file"),
        (pathlib.Path("photo.jpg"), "PIL.Image.open"),
        (b"\xff\xd8", "images: is 2 bytes without a shape"),
        ([[drawn(10, 10)], [drawn(5, 5)]], r"images\[0\]: is a list"),
        ([np.zeros((0, 10, 3), np.uint8)], r"images\[0\]: has"),
        (np.zeros((0, 10, 3), np.uint8), "^images: has no pixels"),
        (None, "images: is None"),
    ):
        with pytest.raises(prep_onnx.ImageError, match=words):
            pipeline(wrong)
    for threads in (0, -1, "2", 2**70):
        with pytest.raises(prep_onnx.UsageError, match="threads"):
            pipeline(drawn(4, 4), threads=threads)


@pytest.mark.parametrize("shape", [(10, 9), (10, 9, 1), (2, 10, 9, 1), (10, 9, 4), (2, 10, 9, 4), (3, 10, 9), (2, 3, 10, 9), (2, 2, 10, 9, 3)])
def test_advice_on_shapes_works_when_followed(shape):
    pipeline = Pipeline.from_preset("clip")
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    with pytest.raises(prep_onnx.ImageError, match="has another shape") as raised:
        pipeline(image)
    advice = re.search(r"(numpy\.\w+\(.*\)|image\[.*?\]|image\.reshape\(.*\))", raised.value.fix)
    assert pipeline(eval(advice[1], {"numpy": np, "image": image})).shape[1:] == (3, 224, 224)


def test_iterators_and_names_of_outputs():
    pipeline = Pipeline.from_preset("clip")
    images = [drawn(30, 20), drawn(7, 50)]
    assert np.array_equal(pipeline(iter(images)), pipeline(images))
    found = pipeline((image for image in images), outputs="geometry")
    assert list(found) == ["tensor", "geometry"] and found["geometry"][:, :2].tolist() == [[30, 20], [7, 50]]


def test_names_and_files(tmp_path):
    assert Pipeline.from_open_clip("ViT-B-32", "openai") == Pipeline.from_open_clip("ViT-B-32/openai")
    with pytest.raises(prep_onnx.ConfigError, match="did you mean clip"):
        Pipeline.from_preset("clipp")
    file = tmp_path / "p.toml"
    clip = Pipeline.from_preset("clip")
    file.write_text(clip.to_toml())
    again = Pipeline.from_file(file)
    assert again == clip and hash(again) == hash(clip) and Pipeline(clip.to_dict()) == clip
    file.write_text("x = 1")
    with pytest.raises(prep_onnx.ConfigError, match=re.escape(str(file))):
        Pipeline.from_file(file)
    with pytest.raises(OSError):
        Pipeline.from_file(tmp_path / "absent.json")


def test_output_forms():
    pipeline = Pipeline.from_preset("clip")
    image = drawn(40, 50)
    last = pipeline.with_output(layout="nhwc", dtype="float16")
    assert last.layout == "nhwc" and last.dtype == np.float16
    assert np.array_equal(last(image), pipeline(image).transpose(0, 2, 3, 1).astype(np.float16))


def test_images_of_pillow():
    image = pytest.importorskip("PIL.Image")
    pipeline = Pipeline.from_preset("clip")
    pixels = drawn(40, 50)
    made = image.fromarray(pixels)
    assert np.array_equal(pipeline(made), pipeline(pixels))
    assert np.array_equal(pipeline([made, made.convert("L")])[1:], pipeline(np.asarray(made.convert("L").convert("RGB"))))


def test_transparent_pixels_of_pillow_lie_over_the_background():
    image = pytest.importorskip("PIL.Image")
    made = image.fromarray(np.dstack([drawn(40, 50), drawn(40, 50, 1)[..., 0]]))
    over = image.alpha_composite(image.new("RGBA", made.size, (255, 255, 255, 255)), made).convert("RGB")
    clip, imagenet = Pipeline.from_preset("clip"), Pipeline.from_preset("imagenet")
    assert clip.to_dict()["background"] == [255, 255, 255] and "background" not in imagenet.to_dict()
    assert np.array_equal(clip(made), clip(over)) and not np.array_equal(clip(made), clip(made.convert("RGB")))
    assert np.array_equal(imagenet(made), imagenet(made.convert("RGB")))
    keyed = image.fromarray(drawn(40, 50))
    keyed.info["transparency"] = keyed.getpixel((3, 4))
    assert np.array_equal(clip(keyed), clip(image.alpha_composite(image.new("RGBA", keyed.size, (255, 255, 255, 255)), keyed.convert("RGBA")).convert("RGB")))


def test_eight_threads_at_once():
    pipeline = Pipeline.from_preset("clip")
    images = [drawn(64 + seed, 48, seed) for seed in range(8)]
    expected = [pipeline(image) for image in images]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for got, want in zip(pool.map(pipeline, images), expected, strict=True):
                assert np.array_equal(got, want)


def test_the_gil_is_released():
    """Another thread counts on while pixels are worked on."""
    pipeline = Pipeline.from_preset("clip")
    images = np.zeros((8, 2000, 2000, 3), np.uint8)
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    before = counted[0]
    pipeline(images, threads=1)
    during = counted[0] - before
    stop.set()
    thread.join()
    assert during > 100, during


def work(pipeline, image):
    return sha(pipeline(image, threads=2))


@pytest.mark.parametrize("method", sorted(set(multiprocessing.get_all_start_methods()) & {"fork", "spawn"}))
def test_other_processes(method):
    pipeline = Pipeline.from_preset("clip")
    image = drawn(50, 60)
    expected = work(pipeline, image)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(work, [(pipeline, image)] * 4) == [expected] * 4
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline


def test_memory_does_not_grow():
    resource = pytest.importorskip("resource")
    pipeline = Pipeline.from_preset("clip")
    images = [drawn(9, 12), drawn(10, 8)]
    small = Pipeline.from_huggingface("openai/clip-vit-base-patch32", size=32)
    for count in (2_000, 100_000):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(count):
            small(images, threads=1, outputs=["geometry"])
    for _ in range(3000):
        pipeline(images, threads=1, outputs=["geometry"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096


def test_an_interrupt_leaves_the_pipeline_whole():
    import signal
    import time

    pipeline = Pipeline.from_preset("clip")
    images = np.zeros((16, 1000, 1000, 3), np.uint8)
    expected = pipeline(images)
    # Whoever starts the tests in the background may have it ignored.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
            end = time.monotonic() + 20
            while time.monotonic() < end:
                pipeline(images)
    finally:
        signal.signal(signal.SIGINT, former)
    assert np.array_equal(pipeline(images), expected)
