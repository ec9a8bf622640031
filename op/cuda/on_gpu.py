#!/usr/bin/env python3
"""The op on a GPU, through ONNX Runtime: placement, bits, CUDA graphs, memory and time.

    python3 on_gpu.py FOLDER [--record FILE]

FOLDER is what `on_gpu.sh pack` made. Needs numpy and an onnxruntime with the CUDA execution provider; torch and
torchvision, where they see the GPU, are timed beside the op. Exit code 0 when every check passes.
"""
import argparse
import ctypes
import hashlib
import json
import os
import pathlib
import tempfile

import numpy as np
import onnxruntime as ort

PROVIDER = "CUDAExecutionProvider"
TYPES = {"float32": np.float32, "float16": np.float16, "uint8": np.uint8, "int64": np.int64}
# How many times its roofline floor a launch of version 1 may take. Those of version 2 are reported: nobody has timed them yet.
BOUND = 1.5
# Bytes per second and nothing else: the floor of a pass that reads the crop's source region once and writes the
# output once. The first is an H200; PREP_ONNX_GPU_BANDWIDTH overrides it for another GPU.
BANDWIDTH = float(os.environ.get("PREP_ONNX_GPU_BANDWIDTH", 4.3e12))


class Cuda:
    """The few driver calls that timing needs."""

    def __init__(self):
        self.library = ctypes.CDLL("libcuda.so.1")
        self.call("cuInit", 0)
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)
        self.stream = self.make("cuStreamCreate", 1)  # non-blocking, as ONNX Runtime's own

    def call(self, name, *arguments):
        code = getattr(self.library, name)(*arguments)
        if code:
            raise RuntimeError(f"{name} failed with {code}")

    def make(self, name, *arguments):
        handle = ctypes.c_void_p()
        self.call(name, ctypes.byref(handle), *arguments)
        return handle

    def synchronize(self):
        self.call("cuCtxSynchronize")

    def free_bytes(self):
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def seconds(self, work, times=50):
        """The median time of one call of `work`, which puts its kernels on the stream."""
        results = []
        for _ in range(7):
            start, end = self.make("cuEventCreate", 0), self.make("cuEventCreate", 0)
            self.call("cuEventRecord", start, self.stream)
            for _ in range(times):
                work()
            self.call("cuEventRecord", end, self.stream)
            self.call("cuEventSynchronize", end)
            elapsed = ctypes.c_float()
            # Renamed in CUDA 12.8; the old name stays.
            self.call("cuEventElapsedTime", ctypes.byref(elapsed), start, end)
            results.append(elapsed.value / 1e3 / times)
        return sorted(results)[len(results) // 2]


def session(folder, model, cuda, profile=None, **provider_options):
    options = ort.SessionOptions()
    options.register_custom_ops_library(str((folder / "libprep_onnx_op.so").resolve()))
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    provider_options = {"device_id": "0", "user_compute_stream": str(cuda.stream.value)} | provider_options
    made = ort.InferenceSession(str(folder / model), options, providers=[(PROVIDER, provider_options)])
    assert made.get_providers()[0] == PROVIDER, f"ONNX Runtime fell back to {made.get_providers()}"
    return made


def inputs_of(case, folder, index):
    data = np.fromfile(folder / f"{index}.input", np.uint8)
    shapes = np.array(case["shapes"], np.int64)
    if case["accept"] == "ragged":
        return {"pixels": data, "shapes": shapes}
    return {"image": data.reshape(len(shapes), *case["shapes"][0])}


def expected_of(case, folder, index):
    """Every output."""
    return [np.fromfile(folder / f"{index}.{at}.expected", TYPES[output["dtype"]]).reshape(output["shape"])
            for at, output in enumerate(case["outputs"])]


def check_bits(cases, folder, cuda):
    for index, case in enumerate(cases):
        with tempfile.TemporaryDirectory() as temporary:
            made = session(folder, f"{index}.onnx", cuda, profile=pathlib.Path(temporary) / "profile")
            for _ in range(3):
                results = made.run(None, inputs_of(case, folder, index))
                for output, got, expected in zip(case["outputs"], results, expected_of(case, folder, index), strict=True):
                    assert got.shape == expected.shape and got.tobytes() == expected.tobytes(), \
                        f"case {index}: {output['name']} differs"
            events = json.loads(pathlib.Path(made.end_profiling()).read_text())
            where = {event["args"]["provider"] for event in events
                     if event.get("cat") == "Node" and event.get("args", {}).get("op_name") == case["op"]}
            assert where == {PROVIDER}, f"case {index}: the profile says that the node ran on {where or 'nothing'}"
    return f"{len(cases)} cases equal in every bit, each node on {PROVIDER}"


def bound(made, inputs, outputs):
    """A binding whose image is in device memory, as are the outputs."""
    binding = made.io_binding()
    values = []
    for name, value in inputs.items():
        values.append(ort.OrtValue.ortvalue_from_numpy(value, *(("cpu",) if name == "shapes" else ("cuda", 0))))
        binding.bind_ortvalue_input(name, values[-1])
    results = [ort.OrtValue.ortvalue_from_shape_and_type(output["shape"], TYPES[output["dtype"]], "cuda", 0)
               for output in outputs]
    for output, result in zip(outputs, results):
        binding.bind_ortvalue_output(output["name"], result)
    return binding, results, values


def check_vectors(cases, folder, cuda):
    """Every preset at every opset, portable and fused, with the provider's own settings (TF32 is on)."""
    counts = {}
    for way, library in (("portable", False), ("fused", True)):
        equal = total = 0
        for entry in json.loads((folder / "vectors/vectors.json").read_text())["models"]:
            options = ort.SessionOptions()
            options.log_severity_level = 3
            if library:
                options.register_custom_ops_library(str(folder / "libprep_onnx_op.so"))
            made = ort.InferenceSession(str(folder / "vectors" / entry["model"]), options,
                                        providers=[(PROVIDER, {"device_id": "0"})])
            assert made.get_providers()[0] == PROVIDER, f"ONNX Runtime fell back to {made.get_providers()}"
            for case in entry["cases"]:
                image = np.fromfile(folder / "vectors" / case["image"], np.uint8).reshape(case["image_shape"])
                (output,) = made.run(None, {made.get_inputs()[0].name: image})
                same = hashlib.sha256(np.ascontiguousarray(output).tobytes()).hexdigest() == case["sha256"]
                if not same:
                    print(f"differs: {way}, {entry['model']}, {case['image']}", flush=True)
                equal += same
                total += 1
        counts[way] = (equal, total)
    said = "; ".join(f"{way}: {equal} of {total} equal" for way, (equal, total) in counts.items())
    assert all(equal == total for equal, total in counts.values()), said
    return said


def check_graph(cases, folder, cuda):
    """A CUDA graph of each batch case, captured after a warm run, replayed on other pixels."""
    count = 0
    for index, case in enumerate(cases):
        if case["accept"] != "batch":
            continue
        made = session(folder, f"{index}.onnx", cuda, enable_cuda_graph="1")
        inputs = inputs_of(case, folder, index)
        binding, outputs, values = bound(made, {k: np.zeros_like(v) for k, v in inputs.items()}, case["outputs"])
        for _ in range(3):
            made.run_with_iobinding(binding)
        values[0].update_inplace(inputs["image"])
        made.run_with_iobinding(binding)
        cuda.synchronize()
        for output, got, expected in zip(case["outputs"], outputs, expected_of(case, folder, index), strict=True):
            assert got.numpy().tobytes() == expected.tobytes(), f"case {index}: {output['name']} differs"
        count += 1
    return f"{count} graphs replayed with other pixels, every bit equal"


def check_memory(cases, folder, cuda):
    for index, case in enumerate(cases):
        made = session(folder, f"{index}.onnx", cuda)
        binding, _, _kept = bound(made, inputs_of(case, folder, index), case["outputs"])
        for _ in range(100):
            made.run_with_iobinding(binding)
        cuda.synchronize()
        before = cuda.free_bytes()
        for _ in range(10_000 if index == 0 else 1_000):
            made.run_with_iobinding(binding)
        cuda.synchronize()
        assert cuda.free_bytes() >= before, f"case {index}: {before - cuda.free_bytes()} bytes of device memory are gone"
    return f"10,000 runs of a case and 1,000 of {len(cases) - 1} others, no growth of device memory"


def crop_bytes(height, width, resized=256, crop=224):
    """Source bytes of the centre crop: its share of both edges, plus the filter's reach."""
    scale = min(height, width) / resized
    edge = crop * scale + 2 * scale
    return 3 * min(edge, height) * min(edge, width)


def time_op(folder, cuda, lines):
    """The worst ratio of version 1 to its floor; source bytes are those of the crop there, of the whole image elsewhere."""
    ratios = []
    rng = np.random.default_rng(0)
    timed = set()
    for index, case in enumerate(json.loads((folder / "timed.json").read_text())):
        height, width, channels = case["shapes"][0]
        images = rng.integers(0, 256, (case["images"], height, width, channels), np.uint8)
        output = case["outputs"][0]
        made = session(folder, f"time-{index}.onnx", cuda)
        binding, _, _kept = bound(made, {"image": images}, case["outputs"])
        # Otherwise each run ends with a wait for the GPU, which would be timed too.
        ahead = ort.RunOptions()
        ahead.add_run_config_entry("disable_synchronize_execution_providers", "1")
        for _ in range(20):
            made.run_with_iobinding(binding, ahead)
        took = cuda.seconds(lambda: made.run_with_iobinding(binding, ahead))
        first = case["version"] == 1
        read = case["images"] * crop_bytes(height, width) if first else images.nbytes
        floor = (read + np.prod(output["shape"]) * np.dtype(TYPES[output["dtype"]]).itemsize) / BANDWIDTH
        lines.append(f"| op, {case['name']}, {case['images']} of {width}x{height} | {took * 1e6:.0f} us | "
                     f"{floor * 1e6:.0f} us | {took / floor:.2f} |")
        if first:
            ratios.append(took / floor)
            if (height, width) not in timed:
                timed.add((height, width))
                time_torch(images, lines)
    return max(ratios)


def time_torch(images, lines):
    try:
        import torch
        from torchvision.transforms.v2 import functional as tv
        assert torch.cuda.is_available()
    except (ImportError, AssertionError) as error:
        lines.append(f"| torch and torchvision | not here: {error} | | |")
        return
    batch = torch.from_numpy(images).cuda().permute(0, 3, 1, 2).contiguous()
    _, _, height, width = batch.shape
    size = (256, 256 * width // height) if height <= width else (256 * height // width, 256)

    def interpolate():
        resized = torch.nn.functional.interpolate(batch.float(), size, mode="bilinear", antialias=True)
        return tv.center_crop(resized, [224, 224]) / 255

    def v2():
        resized = tv.resize(batch, list(size), antialias=True)
        return tv.normalize(tv.to_dtype(tv.center_crop(resized, [224, 224]), torch.float32, scale=True),
                            [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    for name, work in (("torch interpolate(antialias=True)", interpolate), ("torchvision v2", v2)):
        for _ in range(5):
            work()
        times = []
        for _ in range(7):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            for _ in range(10):
                work()
            end.record()
            end.synchronize()
            times.append(start.elapsed_time(end) / 1e4)
        lines.append(f"| {name}, 256 of {width}x{height} | {sorted(times)[3] * 1e6:.0f} us | | |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path, help="write the times to this Markdown file")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    assert PROVIDER in ort.get_available_providers(), f"this onnxruntime has {ort.get_available_providers()}"
    print(f"onnxruntime {ort.__version__}", flush=True)
    cuda = Cuda()
    cases = json.loads((folder / "cases.json").read_text())
    for check in (check_bits, check_vectors, check_graph, check_memory):
        print(f"ok {check.__name__[6:]}: {check(cases, folder, cuda)}", flush=True)
    lines = ["| work | time of a call | roofline floor | ratio |", "|---|---|---|---|"]
    worst = time_op(folder, cuda, lines)
    text = "\n".join(lines)
    print(text)
    if arguments.record:
        arguments.record.write_text(text + "\n")
    assert worst <= BOUND, f"a launch takes {worst:.2f} times its roofline floor; at most {BOUND} is meant"


if __name__ == "__main__":
    main()
