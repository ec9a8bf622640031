#!/usr/bin/env python3
"""Draws the pictures of the README: a photo, and what three files that embed wrote answer for it.

The photo is drawn (`scene.py`), and the models are toys without weights, made here: boxes and masks of balls by their colours, a class for
each pixel, a nearness for each pixel. What is shown is what `run --draw` writes; each file takes the photo as it is.

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
        ground = (np.arange(ROWS) > 0.66 * ROWS).astype(np.float32).reshape(1, 1, ROWS, 1)
        around = {"kernel_shape": [13, 13], "pads": [6] * 4}
        for index, least in enumerate((0.28, 0.08, 0.1)):
            mask = self.op("Mul", self.floats(self.op("Greater", self.excess(index), np.float32(least))), ground)
            mean = self.op("AveragePool", mask, kernel_shape=[5, 5], pads=[2] * 4)
            mask = self.floats(self.op("Greater", mean, np.float32(0.6)))
            # Without holes where the light is.
            wide = self.op("MaxPool", mask, **around)
            masks.append(self.op("Neg", self.op("MaxPool", self.op("Neg", wide), **around)))
        return masks

    def model(self, outputs):
        """The model that gives `outputs`: name, value and shape."""
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, _, shape in outputs]
        nodes = self.nodes + [helper.make_node("Identity", [value], [name]) for name, value, _ in outputs]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, ROWS, COLUMNS])
        graph = helper.make_graph(nodes, "toy", [image], values, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def detector():
    """Boxes, scores and weights of masks of twelve places, and the masks, as YOLO's segmentation has them: a place and a mask for each
    colour, and empty places."""
    graph = Graph()
    masks = graph.balls()
    places = []
    for index, mask in enumerate(masks):
        edges = []
        for axis, length in ((3, COLUMNS), (2, ROWS)):
            line = graph.op("ReduceMax", mask, axes=[5 - axis], keepdims=0)
            places_of_line = np.arange(length, dtype=np.float32).reshape(1, 1, -1)
            last = graph.op("ReduceMax", graph.op("Mul", line, places_of_line + 1), axes=[2], keepdims=1)
            first = graph.op("ReduceMax", graph.op("Mul", line, length - places_of_line), axes=[2], keepdims=1)
            first = graph.op("Sub", np.float32(length), first)
            edges.append((graph.op("Div", graph.op("Add", first, last), np.float32(2)), graph.op("Sub", last, first)))
        (x, width), (y, height) = edges
        area = graph.op("Mul", graph.op("Mul", width, height), np.float32(np.pi / 4))
        count = graph.op("Reshape", graph.op("ReduceSum", mask, np.int64([1, 2, 3]), keepdims=0), np.int64([1, 1, 1]))
        filled = graph.op("Div", count, graph.op("Add", area, np.float32(1)))
        score = graph.op("Sigmoid", graph.op("Sub", graph.op("Mul", filled, np.float32(9)), np.float32(5)))
        of_class = np.eye(3, dtype=np.float32)[index].reshape(1, 3, 1)
        places.append(graph.op("Concat", x, y, width, height, graph.op("Mul", score, of_class), of_class, axis=1))
    places.append(np.zeros((1, 10, 9), np.float32))
    prototypes = graph.op("AveragePool", graph.op("Concat", *masks, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    prototypes = graph.op("Sub", graph.op("Mul", prototypes, np.float32(2)), np.float32(1))
    return graph.model([("output0", graph.op("Concat", *places, axis=2), [1, 10, 12]), ("output1", prototypes, [1, 3, ROWS // 2, COLUMNS // 2])])


def regions(graph):
    """Scores of sky, hills, ground and ball: [1, 4, ROWS, COLUMNS]."""
    red, green, blue = (graph.channel(index) for index in range(3))
    rows = np.linspace(0, 1, ROWS, dtype=np.float32).reshape(1, 1, ROWS, 1) * np.ones((1, 1, 1, COLUMNS), np.float32)
    sky = graph.op("Add", graph.op("Sub", blue, green), np.float32(1.1) - 3 * rows)
    ground = graph.op("Add", graph.op("Sub", red, blue), 8 * rows - np.float32(5.8))
    hills = graph.op("Mul", graph.op("Sub", red, red), np.float32(0))
    ball = graph.op("Mul", graph.op("Max", *graph.balls()), np.float32(9))
    return graph.op("Concat", sky, hills, ground, ball, axis=1)


def segmentation():
    graph = Graph()
    small = graph.op("AveragePool", regions(graph), kernel_shape=[2, 2], strides=[2, 2])
    return graph.model([("logits", small, [1, 4, ROWS // 2, COLUMNS // 2])])


def nearness():
    graph = Graph()
    parts = graph.op("Softmax", graph.op("Mul", regions(graph), np.float32(6)), axis=1)
    rows = np.linspace(0, 1, ROWS, dtype=np.float32).reshape(1, 1, ROWS, 1) * np.ones((1, 1, 1, COLUMNS), np.float32)
    dark = graph.op("Sub", np.float32(0.75), graph.op("ReduceMean", "image", axes=[1], keepdims=1))
    of_parts = graph.op("Concat", 0 * rows, dark, rows * 1.3 - np.float32(0.35), rows * 1.3 - np.float32(0.2), axis=1)
    depth = graph.op("ReduceSum", graph.op("Mul", parts, of_parts), np.int64([1]), keepdims=0)
    depth = graph.op("Add", depth, np.float32(0.1))
    depth = graph.op("AveragePool", graph.op("Reshape", depth, np.int64([1, 1, ROWS, COLUMNS])), kernel_shape=[5, 5], strides=[5, 5])
    return graph.model([("predicted_depth", graph.op("Reshape", depth, np.int64([1, ROWS // 5, COLUMNS // 5])), [1, ROWS // 5, COLUMNS // 5])])


ANSWERS = [
    ("boxes", detector, ["detections=seg"], ["red ball", "green ball", "blue ball"]),
    ("mask", segmentation, ["resize_to_image", "argmax"], ["sky", "hills", "ground", "ball"]),
    ("depth", nearness, ["resize_to_image=bicubic"], []),
]


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
    panels = [("photo.png", photo), ("detector.prep.onnx: boxes and masks in its pixels", drawn)]
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
    small = {name: picture.resize((360, 270), Image.Resampling.LANCZOS) for name, picture in drawn.items() if name != "boxes"}
    pictures = {"answers": strip(photo, drawn["boxes"]), **small}
    for name, picture in pictures.items():
        path = options.output / f"{name}.png"
        few_colours(picture).save(path, optimize=True)
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
