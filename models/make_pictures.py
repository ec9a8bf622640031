#!/usr/bin/env python3
"""Draws the picture of the README: a photo, and the boxes that a file that embed wrote answers for it.

The photo is drawn (`scene.py`), and the model is a toy without weights, made here: boxes around balls by their colours. What is shown is
what `run --draw` writes; the file takes the photo as it is.

Needs numpy, Pillow, onnx, and a built prep-onnx with ONNX Runtime.
usage: make_pictures.py PREP_ONNX [-o FOLDER]
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw, ImageFont

from scene import landscape

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS, COLUMNS = 240, 320
PIPELINE = f'[[steps]]\nstep = "resize"\nsize = [{ROWS}, {COLUMNS}]\nfilter = "bilinear"\nresampler = "pillow"\n[[steps]]\nstep = "rescale"\ndivisor = 255\n'
COLOURS = 250


class Graph:
    """Nodes of a model from `image`, [1, 3, ROWS, COLUMNS] between 0 and 1."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, value):
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind, *inputs, **attributes):
        inputs = [each if isinstance(each, str) else self.constant(each) for each in inputs]
        name = f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def floats(self, condition):
        return self.op("Cast", condition, to=TensorProto.FLOAT)

    def channel(self, index):
        return self.op("Slice", "image", np.int64([index]), np.int64([index + 1]), np.int64([1]))

    def excess(self, index):
        """By how much a channel is above both others, as a part of all three: what a colour is, lit or not."""
        others = self.op("Max", *(self.channel(other) for other in range(3) if other != index))
        total = self.op("Add", self.op("ReduceSum", "image", np.int64([1]), keepdims=1), np.float32(0.05))
        return self.op("Div", self.op("Sub", self.channel(index), others), total)

    def balls(self):
        """1 where there is a red, a green, a blue ball: three of [1, 1, ROWS, COLUMNS]."""
        masks = []
        for index, least in enumerate((0.3, 0.22, 0.42)):
            mask = self.floats(self.op("Greater", self.excess(index), np.float32(least)))
            mean = self.op("AveragePool", mask, kernel_shape=[5, 5], pads=[2] * 4)
            masks.append(self.floats(self.op("Greater", mean, np.float32(0.6))))
        return masks

    def model(self, outputs):
        """The model that gives `outputs`: name, value and shape."""
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, _, shape in outputs]
        nodes = self.nodes + [helper.make_node("Identity", [value], [name]) for name, value, _ in outputs]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, ROWS, COLUMNS])
        graph = helper.make_graph(nodes, "toy", [image], values, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def detector():
    """Logits and boxes of three queries, as DETR has them: one for each colour."""
    graph = Graph()
    boxes, scores = [], []
    for mask in graph.balls():
        edges = []
        for axis, length in ((3, COLUMNS), (2, ROWS)):
            line = graph.op("ReduceMax", mask, axes=[5 - axis], keepdims=0)
            places = np.arange(length, dtype=np.float32).reshape(1, 1, -1)
            last = graph.op("ReduceMax", graph.op("Mul", line, places + 1), axes=[2], keepdims=1)
            first = graph.op("ReduceMax", graph.op("Mul", line, length - places), axes=[2], keepdims=1)
            first = graph.op("Sub", np.float32(length), first)
            centre = graph.op("Div", graph.op("Add", first, last), np.float32(2 * length))
            edges.append((centre, graph.op("Div", graph.op("Sub", last, first), np.float32(length))))
        (x, width), (y, height) = edges
        boxes.append(graph.op("Concat", x, y, width, height, axis=2))
        area = graph.op("Mul", graph.op("Mul", width, height), np.float32(ROWS * COLUMNS * np.pi / 4))
        filled = graph.op("Div", graph.op("ReduceSum", mask, np.int64([1, 2, 3]), keepdims=0), graph.op("Add", graph.op("Reshape", area, np.int64([1])), np.float32(1)))
        scores.append(graph.op("Reshape", graph.op("Sub", graph.op("Mul", filled, np.float32(9)), np.float32(5)), np.int64([1, 1, 1])))
    same = np.eye(3, 4, dtype=np.float32)[None]
    logits = graph.op("Mul", graph.op("Concat", *scores, axis=1), same)
    logits = graph.op("Add", logits, (np.float32(1) - np.eye(3, 4, dtype=np.float32)[None]) * np.float32([-9, -9, -9, 0]))
    return graph.model([("logits", logits, [1, 3, 4]), ("pred_boxes", graph.op("Concat", *boxes, axis=1), [1, 3, 4])])


ANSWERS = [("boxes", detector, ["detections=detr"], ["red ball", "green ball", "blue ball"])]


def few_colours(picture, colours=COLOURS):
    return picture.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)


def answers(tool, photo, folder):
    """What `run --draw` makes of the photo."""
    (folder / "pipeline.toml").write_text(PIPELINE)
    photo.save(folder / "photo.png")
    drawn = {}
    for name, make, steps, labels in ANSWERS:
        onnx.save(make(), folder / f"{name}.onnx")
        command = [tool, "embed", f"{name}.onnx", "--pipeline", "pipeline.toml", "-o", f"{name}.prep.onnx", "--quiet"]
        command += [word for step in steps for word in ("--then", step)]
        if labels:
            (folder / f"{name}.txt").write_text("\n".join(labels))
            command += ["--labels", f"{name}.txt"]
        subprocess.run(command, cwd=folder, check=True)
        subprocess.run([tool, "run", f"{name}.prep.onnx", "photo.png", "--draw", f"drawn-{name}", "--quiet"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        drawn[name] = Image.open(next((folder / f"drawn-{name}").glob("*.png"))).convert("RGB")
    return drawn


def strip(photo, drawn):
    """The photo, and beside it what the file answers."""
    width, height, gap, line = 360, 270, 10, 26
    panels = [("photo.png", photo)] + [(caption, drawn[name]) for caption, name in (("detector.prep.onnx: boxes in its pixels", "boxes"),)]
    sheet = Image.new("RGB", (len(panels) * (width + gap) + gap, height + gap + line), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for index, (caption, picture) in enumerate(panels):
        left = gap + index * (width + gap)
        sheet.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, gap))
        pen.text((left + width / 2, height + gap + line / 2), caption, "black", font, "mm")
    return sheet


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tool")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=ROOT / "models/pictures")
    options = parser.parse_args()
    tool = str(pathlib.Path(options.tool).resolve())
    photo = Image.fromarray(np.clip(landscape(3, 640, 480, grain=0), 0, 255).astype(np.uint8))
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        drawn = answers(tool, photo, pathlib.Path(folder))
    pictures = {"answers": strip(photo, drawn)}
    for name, picture in pictures.items():
        path = options.output / f"{name}.png"
        few_colours(picture).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
