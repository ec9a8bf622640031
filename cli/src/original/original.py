# The preprocessing of a model's own library, for `prep-onnx check`: ORIGINAL(image) gives the tensor that the library feeds the model with.
# Beside it lies spec.json: which library, and what of it. What was used is written to about.json. Nothing is downloaded.
import importlib.metadata, json, os, pathlib

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false")
HERE = pathlib.Path(__file__).resolve().parent
SPEC = json.loads((HERE / "spec.json").read_text("utf-8"))


def timm():
    import timm
    from timm.data import create_transform, resolve_data_config

    if "file" in SPEC:
        config = json.loads(pathlib.Path(SPEC["file"]).read_text("utf-8-sig"))
        config = {**config.get("pretrained_cfg", config), **(config.get("model_args") or {})}
        if "img_size" in config:
            size = config["img_size"]
            config["input_size"] = (3, *(size if isinstance(size, list) else (size, size)))
    else:
        config = timm.get_pretrained_cfg(SPEC["name"]).to_dict()
    transform = create_transform(**resolve_data_config({}, pretrained_cfg=config))
    return lambda picture: transform(picture).unsqueeze(0).numpy()


def torchvision():
    import torchvision

    transform = torchvision.models.get_weight(SPEC["name"]).transforms()
    return lambda picture: transform(picture).unsqueeze(0).numpy()


def transformers():
    from transformers import AutoImageProcessor

    options = {"backend": "pil"} if SPEC["pillow"] else {}
    processor = AutoImageProcessor.from_pretrained(SPEC["folder"], local_files_only=True, **options)
    return lambda picture: processor(images=picture, return_tensors="np")["pixel_values"]


def ultralytics():
    import numpy as np

    os.environ["YOLO_CONFIG_DIR"] = str(HERE)
    os.chdir(HERE)
    from ultralytics import RTDETR, YOLO
    from ultralytics.engine.predictor import BasePredictor
    from ultralytics.models.yolo.classify.predict import ClassificationPredictor

    made = {}
    for predictor in (BasePredictor, ClassificationPredictor):
        if "preprocess" in vars(predictor):
            def preprocess(self, images, plain=predictor.preprocess):
                made["tensor"] = plain(self, images)
                return made["tensor"]

            predictor.preprocess = preprocess
    model = RTDETR(SPEC["model"]) if SPEC["rtdetr"] else YOLO(SPEC["model"], task=SPEC["task"])

    def run(picture):
        made.clear()
        pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])
        try:
            model.predict([pixels] * SPEC["batch"], verbose=False, save=False, device="cpu", batch=SPEC["batch"])
        except Exception:  # what comes after the model is not asked about
            if "tensor" not in made:
                raise
        return made["tensor"].numpy()[:1]

    return run


LIBRARIES = {"timm": timm, "torchvision": torchvision, "transformers": transformers, "ultralytics": ultralytics}
MADE = LIBRARIES[SPEC["library"]]()
(HERE / "about.json").write_text(json.dumps({"version": importlib.metadata.version(SPEC["library"])}))


def ORIGINAL(picture):
    import numpy as np

    tensor = np.asarray(MADE(picture))
    if SPEC["layout"] == "nhwc":
        tensor = tensor.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(tensor.astype(SPEC["dtype"]))
