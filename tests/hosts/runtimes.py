"""Every preset before an identity as standard ops for one size, in another runtime: every value must have the bits of ONNX Runtime.

usage: runtimes.py make FOLDER PROGRAM    writes models, images and what ONNX Runtime's CPU makes of them
       runtimes.py RUNTIME FOLDER         runs them in one of RUNTIMES
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

# Height and width: a common one, an upright one, and one that most presets enlarge.
SIZES = [(480, 640), (500, 333), (90, 120)]


def make(folder: Path, program: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    for height, width in SIZES:
        image = random.integers(0, 256, (1, height, width, 3), dtype=np.uint8)
        # Smooth in its lower half, so that not every sum lies in the middle of its range.
        ramp = np.add.outer(np.arange(height), np.arange(width)) * 255 // (height + width)
        image[:, height // 2 :] = ramp[height // 2 :, :, None]
        np.save(folder / f"{height}x{width}.npy", image)
    for channels in (1, 3):
        identity(channels, folder / f"identity-{channels}.onnx")
    presets = json.loads(subprocess.run([program, "pipelines", "--json"], capture_output=True, check=True).stdout)["presets"]
    cases = [case for preset in presets for case in embed(folder, program, preset["name"])]
    (folder / "cases.json").write_text(json.dumps(cases))
    print(f"{len(presets)} presets, {len(cases)} cases")
    return 0


def identity(channels: int, path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    shape = ["n", channels, "h", "w"]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def embed(folder: Path, program: str, preset: str) -> list[dict[str, str]]:
    """The body for each size, and what the body for every size makes of the image."""
    cases = []
    for height, width in SIZES:
        image, expected = f"{height}x{width}.npy", f"{preset}-{height}x{width}.npy"
        model = f"{preset}-{height}x{width}.onnx"
        of_one = one(folder, program, preset, model, "--image-size", f"{height}x{width}")
        of_all = one(folder, program, preset, f"{preset}.onnx")
        if of_one is None or of_all is None:
            sys.exit(f"{preset}: is not embedded")
        values = [cpu(path, np.load(folder / image)) for path in (of_one, of_all)]
        if values[0].tobytes() != values[1].tobytes():
            sys.exit(f"{model}: ONNX Runtime gives other values than for {preset}.onnx")
        np.save(folder / expected, values[0])
        cases.append({"model": model, "image": image, "expected": expected})
    return cases


def one(folder: Path, program: str, preset: str, name: str, *options: str) -> Path | None:
    for channels in (3, 1):
        model, out = folder / f"identity-{channels}.onnx", folder / name
        given = ["--pipeline", preset, "--lower", "standard", "--no-load", *options]
        if subprocess.run([program, "embed", model, "-o", out, *given], capture_output=True).returncode == 0:
            return out
    return None


def cpu(path: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    return ort(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), image)


def ort(session, image: np.ndarray) -> np.ndarray:
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def openvino(path: Path, image: np.ndarray) -> np.ndarray:
    import openvino as ov

    model = ov.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model(image)[model.output(0)]


def tract(path: Path, image: np.ndarray) -> np.ndarray:
    import tract

    model = tract.onnx().load(str(path))
    model.set_input_fact(0, ",".join(map(str, image.shape)) + ",u8")
    # The output is declared as `h` high, which tract does not take for 224.
    model.set_output_fact(0, None)
    return model.into_model().into_runnable().run([image])[0].to_numpy()


def openvino_provider(path: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    provider = ("OpenVINOExecutionProvider", {"device_type": "CPU", "precision": "FP32"})
    session = onnxruntime.InferenceSession(str(path), providers=[provider, "CPUExecutionProvider"])
    if provider[0] not in session.get_providers():
        sys.exit("the session left OpenVINO's provider out")
    return ort(session, image)


def qnn_provider(path: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime
    import onnxruntime_qnn

    name = "QNNExecutionProvider"
    devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == name]
    if not devices:
        onnxruntime.register_execution_provider_library(name, onnxruntime_qnn.get_library_path())
        devices = [device for device in onnxruntime.get_ep_devices() if device.ep_name == name]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_provider_for_devices(devices[:1], {"backend_path": onnxruntime_qnn.get_qnn_htp_path()})
    return ort(onnxruntime.InferenceSession(str(path), options), image)


def mnn(path: Path, image: np.ndarray) -> np.ndarray:
    # The program `mnnconvert` is this call, and then installs a client with pip that tells a server about the model.
    import _tools
    import MNN.expr as expr
    import MNN.nn as nn

    converted = path.with_suffix(".mnn")
    arguments = ["-f", "ONNX", "--modelFile", str(path), "--MNNModel", str(converted), "--bizCode", "prep"]
    _tools.mnnconvert(["mnnconvert", *arguments])
    module = nn.load_module_from_file(str(converted), ["image"], ["y"])
    given = expr.placeholder(list(image.shape), expr.NHWC, expr.uint8)
    given.write(image)
    output = module.forward([given])[0]
    # What is not in MNN's own packed layout has the model's extents, whatever the layout is called.
    return np.array((expr.convert(output, expr.NCHW) if output.data_format == expr.NC4HW4 else output).read())


RUNTIMES = {
    "openvino": openvino,
    "tract": tract,
    "mnn": mnn,
    "openvino-provider": openvino_provider,
    "qnn-provider": qnn_provider,
}


def check(name: str, folder: Path) -> int:
    run, equal = RUNTIMES[name], 0
    cases = json.loads((folder / "cases.json").read_text())
    for case in cases:
        expected = np.load(folder / case["expected"])
        try:
            got = run(folder / case["model"], np.load(folder / case["image"]))
        except Exception as error:
            print(f"{case['model']}: {str(error).split('Stack backtrace')[0].strip()}")
            continue
        if got.shape == expected.shape and got.dtype == expected.dtype and got.tobytes() == expected.tobytes():
            equal += 1
        else:
            off = np.abs(got.astype(np.float64) - expected).max() if got.shape == expected.shape else got.shape
            print(f"{case['model']}: differs: {off}")
    print(f"{name}: {equal} of {len(cases)} equal")
    return int(equal < len(cases) or not cases)


if __name__ == "__main__":
    command, at, *rest = sys.argv[1:]
    sys.exit(make(Path(at), *rest) if command == "make" else check(command, Path(at)))
