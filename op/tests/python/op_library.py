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
import threading

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

TYPES = {"float32": (TensorProto.FLOAT, np.float32), "float16": (TensorProto.FLOAT16, np.float16),
         "uint8": (TensorProto.UINT8, np.uint8)}


def make_model(case, op=None, declare=True, **attributes):
    """One node from the inputs of the case to `y`; `declare` gives the inputs shapes."""
    ragged = case["accept"] == "ragged"
    inputs = {"pixels": (TensorProto.UINT8, ["total"]), "shapes": (TensorProto.INT64, ["N", 3])} if ragged else \
             {"image": (TensorProto.UINT8, ["N", "H", "W", 3])}
    attributes = {case["attribute"]: case["plan"]} | attributes
    node = helper.make_node(op or case["op"], list(inputs), ["y"], name="prep", domain=case["domain"],
                            **{key: value for key, value in attributes.items() if value is not None})
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info(n, t, s if declare else None) for n, (t, s) in inputs.items()],
                              [helper.make_tensor_value_info("y", TYPES[case["dtype"]][0], None)])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17),
                                                                 helper.make_opsetid(case["domain"], 1)])


def session(model, library, threads=2, times=1):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    for _ in range(times):
        options.register_custom_ops_library(str(library))
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def feeds(case, folder, index):
    data = np.fromfile(folder / f"{index}.input", np.uint8)
    shapes = np.array(case["shapes"], np.int64)
    if case["accept"] == "ragged":
        return {"pixels": data, "shapes": shapes}
    return {"image": data.reshape(len(shapes), *case["shapes"][0])}


def expected(case, folder, index):
    return np.fromfile(folder / f"{index}.expected", TYPES[case["dtype"]][1]).reshape(case["output_shape"])


def same_bits(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


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
                got = s.run(None, feeds(case, folder, index))[0]
                assert same_bits(got, expected(case, folder, index)), f"case {index}, {threads} threads"
    return f"{len(cases)} cases on 1, 2 and 3 threads"


def check_shape_inference(cases, folder, library):
    for case in cases:
        s = session(make_model(case), library)
        shape = s.get_outputs()[0].shape
        if shape:
            assert shape[0] == "N" and len(shape) == 4 and 3 in shape, shape
        assert s.get_outputs()[0].type in ("tensor(float)", "tensor(float16)", "tensor(uint8)")
    return f"e.g. {shape}"


def check_concurrent_runs(cases, folder, library):
    s = [session(make_model(case), library, 2) for case in cases]
    wrong = []

    def work():
        for _ in range(20):
            for index, case in enumerate(cases):
                got = s[index].run(None, feeds(case, folder, index))[0]
                if not same_bits(got, expected(case, folder, index)):
                    wrong.append(index)

    workers = [threading.Thread(target=work) for _ in range(8)]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert not wrong, wrong
    return "8 threads on one session of each case"


def check_cycles(cases, folder, library):
    for _ in range(200):
        s = session(make_model(cases[0]), library, 1)
        assert same_bits(s.run(None, feeds(cases[0], folder, 0))[0], expected(cases[0], folder, 0))
        del s
    return "200 cycles of load, run and unload"


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
    for check in (check_bits, check_shape_inference, check_concurrent_runs, check_cycles, check_refusals):
        print(f"ok {check.__name__[6:]}: {check(cases, arguments.cases, arguments.library.resolve())}", flush=True)


if __name__ == "__main__":
    main()
