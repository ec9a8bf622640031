#!/usr/bin/env python3
"""Writes the small ONNX models of models/zoo that tests feed and rewrite. Needs numpy and onnx. Same bytes on every run.

shapes-cnn.onnx has its own script, make_shapes_cnn.py.
usage: make_models.py [-o FOLDER] [--check]     --check compares with what is there and writes nothing
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent
F32, F16, F64, U8, I64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8, TensorProto.INT64
OPSETS = (11, 13, 17, 18, 21)
# The IR version that shipped with each opset: old files carry old ones.
IR = {10: 5, 11: 6, 12: 7, 13: 7, 17: 8, 18: 8, 20: 9, 21: 10}
DYNAMIC = ["batch", 3, "height", "width"]
FIXED = ["batch", 3, 224, 224]


def value(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op, inputs, outputs, **attributes):
    name = attributes.pop("name", outputs[0] + "_node")
    return helper.make_node(op, inputs, outputs, name=name, **attributes)


def tensor(name, array):
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def weight(seed, *shape, dtype=np.float32):
    fan_in = max(int(np.prod(shape[1:])), 1)
    return (np.random.default_rng(seed).standard_normal(shape) / fan_in**0.5).astype(dtype)


def build(nodes, inputs, outputs, initializers=(), opset=17, ir=None, domains=(), **extra):
    graph = helper.make_graph(nodes, "main", inputs, outputs, list(initializers), **extra)
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(d, v) for d, v in domains)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir or IR[opset], producer_name="prep-onnx models", producer_version="1")


def reduce_mean(x, out, opset, axes=(2, 3)):
    """(nodes, initializers): the axes of ReduceMean became an input in opset 18."""
    if opset < 18:
        return [node("ReduceMean", [x], [out], axes=list(axes), keepdims=0)], []
    return [node("ReduceMean", [x, out + ".axes"], [out], keepdims=0)], [tensor(out + ".axes", np.array(axes, np.int64))]


def trunk(x, out, opset=17, channels=3, width=8, features=5, dtype=np.float32, prefix=""):
    """(nodes, initializers) of Conv, Relu, mean over the image, MatMul, Add: [N, channels, H, W] to [N, features]."""
    p = prefix
    mean_nodes, mean_weights = reduce_mean(p + "relu", p + "pooled", opset)
    nodes = [
        node("Conv", [x, p + "conv.weight", p + "conv.bias"], [p + "conv"], kernel_shape=[4, 4], strides=[4, 4], pads=[1, 1, 1, 1]),
        node("Relu", [p + "conv"], [p + "relu"]),
        *mean_nodes,
        node("MatMul", [p + "pooled", p + "head.weight"], [p + "head"]),
        node("Add", [p + "head", p + "head.bias"], [out]),
    ]
    weights = [
        tensor(p + "conv.weight", weight(1, width, channels, 4, 4, dtype=dtype)),
        tensor(p + "conv.bias", weight(2, width, dtype=dtype)),
        tensor(p + "head.weight", weight(3, width, features, dtype=dtype)),
        tensor(p + "head.bias", weight(4, features, dtype=dtype)),
        *mean_weights,
    ]
    return nodes, weights


def identity(opset=17, shape=FIXED, dtype=F32):
    return build([node("Identity", ["pixel_values"], ["tensor"])], [value("pixel_values", dtype, shape)], [value("tensor", dtype, shape)], opset=opset)


def tiny(opset=17, shape=DYNAMIC, name="input", dtype=F32, **kwargs):
    nodes, weights = trunk(name, "logits", opset, dtype=np.float16 if dtype == F16 else np.float32)
    return build(nodes, [value(name, dtype, shape)], [value("logits", dtype, [shape[0], 5])], weights, opset=opset, **kwargs)


def encoder_text():
    """Image encoder with a text-like second input that comes first, as CLIP exports have it."""
    nodes, weights = trunk("pixel_values", "image_embeds", features=6, prefix="vision.")
    text_nodes, text_weights = reduce_mean("text.tokens", "text_embeds", 17, axes=(1,))
    nodes += [node("Gather", ["text.table", "input_ids"], ["text.tokens"]), *text_nodes]
    nodes += [node("Transpose", ["image_embeds"], ["image_embeds_t"], perm=[1, 0]), node("MatMul", ["text_embeds", "image_embeds_t"], ["logits_per_text"])]
    inputs = [value("input_ids", I64, ["text_batch", "sequence"]), value("pixel_values", F32, ["image_batch", 3, "height", "width"])]
    outputs = [value("logits_per_text", F32, ["text_batch", "image_batch"]), value("image_embeds", F32, ["image_batch", 6]), value("text_embeds", F32, ["text_batch", 6])]
    return build(nodes, inputs, outputs, [*weights, tensor("text.table", weight(5, 32, 6)), *text_weights])


def nhwc():
    """tf2onnx style: NHWC input with a colon in its name, and a Transpose in front."""
    nodes, weights = trunk("nchw", "Identity:0")
    nodes.insert(0, node("Transpose", ["input_1:0"], ["nchw"], perm=[0, 3, 1, 2]))
    return build(nodes, [value("input_1:0", F32, ["unk__1", 224, 224, 3])], [value("Identity:0", F32, ["unk__1", 5])], weights, opset=13)


def uint8_nchw():
    nodes, weights = trunk("float", "logits")
    nodes.insert(0, node("Cast", ["pixels"], ["float"], to=F32))
    return build(nodes, [value("pixels", U8, ["batch", 3, 160, 224])], [value("logits", F32, ["batch", 5])], weights)


def yolo_like():
    """ultralytics style: fixed batch, names with slashes, metadata that hosts read."""
    nodes, weights = trunk("images", "output0", prefix="/model.0/")
    model = build(nodes, [value("images", F32, [1, 3, 640, 640])], [value("output0", F32, [1, 5])], weights, opset=17, doc_string="a doc string")
    helper.set_model_props(model, {"stride": "32", "task": "detect", "batch": "1", "imgsz": "[640, 640]", "names": "{0: 'person', 1: 'bicycle'}"})
    return model


def functions():
    """Local functions (one calls the other), two more domains, metadata on the model, a symbol named by the user."""
    relu_mean = helper.make_function("my.functions", "ReluMean", ["x"], ["y"], [node("Relu", ["x"], ["r"]), node("ReduceMean", ["r"], ["y"], axes=[2, 3], keepdims=0)], [helper.make_opsetid("", 17)])
    scaled = helper.make_function("my.functions", "ScaledReluMean", ["x"], ["y"], [helper.make_node("Mul", ["x", "x"], ["s"]), helper.make_node("ReluMean", ["s"], ["y"], domain="my.functions")], [helper.make_opsetid("", 17), helper.make_opsetid("my.functions", 1)])
    nodes = [
        helper.make_node("ScaledReluMean", ["pixel_values"], ["features"], name="call", domain="my.functions"),
        helper.make_node("Normalizer", ["features"], ["normed"], name="normalizer", domain="ai.onnx.ml", norm="L2"),
    ]
    model = build(nodes, [value("pixel_values", F32, ["N", 3, 224, 224])], [value("normed", F32, ["N", 3])], domains=[("my.functions", 1), ("ai.onnx.ml", 3)])
    model.functions.extend([relu_mean, scaled])
    helper.set_model_props(model, {"author": "prep-onnx", "unicode": "grün → ok", "empty": ""})
    return model


def name_collisions():
    """Values and nodes that already carry the names a rewriter would choose."""
    nodes, weights = trunk("pixel_values", "logits", prefix="prep_onnx/")
    nodes += [node("Identity", ["logits"], ["image"], name="prep_onnx"), node("Identity", ["image"], ["pixel_values_1"], name="ImagePreprocess")]
    return build(nodes, [value("pixel_values", F32, DYNAMIC)], [value("pixel_values_1", F32, ["batch", 5])], weights)


def subgraph_captures():
    """The image is read by two nodes, by Shape and, from the outer scope, by both branches of an If."""

    def branch(name, op):
        body = [node(op, ["pixel_values"], [name + ".act"]), node("GlobalAveragePool", [name + ".act"], [name + ".out"])]
        return helper.make_graph(body, name, [], [value(name + ".out", F32, None)])

    nodes = [
        node("Shape", ["pixel_values"], ["shape"]),
        node("GlobalMaxPool", ["pixel_values"], ["peak"]),
        helper.make_node("If", ["flip"], ["pooled"], name="if", then_branch=branch("then", "Relu"), else_branch=branch("else", "Neg")),
        node("Add", ["peak", "pooled"], ["sum"]),
    ]
    inputs = [value("pixel_values", F32, DYNAMIC), value("flip", TensorProto.BOOL, [])]
    return build(nodes, inputs, [value("sum", F32, ["batch", 3, 1, 1]), value("shape", I64, [4])], opset=13)


def weights_as_inputs():
    """IR 3 style: every initializer is a graph input too, and comes before the image."""
    nodes, weights = trunk("data", "logits", 11)
    inputs = [value(w.name, F32, list(w.dims)) for w in weights] + [value("data", F32, [1, 3, 224, 224])]
    return build(nodes, inputs, [value("logits", F32, [1, 5])], weights, opset=11, ir=3)


def qdq():
    """Quantised style: the image goes straight into QuantizeLinear."""
    nodes, weights = trunk("dequantized", "logits", 13)
    nodes = [node("QuantizeLinear", ["x", "scale", "zero"], ["quantized"]), node("DequantizeLinear", ["quantized", "scale", "zero"], ["dequantized"]), *nodes]
    weights += [tensor("scale", np.float32(0.0186584)), tensor("zero", np.uint8(114))]
    return build(nodes, [value("x", F32, [1, 3, 224, 224])], [value("logits", F32, [1, 5])], weights, opset=13)


def two_images():
    """Two image-like inputs: stereo. A tool has to ask which one."""
    left, left_weights = trunk("left", "left_logits", prefix="left.")
    right, right_weights = trunk("right", "right_logits", prefix="right.")
    return build([*left, *right], [value("left", F32, DYNAMIC), value("right", F32, DYNAMIC)], [value("left_logits", F32, ["batch", 5]), value("right_logits", F32, ["batch", 5])], left_weights + right_weights)


def detector_extra_inputs():
    """DETR style: image, pixel mask of another type, and a size; outputs of several types."""
    nodes, weights = trunk("pixel_values", "logits")
    nodes += [node("Cast", ["pixel_mask"], ["mask_f"], to=F32), *reduce_mean("mask_f", "coverage", 17, axes=(1, 2))[0], node("Identity", ["orig_size"], ["size_out"])]
    inputs = [value("pixel_values", F32, DYNAMIC), value("pixel_mask", I64, ["batch", "height", "width"]), value("orig_size", I64, ["batch", 2])]
    return build(nodes, inputs, [value("logits", F32, ["batch", 5]), value("coverage", F32, ["batch"]), value("size_out", I64, ["batch", 2])], weights)


def annotated():
    """value_info, doc strings everywhere, node metadata (IR 10), a denotation on the input type."""
    model = tiny(opset=21)
    graph = model.graph
    graph.doc_string = "graph doc"
    graph.input[0].doc_string = "RGB, normalised"
    graph.input[0].type.denotation = "IMAGE"
    graph.value_info.append(value("pooled", F32, ["batch", 8]))
    for n in graph.node:
        n.doc_string = "from somewhere.py:1"
        n.metadata_props.add(key="namespace", value=f": tiny/{n.name}")
    model.domain, model.model_version, model.doc_string = "org.example", 7, "model doc"
    return model


def custom_op():
    """A node whose library a plain host lacks: a rewriter still has to carry it."""
    nodes, weights = trunk("pixel_values", "features")
    nodes.append(helper.make_node("Mystery", ["features"], ["logits"], name="mystery", domain="com.example.ops", level=3))
    return build(nodes, [value("pixel_values", F32, DYNAMIC)], [value("logits", F32, ["batch", 5])], weights, domains=[("com.example.ops", 2)])


def not_an_image():
    return build([node("MatMul", ["tokens", "w"], ["out"])], [value("tokens", F32, ["batch", 16])], [value("out", F32, ["batch", 4])], [tensor("w", weight(6, 16, 4))])


def external():
    """Weights in external-data.bin beside the model, one of them at an offset."""
    nodes, weights = trunk("pixel_values", "logits")
    model = build(nodes, [value("pixel_values", F32, DYNAMIC)], [value("logits", F32, ["batch", 5])], weights)
    blob = b""
    for w in model.graph.initializer:
        data = w.raw_data
        blob += b"\0" * (-len(blob) % 64)
        w.ClearField("raw_data")
        w.data_location = TensorProto.EXTERNAL
        for key, text in (("location", "external-data.bin"), ("offset", str(len(blob))), ("length", str(len(data)))):
            w.external_data.add(key=key, value=text)
        blob += data
    return model, blob


def field(number, payload):
    """A length-delimited protobuf field, for numbers that onnx.proto does not know."""
    out = bytearray()
    for n in ((number << 3) | 2, len(payload)):
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        out.append(n)
    return bytes(out) + payload


def models():
    """file name -> ModelProto or bytes"""
    m = {}
    for opset in OPSETS:
        m[f"identity-224-opset{opset}"] = identity(opset)
        m[f"identity-dynamic-opset{opset}"] = identity(opset, DYNAMIC)
        m[f"tiny-opset{opset}"] = tiny(opset)
    m["identity-224"] = identity()
    m["identity-dynamic"] = identity(17, DYNAMIC)
    for opset in (13, 18):
        m[f"identity-224-f16-opset{opset}"] = identity(opset, FIXED, F16)
        m[f"identity-dynamic-f16-opset{opset}"] = identity(opset, DYNAMIC, F16)
        m[f"identity-dynamic-nhwc-opset{opset}"] = identity(opset, ["batch", "height", "width", 3])
    m["identity-224-nhwc"] = identity(17, ["batch", 224, 224, 3])
    m["identity-224-u8"] = identity(17, FIXED, U8)
    m["identity-384-batch1"] = identity(17, [1, 3, 384, 384])
    m["identity-160x224-batch4"] = identity(17, [4, 3, 160, 224])
    m["encoder-text"] = encoder_text()
    m["encoder-f16"] = tiny(17, DYNAMIC, "pixel_values", F16)
    m["nhwc"] = nhwc()
    m["batch1"] = tiny(17, [1, 3, 224, 224], "input.1")
    m["uint8-nchw"] = uint8_nchw()
    m["gray-28"] = build([node("Flatten", ["Input3"], ["flat"]), node("MatMul", ["flat", "w"], ["Plus214_Output_0"])], [value("Input3", F32, [1, 1, 28, 28])], [value("Plus214_Output_0", F32, [1, 4])], [tensor("w", weight(7, 784, 4))], opset=12)
    m["yolo-like"] = yolo_like()
    m["functions"] = functions()
    m["name-collisions"] = name_collisions()
    m["subgraph-captures"] = subgraph_captures()
    m["weights-as-inputs"] = weights_as_inputs()
    m["qdq"] = qdq()
    m["detector-extra-inputs"] = detector_extra_inputs()
    m["annotated"] = annotated()
    m["anonymous-dims"] = tiny(13, [None, 3, None, None], "x")
    m["unknown-fields"] = tiny().SerializeToString(deterministic=True) + field(1000, b"a later version of onnx wrote this")
    m["custom-op"] = custom_op()
    # Refused: the message has to say why.
    m["refused-two-images"] = two_images()
    m["refused-not-an-image"] = not_an_image()
    m["refused-float64"] = build([node("Identity", ["input"], ["out"])], [value("input", F64, FIXED)], [value("out", F64, FIXED)])
    m["refused-rank5"] = build([node("Identity", ["video"], ["out"])], [value("video", F32, ["batch", 8, 3, 224, 224])], [value("out", F32, ["batch", 8, 3, 224, 224])])
    m["refused-opset10"] = tiny(10)
    return {name + ".onnx": model for name, model in m.items()}


def asks():
    """Models about which `embed` asks, or which it does not believe: file name in asks/ -> ModelProto"""
    m = {}
    flat = [node("Flatten", ["input"], ["flat"]), node("MatMul", ["flat", "w"], ["logits"])]
    m["needs-8x8"] = build(flat, [value("input", F32, DYNAMIC)], [value("logits", F32, ["batch", 4])], [tensor("w", weight(8, 192, 4))])
    # Nothing shows before it runs: Reshape to a shape that is computed.
    nodes, weights = trunk("input", "scores")
    nodes += [node("Shape", ["input"], ["shape"]), node("Gather", ["shape", "two"], ["edge"]), node("Sub", ["edge", "eight"], ["excess"]), node("Gather", ["table", "excess"], ["row"]), node("Add", ["scores", "row"], ["logits"])]
    weights += [tensor("two", np.array(2, np.int64)), tensor("eight", np.array(8, np.int64)), tensor("table", weight(9, 1, 5))]
    m["runs-at-8x8"] = build(nodes, [value("input", F32, DYNAMIC)], [value("logits", F32, ["batch", 5])], weights)
    for name, props in {
        "image-metadata": {"Image.BitmapPixelFormat": "Bgr8", "Image.ColorSpaceGamma": "SRGB", "Image.NominalPixelRange": "NominalRange_0_255"},
        "yolov5": {"stride": "32", "names": "{0: 'person'}"},
        "ultralytics-classify": {"stride": "1", "task": "classify", "imgsz": "[224, 224]", "names": "{0: 'person'}"},
        "ultralytics-later": {"author": "Ultralytics", "stride": "32", "task": "hologram", "imgsz": "[224, 224]", "names": "{0: 'person'}"},
        "ultralytics-gray": {"author": "Ultralytics", "stride": "32", "task": "detect", "imgsz": "[224, 224]", "names": "{0: 'person'}", "channels": "1"},
        "ultralytics-broken": {"author": "Ultralytics", "stride": "32", "task": "detect", "imgsz": "[224", "names": "{0: 'person'}"},
        "ultralytics-rtdetr": {"description": "Ultralytics rtdetr-l model", "stride": "32", "task": "detect", "head": "RTDETRDecoder", "imgsz": "[224, 224]", "names": "{0: 'person'}"},
        "own-mean": {"norm_mean": "[0.5, 0.5, 0.5]"},
    }.items():
        m[name] = tiny(17, FIXED)
        helper.set_model_props(m[name], props)
    m["ultralytics-open"] = tiny(17, DYNAMIC)
    helper.set_model_props(m["ultralytics-open"], {"author": "Ultralytics", "stride": "32", "task": "pose", "imgsz": "[320, 320]", "names": "{0: 'person'}", "kpt_shape": "[17, 3]", "args": "{'dynamic': True}"})
    nodes, weights = trunk("pixel_values", "image_embeds", features=512)
    m["embedding"] = build(nodes, [value("pixel_values", F32, FIXED)], [value("image_embeds", F32, ["batch", 512])], weights)
    nodes, weights = trunk("input", "logits")
    m["detections"] = build([*nodes, node("Unsqueeze", ["logits", "axis"], ["boxes"])], [value("input", F32, FIXED)], [value("boxes", F32, ["batch", 1, 5])], [*weights, tensor("axis", np.array([1], np.int64))])
    m["no-rank"] = tiny(17, FIXED)
    m["no-rank"].graph.input[0].type.tensor_type.ClearField("shape")
    m["imports-our-domain"] = tiny(17, FIXED)
    m["imports-our-domain"].opset_import.append(helper.make_opsetid("prep.onnx", 1000))
    m["escaping-data"] = tiny(17, FIXED)
    w = m["escaping-data"].graph.initializer[0]
    w.ClearField("raw_data")
    w.data_location = TensorProto.EXTERNAL
    w.external_data.add(key="location", value="../../etc/passwd")
    nodes, weights = trunk("input", "scores")
    nodes += [node("QuantizeLinear", ["scores", "scale"], ["q"]), node("DequantizeLinear", ["q", "scale"], ["d"]), node("HardSwish", ["d"], ["logits"])]
    m["quantised-hard-swish"] = build(nodes, [value("input", F32, FIXED)], [value("logits", F32, ["batch", 5])], [*weights, tensor("scale", np.array(0.1, np.float32))])
    return {f"asks/{name}.onnx": model for name, model in m.items()}


def files():
    """file name -> bytes"""
    out = {}
    for name, model in (models() | asks()).items():
        out[name] = model if isinstance(model, bytes) else model.SerializeToString(deterministic=True)
    model, out["external-data.bin"] = external()
    out["external-data.onnx"] = model.SerializeToString(deterministic=True)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=pathlib.Path, default=ROOT / "zoo")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    made = files()
    if args.check:
        wrong = [name for name, data in made.items() if not (args.out / name).is_file() or (args.out / name).read_bytes() != data]
        print(f"{len(made) - len(wrong)} of {len(made)} files are as this script writes them", *wrong, sep="\n  ")
        return 1 if wrong else 0
    args.out.mkdir(parents=True, exist_ok=True)
    for name, data in made.items():
        (args.out / name).parent.mkdir(exist_ok=True)
        (args.out / name).write_bytes(data)
    for name in made:
        # The checker refuses these, and ONNX Runtime the first alone.
        if name.endswith(".onnx") and name not in ("asks/escaping-data.onnx", "asks/no-rank.onnx"):
            onnx.checker.check_model(str(args.out / name), full_check=True)
    print(f"{len(made)} files, {sum(map(len, made.values()))} bytes; onnx.checker passes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
