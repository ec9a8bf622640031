"""What the benches of this folder share: identity models with a pipeline in front, and sessions to run them."""
import json
import os
import subprocess

import onnx
import onnxruntime as ort
from onnx import TensorProto, helper

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def library(cli):
    """The path of the op library, built where that is needed."""
    return subprocess.run([cli, "library"], check=True, capture_output=True, text=True).stdout.strip()


def imagenet(size, filter="bilinear", crop=None):
    """Resize, centre crop, divide by 255 and normalise, as a pipeline."""
    steps = [{"step": "resize", "size": size, "filter": filter}]
    if crop:
        steps.append({"step": "center_crop", "size": [crop, crop]})
    steps += [{"step": "rescale", "divisor": 255}, {"step": "normalize", "mean": MEAN, "std": STD}]
    return {"steps": steps}


def identity(edge, keep=0):
    """Takes float32 [N, 3, edge, edge] and gives it, or the first `keep` columns of one row of one channel."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
    node, constants, shape = helper.make_node("Identity", ["x"], ["y"]), [], [3, edge, edge]
    if keep:
        take = lambda name, values: helper.make_tensor(name, TensorProto.INT64, [3], values)
        node, shape = helper.make_node("Slice", ["x", "from", "to", "axes"], ["y"]), [1, 1, keep]
        constants = [take("from", [0, 0, 0]), take("to", [1, 1, keep]), take("axes", [1, 2, 3])]
    graph = helper.make_graph([node], "g", [value("x", [3, edge, edge])], [value("y", shape)], constants)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def embedded(cli, folder, model, pipeline, *arguments):
    """A file in `folder` of its own with `pipeline` in front of `model`."""
    number = len(os.listdir(folder))
    source, config, target = (os.path.join(folder, f"{number}.{kind}") for kind in ("onnx", "json", "prep.onnx"))
    onnx.save(model, source)
    with open(config, "w") as file:
        json.dump(pipeline, file)
    subprocess.run([cli, "embed", source, "-o", target, "--pipeline", config, *arguments],
                   check=True, stdout=subprocess.DEVNULL)
    return target


def session(path, threads=1, library=None):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # A pool that spins between runs takes the core of the other session.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if library:
        options.register_custom_ops_library(library)
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
