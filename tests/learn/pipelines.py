"""The 100 pipelines that `prep-onnx learn` is tried on, and those that it has to refuse: NAME = callable.

torchvision, albumentations, transformers, timm, OpenCV, NumPy and Pillow as they are used in evaluation code.
"""

import functools

import numpy as np
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
FAMILIES = {}
"""Family: {name: maker of the callable}."""


def case(family):
    """Registers a maker."""

    def register(maker):
        FAMILIES.setdefault(family, {})[maker.__name__] = maker
        return maker

    return register


def add(family, name, maker):
    FAMILIES.setdefault(family, {})[name] = maker


# torchvision: 30


def compose(*names):
    """torchvision.transforms.Compose of (name, arguments) pairs."""

    def make():
        from torchvision import transforms as T

        return T.Compose([getattr(T, name)(*args, **keys) for name, args, keys in names])

    return make


def t(name, *args, **keys):
    return (name, args, keys)


def mode(name):
    from torchvision.transforms import InterpolationMode

    return InterpolationMode(name)


def standard(size, crop, mean=MEAN, std=STD, interpolation="bilinear", **keys):
    return compose(
        t("Resize", size, interpolation=mode(interpolation), **keys),
        t("CenterCrop", crop),
        t("ToTensor"),
        t("Normalize", mean, std),
    )


TORCHVISION = {
    "imagenet": standard(256, 224),
    "imagenet_232": standard(232, 224),
    "imagenet_bicubic": standard(256, 224, interpolation="bicubic"),
    "imagenet_lanczos": standard(256, 224, interpolation="lanczos"),
    "clip": standard(224, 224, *CLIP, interpolation="bicubic"),
    "inception": standard(342, 299, *HALF),
    "box": standard(128, 112, interpolation="box"),
    "hamming": standard(160, 144, interpolation="hamming"),
    "nearest": standard(96, 64, interpolation="nearest"),
    "shortest_and_max": compose(
        t("Resize", 200, max_size=260), t("ToTensor"), t("Normalize", MEAN, STD)
    ),
    "squash": compose(t("Resize", (224, 224)), t("ToTensor"), t("Normalize", MEAN, STD)),
    "squash_wide": compose(t("Resize", (128, 256)), t("ToTensor")),
    "squash_half": compose(t("Resize", (96, 96)), t("ToTensor"), t("Normalize", *HALF)),
    "only_tensor": compose(t("ToTensor")),
    "only_normalize": compose(t("ToTensor"), t("Normalize", MEAN, STD)),
    "crop_alone": compose(t("CenterCrop", 160), t("ToTensor")),
    "crop_rectangle": compose(t("Resize", 180), t("CenterCrop", (120, 160)), t("ToTensor")),
    "crop_pads": compose(t("Resize", 100), t("CenterCrop", 160), t("ToTensor"), t("Normalize", MEAN, STD)),
    "crop_after": compose(t("Resize", 150), t("ToTensor"), t("CenterCrop", 128), t("Normalize", MEAN, STD)),
    "normalize_then_crop": compose(t("Resize", 100), t("ToTensor"), t("Normalize", MEAN, STD), t("CenterCrop", 160)),
    "gray": compose(t("Grayscale"), t("Resize", (64, 64)), t("ToTensor"), t("Normalize", (0.5,), (0.5,))),
    "gray_three": compose(t("Resize", 72), t("CenterCrop", 64), t("Grayscale", 3), t("ToTensor"), t("Normalize", MEAN, STD)),
    "mnist": compose(t("Resize", (28, 28)), t("Grayscale"), t("ToTensor"), t("Normalize", (0.1307,), (0.3081,))),
    "cifar": compose(t("Resize", (32, 32)), t("ToTensor"), t("Normalize", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))),
    "bytes": compose(t("Resize", 96), t("CenterCrop", 96), t("PILToTensor")),
}
for name, maker in TORCHVISION.items():
    add("torchvision", name, maker)


def v2(*names):
    def make():
        import torch
        from torchvision.transforms import v2 as T

        dtype = {"float32": torch.float32, "float16": torch.float16}
        made = []
        for name, args, keys in names:
            keys = {key: dtype.get(value, value) if isinstance(value, str) else value for key, value in keys.items()}
            made.append(getattr(T, name)(*[dtype.get(a, a) if isinstance(a, str) else a for a in args], **keys))
        return T.Compose(made)

    return make


TO_FLOAT = t("ToDtype", "float32", scale=True)
V2 = {
    "v2_tensor": v2(t("ToImage"), t("Resize", 256), t("CenterCrop", 224), TO_FLOAT, t("Normalize", MEAN, STD)),
    "v2_bicubic": v2(t("ToImage"), t("Resize", 240, interpolation=mode("bicubic")), t("CenterCrop", 224), TO_FLOAT, t("Normalize", *CLIP)),
    "v2_plain": v2(t("ToImage"), t("Resize", (160, 160), antialias=False), TO_FLOAT, t("Normalize", *HALF)),
    "v2_pad": v2(t("ToImage"), t("Resize", 99, max_size=100), t("CenterCrop", (112, 100)), TO_FLOAT),
    "v2_unscaled": v2(t("ToImage"), t("Resize", (64, 96)), t("ToDtype", "float32")),
}
for name, maker in V2.items():
    add("torchvision", name, maker)


# albumentations: 20


def augment(make_list):
    def make():
        import albumentations as A
        import cv2

        return A.Compose(make_list(A, cv2))

    return make


def boxed(A, cv2, size, fill=0, **keys):
    return [
        A.LongestMaxSize(size),
        A.PadIfNeeded(size, size, border_mode=cv2.BORDER_CONSTANT, fill=fill, **keys),
    ]


ALBUMENTATIONS = {
    "resize": lambda A, cv2: [A.Resize(224, 224), A.Normalize(MEAN, STD)],
    "resize_wide": lambda A, cv2: [A.Resize(96, 320), A.Normalize(*HALF)],
    "resize_nearest": lambda A, cv2: [A.Resize(128, 128, interpolation=cv2.INTER_NEAREST), A.Normalize(MEAN, STD)],
    "resize_float": lambda A, cv2: [A.Resize(112, 112), A.ToFloat(255)],
    "resize_bytes": lambda A, cv2: [A.Resize(100, 120)],
    "smallest_crop": lambda A, cv2: [A.SmallestMaxSize(256), A.CenterCrop(224, 224), A.Normalize(MEAN, STD)],
    "smallest_crop_clip": lambda A, cv2: [A.SmallestMaxSize(224), A.CenterCrop(224, 224), A.Normalize(*CLIP)],
    "smallest": lambda A, cv2: [A.SmallestMaxSize(120), A.Normalize(*HALF)],
    "longest": lambda A, cv2: [A.LongestMaxSize(300), A.Normalize(MEAN, STD)],
    "letterbox": lambda A, cv2: [*boxed(A, cv2, 320), A.Normalize(MEAN, STD)],
    "letterbox_gray": lambda A, cv2: [*boxed(A, cv2, 256, 114), A.Normalize((0, 0, 0), (1, 1, 1))],
    "letterbox_top": lambda A, cv2: [*boxed(A, cv2, 256, 0, position="top_left"), A.Normalize(MEAN, STD)],
    "letterbox_bytes": lambda A, cv2: [*boxed(A, cv2, 200, 128)],
    "crop_pad": lambda A, cv2: [A.Resize(90, 90), A.PadIfNeeded(112, 112, border_mode=cv2.BORDER_CONSTANT), A.Normalize(MEAN, STD)],
    "normalize": lambda A, cv2: [A.Normalize(MEAN, STD)],
    "normalize_scalar": lambda A, cv2: [A.Resize(64, 64), A.Normalize((0.5,), (0.25,))],
    "normalize_255": lambda A, cv2: [A.Resize(80, 80), A.Normalize((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), max_pixel_value=1.0)],
    "crop_then_resize": lambda A, cv2: [A.Crop(0, 0, 48, 40), A.Resize(64, 64), A.Normalize(MEAN, STD)],
    "to_gray": lambda A, cv2: [A.Resize(96, 96), A.ToGray(p=1.0), A.Normalize(*HALF)],
    "channel_order": lambda A, cv2: [A.Resize(96, 96), A.Normalize((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), max_pixel_value=128.0)],
}
for name, maker in ALBUMENTATIONS.items():
    add("albumentations", name, augment(maker))


# Processors of transformers: 20


def processor(name, backend="torchvision", **keys):
    def make():
        import transformers

        if backend == "pil":
            module = transformers.AutoImageProcessor
            kind = getattr(transformers, name + "Pil", None) or getattr(transformers, name)
        else:
            kind = getattr(transformers, name)
        return kind(**keys)

    return make


PROCESSORS = {
    "vit": processor("ViTImageProcessor"),
    "vit_pil": processor("ViTImageProcessor", "pil"),
    "clip": processor("CLIPImageProcessor"),
    "clip_pil": processor("CLIPImageProcessor", "pil"),
    "siglip": processor("SiglipImageProcessor"),
    "siglip_pil": processor("SiglipImageProcessor", "pil"),
    "convnext": processor("ConvNextImageProcessor", size={"shortest_edge": 224}, crop_pct=0.875),
    "convnext_384": processor("ConvNextImageProcessor"),
    "bit": processor("BitImageProcessor"),
    "bit_pil": processor("BitImageProcessor", "pil"),
    "deit": processor("DeiTImageProcessor"),
    "beit": processor("BeitImageProcessor"),
    "blip": processor("BlipImageProcessor"),
    "efficientnet": processor("EfficientNetImageProcessor"),
    "mobilevit": processor("MobileViTImageProcessor"),
    "mobilenet": processor("MobileNetV2ImageProcessor"),
    "levit": processor("LevitImageProcessor"),
    "segformer": processor("SegformerImageProcessor"),
    "glpn": processor("GLPNImageProcessor"),
    "poolformer": processor("PoolFormerImageProcessor"),
}
for name, maker in PROCESSORS.items():
    add("processors", name, maker)


# timm: 15


def timm_transform(**config):
    def make():
        from timm.data import create_transform

        return create_transform(**config)

    return make


def timm_model(name):
    def make():
        from timm.data import create_transform, resolve_data_config
        from timm.models import get_pretrained_cfg

        config = get_pretrained_cfg(name)
        return create_transform(**resolve_data_config({}, pretrained_cfg=config.to_dict()))

    return make


TIMM = [
    "resnet50.a1_in1k",
    "resnet50.tv_in1k",
    "vit_base_patch16_224.augreg_in21k_ft_in1k",
    "vit_base_patch16_clip_224.openai",
    "convnext_base.fb_in22k_ft_in1k",
    "swin_tiny_patch4_window7_224.ms_in1k",
    "efficientnet_b0.ra_in1k",
    "mobilenetv3_large_100.ra_in1k",
    "eva02_base_patch14_448.mim_in22k_ft_in22k_in1k",
    "beit_base_patch16_224.in22k_ft_in22k_in1k",
    "inception_v3.tv_in1k",
]
for name in TIMM:
    add("timm", name.replace(".", "_"), timm_model(name))
for name, config in {
    "squash": {"input_size": (3, 192, 192), "crop_mode": "squash", "crop_pct": 1.0, "interpolation": "bicubic"},
    "border": {"input_size": (3, 160, 160), "crop_mode": "border", "interpolation": "bilinear"},
    "rectangle": {"input_size": (3, 160, 224), "crop_pct": 0.9, "interpolation": "bicubic"},
    "above_one": {"input_size": (3, 128, 128), "crop_pct": 1.15, "interpolation": "bilinear"},
}.items():
    add("timm", "config_" + name, timm_transform(**config))


# By hand: 15


@case("hand")
def numpy_double():
    def run(image):
        image = np.asarray(image.resize((224, 224), Image.BILINEAR)) / 255.0
        return ((image - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1)[None].astype(np.float32)

    return run


@case("hand")
def numpy_mixed():
    def run(image):
        image = np.asarray(image.resize((224, 224), Image.BICUBIC)).astype(np.float32) / 255.0
        return ((image - np.array(MEAN)) / np.array(STD)).transpose(2, 0, 1).astype(np.float32)

    return run


@case("hand")
def numpy_single():
    mean, std = np.array(MEAN, np.float32), np.array(STD, np.float32)

    def run(image):
        image = np.asarray(image.resize((160, 160), Image.LANCZOS), np.float32) / np.float32(255)
        return ((image - mean) / std).transpose(2, 0, 1)

    return run


@case("hand")
def numpy_unrounded():
    def run(image):
        return (np.asarray(image.resize((128, 96), Image.BOX)) / 127.5 - 1.0).transpose(2, 0, 1)

    return run


@case("hand")
def opencv_blob():
    def run(image):
        import cv2

        return cv2.dnn.blobFromImage(image, 1 / 127.5, (300, 300), (127.5, 127.5, 127.5), swapRB=True)

    return keyword_free(run)


@case("hand")
def opencv_arcface():
    def run(image):
        import cv2

        image = cv2.resize(image, (112, 112))
        return ((image.astype(np.float32) - 127.5) / 127.5).transpose(2, 0, 1)

    return keyword_free(run)


@case("hand")
def opencv_caffe():
    def run(image):
        import cv2

        image = cv2.resize(image[:, :, ::-1], (224, 224)).astype(np.float32)
        return image - np.array([103.939, 116.779, 123.68], np.float32)

    return keyword_free(run)


def letterbox(image, size, color, scale_up=True):
    import cv2

    height, width = image.shape[:2]
    ratio = min(size / height, size / width)
    if not scale_up:
        ratio = min(ratio, 1.0)
    new = (int(round(width * ratio)), int(round(height * ratio)))
    left, top = (size - new[0]) / 2, (size - new[1]) / 2
    if (width, height) != new:
        image = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)
    top, bottom = int(round(top - 0.1)), int(round(top + 0.1))
    left, right = int(round(left - 0.1)), int(round(left + 0.1))
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(color,) * 3)


@case("hand")
def yolo():
    def run(image):
        image = letterbox(image, 640, 114).transpose(2, 0, 1)
        return np.ascontiguousarray(image).astype(np.float32)[None] / 255.0

    return keyword_free(run)


@case("hand")
def yolo_no_scale_up():
    def run(image):
        return letterbox(image, 320, 114, False).transpose(2, 0, 1)[None].astype(np.float32) / 255

    return keyword_free(run)


@case("hand")
def yolox():
    def run(image):
        import cv2

        padded = np.full((416, 416, 3), 114, np.uint8)
        ratio = min(416 / image.shape[0], 416 / image.shape[1])
        size = (int(image.shape[1] * ratio), int(image.shape[0] * ratio))
        padded[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        return np.ascontiguousarray(padded[:, :, ::-1].transpose(2, 0, 1), dtype=np.float32)

    return keyword_free(run)


@case("hand")
def square_then_resize():
    def run(image):
        edge = max(image.size)
        square = Image.new("RGB", (edge, edge), (122, 116, 104))
        square.paste(image, ((edge - image.width) // 2, (edge - image.height) // 2))
        image = np.asarray(square.resize((336, 336), Image.BICUBIC), np.float32) / 255
        return ((image - np.float32(CLIP[0])) / np.float32(CLIP[1])).transpose(2, 0, 1)

    return run


@case("hand")
def center_square_then_resize():
    def run(image):
        edge = min(image.size)
        left, top = (image.width - edge) // 2, (image.height - edge) // 2
        image = image.crop((left, top, left + edge, top + edge)).resize((256, 256), Image.BILINEAR)
        return np.asarray(image, np.float32) / 255

    return run


@case("hand")
def multiples_of_32():
    def run(image):
        size = (max(image.width // 32, 1) * 32, max(image.height // 32, 1) * 32)
        return (np.asarray(image.resize(size, Image.BICUBIC)).astype(np.float32) / 255).transpose(2, 0, 1)

    return run


@case("hand")
def keras_tf():
    def run(image):
        image = np.asarray(image.resize((299, 299), Image.NEAREST)).astype(np.float32)
        image /= 127.5
        image -= 1.0
        return image[None]

    return run


@case("hand")
def half_precision():
    def run(image):
        image = np.asarray(image.resize((224, 224), Image.BILINEAR), np.float32) / 255
        return ((image - np.float32(0.5)) / np.float32(0.5)).astype(np.float16).transpose(2, 0, 1)

    return run


def keyword_free(run):
    """A callable for arrays: it refuses pictures, as OpenCV does."""

    @functools.wraps(run)
    def checked(image):
        if not isinstance(image, np.ndarray):
            raise TypeError("an array is expected")
        return run(image)

    return checked


# What no pipeline does. They have to be refused.


def refused_albumentations(name, make_list):
    add("refused", name, augment(make_list))


refused_albumentations("random_crop", lambda A, cv2: [A.RandomCrop(40, 40), A.Normalize(MEAN, STD)])
refused_albumentations("flip", lambda A, cv2: [A.Resize(96, 96), A.HorizontalFlip(p=0.5), A.Normalize(MEAN, STD)])
refused_albumentations("blur", lambda A, cv2: [A.Resize(96, 96), A.GaussianBlur(blur_limit=(3, 3), sigma_limit=(0.8, 0.8), p=1.0)])
refused_albumentations("clahe", lambda A, cv2: [A.Resize(96, 96), A.CLAHE(clip_limit=(2, 2), p=1.0), A.Normalize(MEAN, STD)])
refused_albumentations("equalize", lambda A, cv2: [A.Resize(96, 96), A.Equalize(p=1.0)])
refused_albumentations("own_mean", lambda A, cv2: [A.Resize(96, 96), A.Normalize(normalization="image")])
refused_albumentations("rare_flip", lambda A, cv2: [A.Resize(96, 96), A.HorizontalFlip(p=0.1), A.Normalize(MEAN, STD)])
add("refused", "autocontrast", compose(t("Resize", 96), t("CenterCrop", 96), t("RandomAutocontrast", p=1.0), t("ToTensor")))
add("refused", "random_resized_crop", compose(t("RandomResizedCrop", 96), t("ToTensor")))
add("refused", "float_resize", compose(t("ToTensor"), t("Resize", 96, antialias=True)))


@case("refused")
def own_rounding():
    """ceil is no rule of any step."""

    def run(image):
        size = (-(-image.width * 3 // 7), -(-image.height * 3 // 7))
        return np.asarray(image.resize(size, Image.BILINEAR), np.float32)

    return run


@case("refused")
def dependent_on_brightness():
    """Two pipelines in one."""

    def run(image):
        mean = np.asarray(image).mean()
        size = (96, 96)
        image = np.asarray(image.resize(size, Image.BILINEAR if mean < 150 else Image.BICUBIC), np.float32)
        return image / 255

    return run


def __getattr__(name):
    """FAMILY__NAME: the callable itself, for `prep-onnx learn pipelines.py:FAMILY__NAME`."""
    family, _, case = name.partition("__")
    try:
        return FAMILIES[family][case]()
    except KeyError:
        raise AttributeError(name) from None


def __dir__():
    return [f"{family}__{name}" for family, cases in FAMILIES.items() for name in cases]
