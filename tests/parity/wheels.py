#!/usr/bin/env python3
"""The models in the wheels of rapidocr-onnxruntime and ddddocr: embedded, and their packages' own answers reproduced on drawn text.

    python tests/parity/wheels.py target/release/prep-onnx FOLDER

Needs rapidocr-onnxruntime 1.4, ddddocr 1.6, onnxruntime, Pillow. The models stay where the packages are; what is embedded goes to FOLDER.
Then ddddocr's detector with `--then detections=yolox`: the boxes of its `detection` on 12 drawn images, in the same order.
Per model: how `embed` names it without --pipeline, then the outputs of the embedded model on the picture and those that the package's own
call gives its session, bit for bit; and what both read. Ends with an error where a bit or a text differs.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont


def drawn(text, size, height=40):
    picture = Image.new("RGB", size, (250, 248, 240))
    ImageDraw.Draw(picture).text((8, 4), text, fill=(20, 30, 60), font=ImageFont.load_default(height * 3 // 4))
    return picture


def embed(program, model, out, *options):
    done = subprocess.run([program, "embed", str(model), "-o", str(out), "--json", "--no-load", *options], capture_output=True, text=True)
    return json.loads(done.stdout)


def outputs(file, picture):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: np.asarray(picture)[None]})


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    import ddddocr
    import rapidocr_onnxruntime
    from rapidocr_onnxruntime import RapidOCR
    models = pathlib.Path(rapidocr_onnxruntime.__file__).parent / "models"
    others = pathlib.Path(ddddocr.__file__).parent
    rapid = RapidOCR()
    text, line, wrong = drawn("Bits equal 2026", (420, 160), 48), drawn("Bits equal 2026", (300, 40)), 0
    code = drawn("x7k9", (110, 40))
    bgr = lambda picture: np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])

    def session_of(part):
        return part.session if hasattr(part, "session") else part.infer

    def recorded(owner, name, call):
        """What a package's call feeds and gets of the runtime."""
        session, seen = getattr(owner, name), []

        class Recorder:
            def __getattr__(self, key):
                return getattr(session, key)

            def __call__(self, tensor, *rest):
                seen.append(session(tensor, *rest))
                return seen[-1]

            def run(self, *args, **kwargs):
                outputs = session.run(*args, **kwargs)
                # A copy: what comes after the model may work in place.
                seen.append([output.copy() for output in outputs])
                return outputs

        setattr(owner, name, Recorder())
        answer = call()
        setattr(owner, name, session)
        return answer, seen[0]

    engines = []
    reader, detector = ddddocr.DdddOcr(show_ad=False), ddddocr.DdddOcr(det=True, ocr=False, show_ad=False)
    for owner in (reader, detector):
        for part in vars(owner).values():
            if hasattr(part, "session") and part.session is not None:
                engines.append(part)
    cases = [
        (models / "ch_PP-OCRv4_rec_infer.onnx", (), line, lambda: recorded(rapid.text_rec, "session", lambda: rapid.text_rec(bgr(line))[0])),
        (models / "ch_PP-OCRv4_det_infer.onnx", ("--pipeline", "rapidocr-det"), text, lambda: recorded(rapid.text_det, "infer", lambda: rapid.text_det(bgr(text))[0])),
        (models / "ch_ppocr_mobile_v2.0_cls_infer.onnx", ("--pipeline", "paddleocr-cls"), line, lambda: recorded(rapid.text_cls, "infer", lambda: rapid.text_cls(bgr(line))[1])),
        (others / "common_old.onnx", ("--pipeline", "ddddocr"), code, lambda: recorded(engines[0], "session", lambda: reader.classification(code))),
        (others / "common_det.onnx", ("--pipeline", "yolox", "--size", "416"), text, lambda: recorded(engines[1], "session", lambda: detector.detection(png(text)))),
    ]
    for model, options, picture, ask in cases:
        plain = embed(program, model, folder / "plain.onnx", "--dry-run")
        said = plain["pipeline_from"] if plain["ok"] else plain["error"]["fix"]
        out = folder / f"{model.stem}.prep.onnx"
        answer = embed(program, model, out, *options)
        if not answer["ok"]:
            sys.exit(f"{model.name}: {answer['error']}")
        theirs, expected = ask()
        same = all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(outputs(out, picture), expected))
        wrong += not same
        print(f"{model.name}: {said}\n  {' '.join(options) or 'recognised'}: {'outputs equal' if same else 'OUTPUTS DIFFER'}; the package says {str(theirs)[:120]}", flush=True)
    return int(wrong > 0 or detections(program, others / "common_det.onnx", folder / "detections.onnx", detector) > 0)


SIZES = [(420, 160), (300, 150), (640, 480), (300, 300), (500, 200), (1280, 720), (200, 420), (97, 61), (33, 50), (416, 416), (800, 120), (613, 415)]


def detections(program, model, out, detector):
    """How many images have other boxes than ddddocr's, which are cut to whole pixels inside the image."""
    answer = embed(program, model, out, "--pipeline", "yolox", "--size", "416", "--then", "detections=yolox")
    if not answer["ok"]:
        sys.exit(f"{model.name}: {answer['error']}")
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    different = boxes = 0
    for seed, (width, height) in enumerate(SIZES):
        random = np.random.default_rng(seed)
        picture = Image.new("RGB", (width, height), (250, 248, 240))
        for character in "x7k9Qm":
            place = tuple(int(random.integers(0, max(1, edge - 30))) for edge in (width, height))
            colour = tuple(int(value) for value in random.integers(0, 200, 3))
            ImageDraw.Draw(picture).text(place, character, fill=colour, font=ImageFont.load_default(int(random.integers(14, 40))))
        theirs = detector.detection(png(picture))
        ours = session.run(["boxes"], {session.get_inputs()[0].name: np.asarray(picture)[None]})[0].astype(np.int64).tolist()
        boxes += len(theirs)
        different += ours != theirs
    print(f"{model.name}: {boxes} boxes of {len(SIZES)} images, {different} images with others")
    return different


def png(picture):
    import io
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
