"""Repositories for Triton: the server's own schema, and a batcher that puts requests together as the server does."""

import json
import pathlib
import random
import subprocess
import sys

import numpy as np
import prep_onnx
import pytest
from conftest import ROOT, drawn, required
from prep_onnx import Pipeline

SHAPES = ROOT / "models/zoo/shapes-cnn.onnx"


def schema():
    try:
        from google.protobuf import text_format
        from tritonclient.grpc import model_config_pb2
    except ImportError:
        required("tritonclient")

    def parse(folder: pathlib.Path):
        return text_format.Parse((folder / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())

    return parse


def exported(tmp_path, model=SHAPES, pipeline=None, **options):
    embed = {key: options.pop(key) for key in ("accept", "lower", "outputs", "single_file") if key in options}
    # Without a runtime's word, since some of these need the library.
    embedded = prep_onnx.embed(model, tmp_path / "m.prep.onnx", pipeline=pipeline or Pipeline.from_preset("imagenet"), load=False, **embed)
    answer = prep_onnx.export_triton(embedded, tmp_path / "repo", **options)
    return tmp_path / "repo" / answer["name"], answer


class Server:
    """What a server does with requests of a model: `dims`, ragged inputs, `reshape`, and one row of the answer for each."""

    def __init__(self, folder, config):
        import onnxruntime as ort

        options = ort.SessionOptions()
        if config.model_operations.op_library_filename:
            (library,) = config.model_operations.op_library_filename
            assert library == f"/models/{folder.name}/libprep_onnx_op.so"
            prep_onnx.register(options)
        self.session = ort.InferenceSession(str(folder / "1/model.onnx"), options)
        self.config = config
        for about, own in zip(config.input, self.session.get_inputs(), strict=True):
            assert about.name == own.name
            # What the server's backend checks when it loads a model.
            axes = len(about.dims) + (config.max_batch_size > 0)
            axes -= 1 if about.HasField("reshape") else 0
            assert len(own.shape) == (1 if about.allow_ragged_batch else axes)

    def infer(self, requests):
        feeds = {}
        for index, about in enumerate(self.config.input):
            rows = [request[index] for request in requests]
            for row in rows:
                assert row.shape[0] == 1 and all(want in (-1, got) for want, got in zip(about.dims, row.shape[1:], strict=True))
            if about.allow_ragged_batch:
                feed = np.concatenate([row.reshape(-1) for row in rows])
            else:
                feed = np.concatenate(rows)
            feeds[about.name] = feed.reshape(len(requests)) if about.HasField("reshape") else feed
        outputs = self.session.run([output.name for output in self.config.output], feeds)
        assert all(len(output) == len(requests) for output in outputs)
        return [[output[row] for output in outputs] for row in range(len(requests))]


def requests_of(form, demo):
    if form == "encoded":
        files = [np.frombuffer(path.read_bytes(), np.uint8) for path in demo]
        return [[file[None], np.array([[len(file)]], np.int64)] for file in files]
    images = [drawn(30 + 7 * index, 90 - 5 * index, index) for index in range(6)]
    if form == "batch":
        return [[drawn(40, 60, index)[None]] for index in range(6)]
    return [[image.reshape(1, -1), np.array([image.shape], np.int64)] for image in images]


@pytest.mark.parametrize("form", ["batch", "ragged", "encoded"])
def test_every_grouping_gives_the_rows_of_requests_alone(form, demo, tmp_path):
    """An identity, whose rows are the tensors themselves: a model's own sums may differ in the last bit with the batch."""
    parse = schema()
    folder, answer = exported(tmp_path, ROOT / "models/zoo/identity-224-opset18.onnx", accept=form)
    config = parse(folder)
    assert config.backend == "onnxruntime" and config.max_batch_size == answer["max_batch_size"] == 32
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    server = Server(folder, config)
    requests = requests_of(form, demo)
    alone = [server.infer([request])[0] for request in requests]
    draw = random.Random(7)
    for _ in range(12):
        order = draw.sample(range(len(requests)), draw.randint(1, len(requests)))
        for index, row in zip(order, server.infer([requests[index] for index in order]), strict=True):
            assert all(np.array_equal(got, want) for got, want in zip(row, alone[index], strict=True))
    pipeline = Pipeline.from_preset("imagenet")
    images = [request[0][0] for request in requests] if form == "batch" else None
    if images is not None:
        assert all(np.array_equal(row[0], pipeline(image)[0]) for row, image in zip(alone, images, strict=True))


@pytest.mark.parametrize("form", ["batch", "ragged", "encoded"])
@pytest.mark.parametrize("most", [0, 8])
def test_it_warms_up(form, most, tmp_path):
    """The files have the bytes of the tensors that they stand for, and the model takes them."""
    parse = schema()
    folder, _ = exported(tmp_path, accept=form, max_batch_size=str(most))
    config = parse(folder)
    assert config.max_batch_size == most and config.HasField("dynamic_batching") == (most > 0)
    (warmup,) = config.model_warmup
    feeds = {}
    for about in config.input:
        tensor = warmup.inputs[about.name]
        dtype = np.uint8 if tensor.data_type == about.data_type and "UINT8" in str(about) else np.int64
        shape = list(tensor.dims) if most == 0 or about.allow_ragged_batch else [1, *tensor.dims]
        shape = [1] if about.HasField("reshape") else shape
        if tensor.WhichOneof("input_data_type") == "input_data_file":
            data = np.fromfile(folder / "warmup" / tensor.input_data_file, dtype).reshape(shape)
        else:
            data = np.zeros(shape, dtype)
        feeds[about.name] = data
    import onnxruntime as ort

    options = ort.SessionOptions()
    prep_onnx.register(options)
    ort.InferenceSession(str(folder / "1/model.onnx"), options).run(None, feeds)


def test_files_and_client(tmp_path):
    folder, answer = exported(tmp_path)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(answer["files"])
    assert {"config.pbtxt", "1/model.onnx", "client.py", "libprep_onnx_op.so"} <= set(answer["files"])
    subprocess.run([sys.executable, "-m", "py_compile", str(folder / "client.py")], check=True)
    with pytest.raises(prep_onnx.IoError, match="is there already"):
        prep_onnx.export_triton(tmp_path / "m.prep.onnx", tmp_path / "repo")
    other = prep_onnx.export_triton(tmp_path / "m.prep.onnx", tmp_path / "repo", name="b", portable=True, container="/mnt/x/")
    assert "libprep_onnx_op.so" not in other["files"]
    assert "model_operations" not in (tmp_path / "repo/b/config.pbtxt").read_text()
    assert not list((tmp_path / "repo").glob(".prep*"))
    with pytest.raises(prep_onnx.UsageError, match="--name"):
        prep_onnx.export_triton(tmp_path / "m.prep.onnx", tmp_path / "repo", name="../up")
    with pytest.raises(prep_onnx.ModelError, match="has no embedded pipeline"):
        prep_onnx.export_triton(SHAPES, tmp_path / "repo")


def test_external_data_travels_along(tmp_path):
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(SHAPES)
    (tmp_path / "in").mkdir()
    onnx.save_model(proto, tmp_path / "in/m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    embedded = prep_onnx.embed(tmp_path / "in/m.onnx", pipeline="imagenet", load=False)
    answer = prep_onnx.export_triton(embedded, tmp_path / "repo")
    assert "1/m.data" in answer["files"]
    assert (tmp_path / "repo/m/1/m.data").read_bytes() == (tmp_path / "in/m.data").read_bytes()


def test_what_has_no_axis_of_images_is_left_alone(tmp_path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    def model(output, batch="batch"):
        node = helper.make_node("Identity", ["x"], ["y"])
        graph = helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, 224, 224])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        )
        path = tmp_path / f"{abs(hash((str(output), batch)))}.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        return path

    parse = schema()
    for path, rows in (
        (model(["batch", 3, 224, 224]), True),
        (model(["found", 3, 224, 224]), False),
        (model([None, 3, 224, 224], None), False),
        (model([4, 3, 224, 224], 4), False),
    ):
        embedded = prep_onnx.embed(path, pipeline="imagenet", load=False)
        answer = prep_onnx.export_triton(embedded, tmp_path / "repo", name=path.stem)
        config = parse(tmp_path / "repo" / path.stem)
        assert (config.max_batch_size > 0) == rows, path
        assert len(config.output[0].dims) == (3 if rows else 4)
        assert (answer["notes"] == []) == rows
    assert json.loads(json.dumps(answer))["accept"] == "batch"
