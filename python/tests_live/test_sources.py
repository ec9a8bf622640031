"""Objects of timm, torchvision and open_clip, handed in live, with what is installed."""

import numpy as np
import prep_onnx
import pytest
import timm
import torch
import torchvision
from PIL import Image
from prep_onnx import Pipeline
from torchvision.transforms import v2

from drawing import drawn  # noqa: I001

PHOTOS = [Image.fromarray(drawn(*size)) for size in ((333, 500), (720, 1280), (224, 224), (97, 411))]


def equal(pipeline, transform):
    for photo in PHOTOS:
        want = np.asarray(transform(photo))[None]
        got = pipeline(photo)
        assert got.dtype == want.dtype and got.shape == want.shape and got.tobytes() == want.tobytes(), photo.size


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "mobilenetv3_small_100.lamb_in1k", "tf_efficientnet_b0.in1k"])
def test_timm(name):
    model = timm.create_model(name, pretrained=False)
    config = timm.data.resolve_data_config({}, model=model)
    transform = timm.data.create_transform(**config)
    for given in (model, config, dict(model.pretrained_cfg), name, f"hf_hub:timm/{name}"):
        equal(Pipeline.from_timm(given), transform)
    equal(Pipeline.from_torchvision(transform), transform)


@pytest.mark.parametrize(
    "weights",
    [
        torchvision.models.ResNet50_Weights.IMAGENET1K_V2,
        torchvision.models.Swin_T_Weights.IMAGENET1K_V1,
        torchvision.models.ViT_H_14_Weights.IMAGENET1K_SWAG_E2E_V1,
        torchvision.models.segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        torchvision.models.detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1,
    ],
    ids=str,
)
def test_torchvision_weights(weights):
    for given in (weights, weights.transforms(), str(weights)):
        equal(Pipeline.from_torchvision(given), weights.transforms())


def test_compositions_of_torchvision():
    tv = torchvision.transforms
    normalize = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}
    for transform in (
        tv.Compose([tv.Resize(96), tv.CenterCrop(80), tv.ToTensor(), tv.Normalize(**normalize)]),
        tv.Compose([tv.Resize((64, 100), interpolation=tv.InterpolationMode.BICUBIC), tv.ToTensor()]),
        tv.Compose([tv.Compose([tv.Resize([90])]), tv.PILToTensor(), tv.ConvertImageDtype(torch.float32)]),
        v2.Compose([v2.ToImage(), v2.Resize((70, 60)), v2.ToDtype(torch.float32, scale=True), v2.Normalize(**normalize)]),
        v2.Compose([v2.ToImage(), v2.Resize(size=(70, 60), antialias=False), v2.ToDtype(torch.float32, scale=True)]),
        v2.Compose([v2.ToImage(), v2.CenterCrop(600), v2.ToDtype(torch.float32, scale=True)]),
        v2.Compose([v2.PILToTensor(), v2.Resize(50), v2.ConvertImageDtype(torch.float32)]),
        tv.Compose([tv.CenterCrop((50, 700)), tv.ToTensor()]),
        # The first version resizes bytes through floats; both resize floats.
        tv.Compose([tv.PILToTensor(), tv.Resize(64), tv.ConvertImageDtype(torch.float32)]),
        tv.Compose([tv.PILToTensor(), tv.Resize((64, 90), interpolation=tv.InterpolationMode.BICUBIC, antialias=False), tv.ConvertImageDtype(torch.float32)]),
        tv.Compose([tv.ToTensor(), tv.Resize(64), tv.CenterCrop(60), tv.Normalize(**normalize)]),
        tv.Compose([tv.ToTensor(), tv.Resize((200, 300), interpolation=tv.InterpolationMode.BICUBIC)]),
        tv.Compose([tv.ToTensor(), tv.Normalize(**normalize), tv.Resize((66, 70), antialias=False)]),
        v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Resize((70, 60)), v2.Normalize(**normalize)]),
        v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Resize((170, 260), interpolation=v2.InterpolationMode.BICUBIC, antialias=False)]),
    ):
        equal(Pipeline.from_torchvision(transform), transform)
    for refused, words in (
        (tv.Compose([tv.Resize(64)]), "end in an image of Pillow"),
        (tv.Compose([tv.ColorJitter(), tv.ToTensor()]), r"transforms\[0\]: cannot be expressed: ColorJitter"),
        (tv.Compose([tv.Resize(64, max_size=100), tv.ToTensor()]), "max_size"),
        (torch.nn.Linear(2, 2), "cannot be expressed"),
    ):
        with pytest.raises(prep_onnx.ConfigError, match=words):
            Pipeline.from_torchvision(refused)


@pytest.mark.parametrize("name", ["R3D_18", "S3D", "MViT_V2_S", "Swin3D_B"])
def test_videos_of_one_frame(name):
    weights = torchvision.models.get_model_weights(name.lower()).KINETICS400_V1

    def transform(photo):
        return weights.transforms()(torch.from_numpy(np.array(photo).transpose(2, 0, 1)[None].copy()))

    for given in (weights, weights.transforms(), str(weights)):
        equal(Pipeline.from_torchvision(given), transform)


def test_open_clip():
    open_clip = pytest.importorskip("open_clip")
    model, _, transform = open_clip.create_model_and_transforms("RN50")
    for given in (transform, model):
        equal(Pipeline.from_open_clip(given), transform)
    assert Pipeline.from_open_clip("ViT-B-32/openai").output_size == (224, 224)
    equal(Pipeline.from_open_clip(model.visual.preprocess_cfg), transform)
