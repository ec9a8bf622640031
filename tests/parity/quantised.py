"""Models that onnxruntime has quantised, with and without the floats of the image: the same outputs, bit for bit.

    python tests/parity/quantised.py PREP_ONNX OP_LIBRARY FOLDER [--times]

Needs torch, torchvision, onnx and onnxruntime, and no network: ResNet18 and MobileNetV2 with seeded weights, exported and quantised
statically (QDQ), uint8 and int8. Each is embedded twice, the second time with --keep-quantize, and both run in standard ops and with the op
on images of several sizes. FOLDER keeps the models. --times also measures preprocessing and QuantizeLinear, alone: processor time of the thread for 8 images.
"""
import pathlib
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime

SIZES = [(224, 224), (256, 256), (480, 640), (720, 1280), (97, 301), (1080, 810)]


def export(name, folder):
    import torch
    import torchvision
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    path = folder / f"{name}.onnx"
    torch.manual_seed(7)
    model = getattr(torchvision.models, name)(weights=None).eval()
    torch.onnx.export(model, (torch.rand(1, 3, 224, 224),), path, input_names=["input"], output_names=["output"], opset_version=17, dynamo=False)

    class Reader(CalibrationDataReader):
        def __init__(self):
            random = np.random.default_rng(3)
            mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
            images = [random.integers(0, 256, (1, 224, 224, 3)).astype(np.float32) / 255 for _ in range(4)]
            self.images = iter([{"input": ((image - mean) / std).transpose(0, 3, 1, 2).copy()} for image in images])

        def get_next(self):
            return next(self.images, None)

    for kind, activations in (("uint8", QuantType.QUInt8), ("int8", QuantType.QInt8)):
        quantize_static(path, folder / f"{name}-{kind}.onnx", Reader(), quant_format=QuantFormat.QDQ, activation_type=activations, weight_type=QuantType.QInt8, per_channel=True)
    path.unlink()


def session(path, library=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_aot_function_inlining", "1" if library else "0")
    if library:
        options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def floats_of_images(path):
    """The values of four axes of the graph that are float32 and come from the image before anything else."""
    graph = onnx.load(path, load_external_data=False).graph
    ours = next(node for node in graph.node if node.domain == "prep.onnx")
    return [node.op_type for node in graph.node if ours.output[0] in node.input and node.op_type == "QuantizeLinear"]


def until_bytes(path, out):
    """The part of a model up to the first bytes."""
    model = onnx.load(path)
    ours = next(node for node in model.graph.node if node.domain == "prep.onnx")
    last = next((node for node in model.graph.node if node.op_type == "QuantizeLinear" and ours.output[0] in node.input), ours)
    keep = [ours] if last is ours else [ours, last]
    names = {name for node in keep for name in node.input}
    constants = [tensor for tensor in model.graph.initializer if tensor.name in names]
    kind = onnx.TensorProto.INT8 if last is not ours and "int8" in str(path).replace("uint8", "") else onnx.TensorProto.UINT8
    output = onnx.helper.make_tensor_value_info(last.output[0], kind, None)
    graph = onnx.helper.make_graph(keep, "part", list(model.graph.input), [output], constants)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, functions=model.functions, ir_version=model.ir_version)
    onnx.save(part, out)


def median(run, count):
    times = []
    for _ in range(count):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return sorted(times)[count // 2] * 1e3


def main():
    tool, library, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for name in ("resnet18", "mobilenet_v2"):
        for kind in ("uint8", "int8"):
            model = folder / f"{name}-{kind}.onnx"
            if not model.exists():
                export(name, folder)
            paths = [folder / f"{model.stem}.bytes.onnx", folder / f"{model.stem}.floats.onnx"]
            for path, more in zip(paths, ([], ["--keep-quantize"])):
                subprocess.run([tool, "embed", str(model), "--pipeline", "imagenet", "-o", str(path), "--quiet", *more], check=True)
            restored = folder / "restored.onnx"
            subprocess.run([tool, "strip", str(paths[0]), "-o", str(restored), "--quiet"], check=True)
            same_file = restored.read_bytes() == model.read_bytes()
            unequal = 0
            for form in (None, library):
                ours, theirs = (session(path, form) for path in paths)
                for seed, size in enumerate(SIZES):
                    image = np.random.default_rng(seed).integers(0, 256, (1, *size, 3), np.uint8)
                    a, b = (each.run(None, {"image": image})[0] for each in (ours, theirs))
                    unequal += a.tobytes() != b.tobytes()
            left = floats_of_images(paths[0])
            print(f"{name} {kind}: {2 * len(SIZES)} images, {unequal} with other outputs; QuantizeLinear of the image: {len(left)} (before: {len(floats_of_images(paths[1]))}); strip restores: {same_file}", flush=True)
            wrong += bool(unequal or left or not same_file)
            if "--times" in sys.argv:
                for form, what in ((None, "standard ops"), (library, "the op")):
                    for size in SIZES[:4]:
                        image = np.random.default_rng(1).integers(0, 256, (8, *size, 3), np.uint8)
                        runs = []
                        for path in paths:
                            part = folder / "part.onnx"
                            until_bytes(path, part)
                            each = session(part, form)
                            runs.append(lambda each=each: each.run(None, {"image": image}))
                        for run in runs:
                            median(run, 20)
                        best = [min(median(run, 41) for _ in range(3)) for run in runs]
                        print(f"  {what}, {size}: {best[0]:.3f} ms for bytes, {best[1]:.3f} ms for floats and QuantizeLinear: {best[0] / best[1]:.2f}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
