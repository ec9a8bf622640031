#!/usr/bin/env python3
"""Trains models/zoo/shapes-cnn.onnx on pictures that shapes.py draws, and measures what wrong pipelines cost.

Needs numpy, Pillow, torch and onnx. Takes some minutes on two cores. Same machine, same versions: same bytes.
Writes models/zoo/shapes-cnn.onnx, models/zoo/labels.txt, models/demo/*.png, models/zoo/shapes-cnn.json
(versions and accuracies) and the accuracy table of README.md.
usage: make_shapes_cnn.py [--train N] [--test N] [--epochs N]
"""

import argparse
import json
import pathlib
import platform

import numpy as np
import onnx
import PIL
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import make_images
import shapes

HERE = pathlib.Path(__file__).resolve().parent
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
OPSET, IR = 17, 8


def shortest_edge(image, size, resample):
    width, height = image.size
    if width <= height:
        return image.resize((size, int(size * height / width)), resample)
    return image.resize((int(size * width / height), size), resample)


def centre_crop(image, size):
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def pixels(image):
    """The geometry of the right pipeline: uint8 (224, 224, 3)."""
    return np.asarray(centre_crop(shortest_edge(image, 256, Image.Resampling.BILINEAR), 224))


def normalise(u8, mean=MEAN, std=STD):
    return ((u8.astype(np.float32) / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)


def no_antialias(image):
    """Bilinear interpolation between the four nearest source pixels only, as many re-implementations do."""
    width, height = image.size
    w, h = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    x = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float()
    x = torch.nn.functional.interpolate(x, (h, w), mode="bilinear", antialias=False, align_corners=False)
    out = x[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.asarray(centre_crop(Image.fromarray(out), 224))


def nearest(image):
    return np.asarray(centre_crop(shortest_edge(image, 256, Image.Resampling.NEAREST), 224))


def squash(image):
    return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))


# name -> (geometry, arithmetic)
PIPELINES = {
    "right: shortest edge 256, centre crop 224, antialiased bilinear, RGB, ImageNet mean and std": (pixels, normalise),
    "BGR instead of RGB": (pixels, lambda u: normalise(u[..., ::-1])),
    "bilinear without antialias": (no_antialias, normalise),
    "nearest": (nearest, normalise),
    "squash to 224 x 224": (squash, normalise),
    "only divided by 255": (pixels, lambda u: normalise(u, np.float32(0), np.float32(1))),
    "not even divided by 255": (pixels, lambda u: u.astype(np.float32).transpose(0, 3, 1, 2)),
    "mean and std 0.5": (pixels, lambda u: normalise(u, np.float32(0.5), np.float32(0.5))),
}

CHANNELS = [(3, 12, 5), (12, 24, 3), (24, 32, 3), (32, 48, 3), (48, 64, 3)]


class Net(torch.nn.Module):
    """Five strided convolutions with batch normalisation, global average pooling, one linear layer."""

    def __init__(self):
        super().__init__()
        self.convs = torch.nn.ModuleList(torch.nn.Conv2d(i, o, k, stride=2, padding=k // 2, bias=False) for i, o, k in CHANNELS)
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(o) for _, o, _ in CHANNELS)
        self.head = torch.nn.Linear(CHANNELS[-1][1], len(shapes.LABELS))

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = torch.relu(norm(conv(x)))
        return self.head(x.mean((2, 3)))


def dataset(count, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(shapes.LABELS)
    return [shapes.draw(int(label), rng) for label in labels], labels


def train(count, epochs):
    torch.manual_seed(1)
    images, labels = dataset(count, seed=100)
    x = torch.from_numpy(np.stack([pixels(Image.fromarray(i)) for i in images]))
    y = torch.from_numpy(labels)
    del images
    net = Net()
    steps = epochs * (count // 40)
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    for epoch in range(epochs):
        order, losses = torch.randperm(count), []
        for start in range(0, count - 39, 40):
            index = order[start : start + 40]
            batch = torch.from_numpy(normalise(x[index].numpy()))
            if torch.rand(1) < 0.5:
                batch = batch.flip(3)
            loss = torch.nn.functional.cross_entropy(net(batch), y[index], label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}", flush=True)
    return net.eval()


def folded(net):
    """Per layer weight and bias with the batch normalisation folded in, float32."""
    out = []
    for conv, norm in zip(net.convs, net.norms):
        scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().double()
        weight = conv.weight.detach().double() * scale[:, None, None, None]
        bias = norm.bias.detach().double() - norm.running_mean.double() * scale
        out.append((weight.float().numpy(), bias.float().numpy()))
    return out


def export(net, path):
    nodes, weights, x = [], [], "input"
    for index, (weight, bias) in enumerate(folded(net), 1):
        kernel = weight.shape[-1]
        weights += [numpy_helper.from_array(weight, f"conv{index}.weight"), numpy_helper.from_array(bias, f"conv{index}.bias")]
        nodes.append(helper.make_node("Conv", [x, f"conv{index}.weight", f"conv{index}.bias"], [f"conv{index}"], name=f"conv{index}", kernel_shape=[kernel] * 2, strides=[2, 2], pads=[kernel // 2] * 4))
        nodes.append(helper.make_node("Relu", [f"conv{index}"], [f"relu{index}"], name=f"relu{index}"))
        x = f"relu{index}"
    weights += [numpy_helper.from_array(net.head.weight.detach().numpy(), "head.weight"), numpy_helper.from_array(net.head.bias.detach().numpy(), "head.bias")]
    nodes += [
        helper.make_node("GlobalAveragePool", [x], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["features"], name="flatten"),
        helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"], name="head", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "shapes-cnn",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(shapes.LABELS)])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="prep-onnx models")
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def logits(session, batch):
    return np.concatenate([session.run(None, {"input": np.ascontiguousarray(batch[i : i + 50])})[0] for i in range(0, len(batch), 50)])


def accuracy_table(session, count):
    images, labels = dataset(count, seed=200)
    images = [Image.fromarray(i) for i in images]
    table = {}
    for name, (geometry, arithmetic) in PIPELINES.items():
        batch = arithmetic(np.stack([geometry(i) for i in images]))
        guess = logits(session, batch).argmax(1)
        per_class = {shapes.LABELS[c]: round(float((guess[labels == c] == c).mean()), 3) for c in range(len(shapes.LABELS))}
        table[name] = {"accuracy": round(float((guess == labels).mean()), 4), "per_class": per_class}
        print(f"{table[name]['accuracy']:.3f}  {name}", {k: v for k, v in per_class.items() if v < 0.95})
    return table


def write_table(readme, record):
    """Puts the accuracies into README.md, between its two comments."""
    rows = ["| pipeline | accuracy | classes below 0.9 |", "|---|---|---|"]
    for name, result in record["pipelines"].items():
        low = ", ".join(f"{label} {value:.2f}" for label, value in result["per_class"].items() if value < 0.9)
        rows.append(f"| {name} | {result['accuracy']:.3f} | {low} |")
    start, end = "<!-- accuracy: written by make_shapes_cnn.py -->\n", "<!-- end -->"
    text = readme.read_text()
    head, rest = text.split(start)
    readme.write_text(head + start + "\n".join(rows) + "\n" + end + rest.split(end, 1)[1])


DEMO_SIZES = [(500, 375), (375, 500), (500, 375), (480, 360), (375, 500), (640, 480), (320, 240), (480, 320), (300, 400), (333, 251), (600, 800), (360, 480)]
DEMO_LABELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5, 0]


def demo_images(folder):
    """Twelve pictures, `<label>-<n>.png` with `_` for the space; without noise and with 64 levels, so that PNG packs them."""
    folder.mkdir(exist_ok=True)
    for index, (label, size) in enumerate(zip(DEMO_LABELS, DEMO_SIZES), 1):
        rng = np.random.default_rng(300 + index)
        image = shapes.draw(label, rng, size, grain=0.0)
        image = image // 4 * 4 + 2
        name = f"{shapes.LABELS[label].replace(' ', '_')}-{index:02d}.png"
        make_images.write(Image.fromarray(image), folder / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=3000)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    import onnxruntime

    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(2)
    zoo = HERE / "zoo"
    zoo.mkdir(exist_ok=True)
    demo_images(HERE / "demo")
    net = train(args.train, args.epochs)
    path = zoo / "shapes-cnn.onnx"
    export(net, path)
    (zoo / "labels.txt").write_text("\n".join(shapes.LABELS) + "\n")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    probe = torch.randn(2, 3, 224, 224)
    np.testing.assert_allclose(session.run(None, {"input": probe.numpy()})[0], net(probe).detach().numpy(), atol=1e-3)
    record = {
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "pillow": PIL.__version__, "torch": torch.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__},
        "trained_on": args.train,
        "tested_on": args.test,
        "pipelines": accuracy_table(session, args.test),
    }
    (zoo / "shapes-cnn.json").write_text(json.dumps(record, indent=1) + "\n")
    write_table(HERE / "README.md", record)


if __name__ == "__main__":
    main()
