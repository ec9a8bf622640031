"""The presets of detectors and readers: the preprocessing of their packages, run as the packages have it.

Needs, beside what make_plan_goldens.py needs: rapidocr-onnxruntime 1.4, ddddocr 1.6, insightface 2, rembg 2.0.86, open_clip, and the wheel of
yolov5 7.0 (unpacked: its imports are not needed). Of each the code alone runs; no model is loaded.
"""

import ast
import importlib.metadata
import importlib.util
import pathlib
import tomllib
import types

import cv2
import numpy as np
import torch
from PIL import Image

PRESETS = pathlib.Path(__file__).resolve().parents[2] / "models/presets"


def file_of(package, path):
    """A file of an installed package that is not imported."""
    for found in importlib.metadata.files(package):
        if str(found).endswith(path):
            return found.locate()
    raise FileNotFoundError(path)


def module_at(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bgr(image):
    return np.ascontiguousarray(image[..., ::-1])


def batch(tensor):
    return [np.ascontiguousarray(tensor if tensor.ndim == 4 else tensor[None])]


def register(case):
    """Adds a case for each preset here to `make_plan_goldens.py`."""
    def preset(name, sizes=None, **more):
        steps = tomllib.loads((PRESETS / f"{name}.toml").read_text())["steps"]
        options = dict(more) if sizes is None else dict(more, sizes=sizes)
        return case(f"preset {name}", steps, **options)

    def ultralytics(**arguments):
        from ultralytics.engine.predictor import BasePredictor
        self = types.SimpleNamespace(imgsz=[640, 640], args=types.SimpleNamespace(rect=True), scale_fill=arguments.get("scale_fill", False), device="cpu",
                                     model=types.SimpleNamespace(format="onnx", dynamic=False, stride=32, fp16=False))
        self.pre_transform = lambda images: BasePredictor.pre_transform(self, images)
        return lambda images: batch(BasePredictor.preprocess(self, [bgr(images[0])]).numpy())

    preset("yolo")(ultralytics())
    preset("yolo-stretched")(ultralytics(scale_fill=True))

    @preset("yolo-cls")
    def yolo_cls(images):
        from ultralytics.data.augment import classify_transforms
        return batch(classify_transforms([224, 224])(Image.fromarray(images[0])).numpy())

    @preset("yolov5-cls")
    def yolov5_cls(images):
        import torchvision.transforms as transforms
        text = file_of("yolov5", "yolov5/utils/augmentations.py").read_text()
        wanted = [node for node in ast.parse(text).body if getattr(node, "name", "") in ("CenterCrop", "ToTensor", "classify_transforms")]
        names = {"np": np, "cv2": cv2, "torch": torch, "T": transforms, "IMAGENET_MEAN": (0.485, 0.456, 0.406), "IMAGENET_STD": (0.229, 0.224, 0.225)}
        exec(compile(ast.Module(wanted, []), "augmentations.py", "exec"), names)
        return batch(names["classify_transforms"](224)(bgr(images[0])).numpy())

    @preset("yolox")
    def yolox(images):
        from ddddocr.core.detection_engine import DetectionEngine
        return batch(DetectionEngine.preproc(None, bgr(images[0]), (640, 640))[0])

    @preset("scrfd")
    def scrfd(images):
        from insightface.model_zoo.scrfd import SCRFD
        self = types.SimpleNamespace(input_mean=127.5, input_std=128.0, input_dtype=np.float32)
        self.forward = lambda image, threshold: setattr(self, "image", image) or ([], [], [])
        self.use_kps = False
        self._detect = SCRFD._detect_candidates(self, bgr(images[0]), (640, 640), 0.5)
        return batch(cv2.dnn.blobFromImage(self.image, 1.0 / self.input_std, (640, 640), (self.input_mean,) * 3, swapRB=True))

    @preset("arcface")
    def arcface(images):
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX
        fed = {}
        session = types.SimpleNamespace(run=lambda names, feed: fed.update(feed) or [None])
        self = types.SimpleNamespace(input_size=(112, 112), input_mean=127.5, input_std=127.5, session=session, output_names=[], input_name="data")
        self._coerce_input_blob = lambda blob: ArcFaceONNX._coerce_input_blob(self, blob)
        ArcFaceONNX.get_feat(self, bgr(images[0]))
        return batch(fed["data"])

    # Of thin images the shorter edge becomes 736, and the longer one a hundred thousand.
    @preset("rapidocr-det", [(37, 53), (65, 64), (224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (1111, 777)])
    def rapidocr_det(images):
        from rapidocr_onnxruntime.ch_ppocr_det.utils import DetPreProcess
        made = DetPreProcess(736, "min", [0.5] * 3, [0.5] * 3)(bgr(images[0]))
        if made is None:
            raise ValueError("nothing is left")
        return batch(made)

    def reader(shape):
        return types.SimpleNamespace(cls_image_shape=shape, rec_image_shape=shape)

    @preset("paddleocr-cls")
    def paddleocr_cls(images):
        from rapidocr_onnxruntime.ch_ppocr_cls.text_cls import TextClassifier
        return batch(TextClassifier.resize_norm_img(reader([3, 48, 192]), bgr(images[0])))

    @preset("paddleocr-rec", batches=True)
    def paddleocr_rec(images):
        from rapidocr_onnxruntime.ch_ppocr_rec.text_recognize import TextRecognizer
        widest = max([320 / 48] + [image.shape[1] * 1.0 / image.shape[0] for image in images])
        return [np.stack([TextRecognizer.resize_norm_img(reader([3, 48, 320]), bgr(image), widest) for image in images])]

    @preset("ddddocr")
    def ddddocr(images):
        from ddddocr.core.ocr_engine import OCREngine
        return batch(OCREngine._preprocess_image(types.SimpleNamespace(use_import_onnx=False), Image.fromarray(images[0]), False))

    def rembg(size, mean, std):
        def run(images):
            base = module_at(file_of("rembg", "rembg/sessions/base.py"))
            self = types.SimpleNamespace(inner_session=types.SimpleNamespace(get_inputs=lambda: [types.SimpleNamespace(name="x")]))
            picture = Image.fromarray(images[0])
            if np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS)).max() != 255:
                raise ValueError("its brightest value is not 255")
            return batch(base.BaseSession.normalize(self, picture, mean, std, (size, size))["x"])
        return run

    preset("rembg", [(224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (66, 1024)])(rembg(320, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    preset("rembg-isnet", [(224, 224), (333, 500), (427, 640), (480, 640), (1111, 777)])(rembg(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)))

    @preset("clip-interrogator")
    def clip_interrogator(images):
        import open_clip
        from open_clip.transform import PreprocessCfg, image_transform_v2
        known = open_clip.get_pretrained_cfg("ViT-L-14", "openai")
        fields = {key: known[key] for key in ("mean", "std", "interpolation", "resize_mode")}
        return batch(image_transform_v2(PreprocessCfg(size=224, **fields), is_train=False)(Image.fromarray(images[0])).numpy())
