#!/usr/bin/env python3
"""Loads the op library into the onnxruntime of this Python and checks it at the C boundary.

    cargo build --release -p prep-onnx-op
    cargo run --release -p prep-onnx-op --example reference_cases -- CASES
    python3 op/tests/python/op_library.py target/release/libprep_onnx_op.so CASES

Needs onnxruntime >= 1.17, onnx and numpy. Prints one line per check; the exit code is 0 when all pass.
"""
import argparse
import json
import pathlib
import struct
import threading
import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

TYPES = {"float32": (TensorProto.FLOAT, np.float32), "float16": (TensorProto.FLOAT16, np.float16),
         "uint8": (TensorProto.UINT8, np.uint8), "int64": (TensorProto.INT64, np.int64)}
STATUS = {"name": "status", "dtype": "int64"}


def make_model(case, op=None, declare=True, only=None, **attributes):
    """One node; `declare` gives the inputs shapes, `only` keeps one output and leaves the others without a name."""
    inputs = {"ragged": {"pixels": (TensorProto.UINT8, ["total"]), "shapes": (TensorProto.INT64, ["N", 3])},
              "batch": {"image": (TensorProto.UINT8, ["N", "H", "W", case["shapes"][0][2]])},
              "encoded": {"bytes": (TensorProto.UINT8, ["total"]), "lengths": (TensorProto.INT64, ["N"])}}[case["accept"]]
    attributes = {case["attribute"]: case["plan"]} | attributes
    names = [output["name"] if only in (None, output["name"]) or not index else "" for index, output in enumerate(case["outputs"])]
    while names[-1] == "":
        names.pop()
    node = helper.make_node(op or case["op"], list(inputs), names, name="prep", domain=case["domain"],
                            **{key: value for key, value in attributes.items() if value is not None})
    outputs = [helper.make_tensor_value_info(output["name"], TYPES[output["dtype"]][0], None)
               for output, name in zip(case["outputs"], names) if name]
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info(n, t, s if declare else None) for n, (t, s) in inputs.items()],
                              outputs)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17),
                                                                 helper.make_opsetid(case["domain"], 1)])


def session(model, library, threads=2, times=1):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    for _ in range(times):
        options.register_custom_ops_library(str(library))
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def is_later(case):
    return '"version":2' in case["plan"]


def feeds(case, folder, index):
    data = np.fromfile(folder / f"{index}.input", np.uint8)
    shapes = np.array(case["shapes"], np.int64)
    if case["accept"] == "ragged":
        return {"pixels": data, "shapes": shapes}
    return {"image": data.reshape(len(shapes), *case["shapes"][0])}


def expected(case, folder, index):
    """Every output."""
    return [np.fromfile(folder / f"{index}.{at}.expected", TYPES[output["dtype"]][1]).reshape(output["shape"])
            for at, output in enumerate(case["outputs"])]


def same_bits(got, wanted):
    return len(got) == len(wanted) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(got, wanted))


def refused(call, *words):
    """The error of `call`, which must mention all of `words`."""
    try:
        call()
    except Exception as error:  # onnxruntime has one exception type per status code
        text = str(error)
        missing = [word for word in words if word not in text]
        assert not missing, f"the message lacks {missing}: {text}"
        return text
    raise AssertionError("no error")


def check_bits(cases, folder, library):
    for threads in (1, 2, 3):
        for index, case in enumerate(cases):
            s = session(make_model(case), library, threads)
            for _ in range(3):
                got = s.run(None, feeds(case, folder, index))
                assert same_bits(got, expected(case, folder, index)), f"case {index}, {threads} threads"
    return f"{len(cases)} cases on 1, 2 and 3 threads"


def check_shape_inference(cases, folder, library):
    for case in cases:
        s = session(make_model(case), library)
        shape = s.get_outputs()[0].shape
        if shape and not is_later(case):
            assert shape[0] == "N" and len(shape) == 4 and 3 in shape, shape
        for output, declared in zip(s.get_outputs(), case["outputs"]):
            assert output.type in ("tensor(float)", "tensor(float16)", "tensor(uint8)", "tensor(int64)")
            # What is known beforehand is right.
            if output.shape:
                assert len(output.shape) == len(declared["shape"]), (output.shape, declared)
                known = [(a, b) for a, b in zip(output.shape, declared["shape"]) if isinstance(a, int)]
                assert all(a == b for a, b in known), (output.shape, declared)
        # An extent that nobody knows has no number: nodes behind would reckon with it.
        unnamed = make_model(case)
        for value in unnamed.graph.input:
            value.type.tensor_type.shape.dim[0].Clear()
        for model in (unnamed, make_model(case, declare=False)):
            unknown = session(model, library).get_outputs()[0].shape
            assert all(extent > 0 for extent in unknown or [] if isinstance(extent, int)), unknown
    return f"e.g. {shape}"


def check_concurrent_runs(cases, folder, library):
    s = [session(make_model(case), library, 2) for case in cases]
    wrong = []

    def work():
        for _ in range(20):
            for index, case in enumerate(cases):
                got = s[index].run(None, feeds(case, folder, index))
                if not same_bits(got, expected(case, folder, index)):
                    wrong.append(index)

    workers = [threading.Thread(target=work) for _ in range(8)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not wrong, wrong
    return "8 threads on one session of each case"


def check_cycles(cases, folder, library):
    chosen = [0] + [index for index, case in enumerate(cases) if is_later(case)][:1]
    for turn in range(200):
        index = chosen[turn % len(chosen)]
        s = session(make_model(cases[index]), library, 1)
        assert same_bits(s.run(None, feeds(cases[index], folder, index)), expected(cases[index], folder, index))
        del s
    return f"200 cycles of load, run and unload, of {len(chosen)} ops in turn"


def check_single_outputs(cases, folder, library):
    """A node that names one further output alone, and has no places behind it."""
    count = 0
    for index, case in enumerate(cases):
        wanted = expected(case, folder, index)
        for at, output in enumerate(case["outputs"]):
            got = session(make_model(case, only=output["name"]), library).run(None, feeds(case, folder, index))
            assert same_bits(got, [wanted[0]] + [wanted[at]] * (at > 0)), f"case {index}, {output['name']}"
            count += 1
    return f"{count} nodes"


def png(image):
    """The image as a PNG file without filters."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in image)
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def check_encoded(cases, folder, library):
    """The images of the cases of mixed sizes as files, and a file between them that is none."""
    count = 0
    for index, case in enumerate(cases):
        if case["accept"] != "ragged" or any(shape[2] != 3 for shape in case["shapes"]):
            continue
        data, files = np.fromfile(folder / f"{index}.input", np.uint8), []
        for shape in case["shapes"]:
            size = int(np.prod(shape))
            files.append(png(data[:size].reshape(shape)))
            data = data[size:]
        wanted = expected(case, folder, index)
        case = case | {"accept": "encoded", "op": case["encoded_op"],
                       "outputs": [case["outputs"][0], STATUS, *case["outputs"][1:]]}
        inputs = lambda files: {"bytes": np.frombuffer(b"".join(files), np.uint8), "lengths": np.array([len(f) for f in files], np.int64)}
        got = session(make_model(case), library).run(None, inputs(files))
        assert same_bits(got, [wanted[0], np.zeros(len(files), np.int64), *wanted[1:]]), f"case {index}"
        s = session(make_model(case, on_bad_image="zero"), library)
        got = s.run(None, inputs([files[0], b"no image", *files[1:]]))
        rows = len(wanted[0]) // len(files)
        parts = [np.delete(value, range(rows, 2 * rows) if at == 0 else 1, axis=0) for at, value in enumerate(got)]
        assert got[1][1] != 0 and same_bits(parts, [wanted[0], np.zeros(len(files), np.int64), *wanted[1:]]), f"case {index}"
        assert not got[0][rows:2 * rows].any(), f"case {index}: a tensor of no image"
        refused(lambda: session(make_model(case), library).run(None, inputs([files[0], b"no image"])), case["op"], "bytes[1]")
        count += 1
    return f"{count} cases as files"


def check_refusals(cases, folder, library):
    batch = next(case for case in cases if case["accept"] == "batch" and len(case["shapes"]) == 1)
    ragged = next(case for case in cases if case["accept"] == "ragged")
    load = lambda case, **how: lambda: session(make_model(case, **how), library)
    texts = [
        refused(load(batch, plan=None), batch["op"], "plan", "missing"),
        refused(load(batch, plan="{}"), batch["op"], "plan", "version", "expected 1 or 2, got none"),
        refused(load(batch, plan="not json"), "plan", "not valid JSON"),
        refused(load(batch, plan=batch["plan"].replace('"version":1', '"version":9')), "version", "expected 1 or 2, got 9"),
        refused(load(batch, op=batch["op"].replace("V1", "V2")), "V2"),
        # A node with one output and a plan of more: of another version, or of other outputs than the op's.
        *(refused(load(later, op=later["op"].replace("AndGeometry", "").replace("V2", "V1"), only=later["outputs"][0]["name"]),
                  "V1", "version", "expected 1, got 2") for later in cases if is_later(later)),
        *(refused(load(later, op=later["op"].replace("AndGeometry", ""), only=later["outputs"][0]["name"]),
                  "other outputs", later["op"]) for later in cases if "AndGeometry" in later["op"]),
        refused(lambda: session(make_model(batch), library, times=2), "omain"),
    ]
    # Undeclared, because onnxruntime itself refuses a rank that the model does not declare.
    b, r = session(make_model(batch, declare=False), library), session(make_model(ragged, declare=False), library)
    u8, i64 = (lambda *shape: np.zeros(shape, np.uint8)), (lambda *rows: np.array(rows, np.int64).reshape(-1, 3))
    bad_batches = [u8(5, 5, 3), u8(1, 3, 20, 20), u8(1, 20, 20, 4), u8(1, 0, 20, 3), u8(1, 20, 0, 3), u8(2, 2, 2, 2, 3)]
    texts += [refused(lambda: b.run(None, {"image": image}), batch["op"], "image", "expected", "got") for image in bad_batches]
    bad_ragged = [
        (u8(10), i64([2, 2, 3])), (u8(13), i64([2, 2, 3])), (u8(12), i64([2, -2, 3])), (u8(12), i64([2, 2, 1])),
        (u8(12), i64([0, 2, 3])), (u8(12), i64([2**62, 2**62, 3])), (u8(12), i64([2**31, 2**31, 3])),
        (u8(3, 4), i64([2, 2, 3])), (u8(12), np.zeros((1, 2), np.int64)), (u8(12), np.zeros(3, np.int64)), (u8(12), i64()),
    ]
    texts += [refused(lambda: r.run(None, {"pixels": p, "shapes": s}), ragged["op"], "expected", "got") for p, s in bad_ragged]
    assert r.run(None, {"pixels": u8(0), "shapes": i64()})[0].shape[0] == 0
    assert b.run(None, {"image": u8(0, 20, 20, 3)})[0].shape[0] == 0
    assert b.run(None, {"image": u8(0, 0, 0, 3)})[0].shape[0] == 0
    texts = [text for text in texts if text]
    return f"{len(texts)} refusals, e.g. {texts[-3].splitlines()[0]}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("library", type=pathlib.Path)
    arguments.add_argument("cases", type=pathlib.Path)
    arguments = arguments.parse_args()
    cases = json.loads((arguments.cases / "cases.json").read_text())
    print(f"onnxruntime {ort.__version__}, onnx {onnx.__version__}, numpy {np.__version__}")
    for check in (check_bits, check_shape_inference, check_concurrent_runs, check_cycles, check_single_outputs,
                  check_encoded, check_refusals):
        print(f"ok {check.__name__[6:]}: {check(cases, arguments.cases, arguments.library.resolve())}", flush=True)


if __name__ == "__main__":
    main()
