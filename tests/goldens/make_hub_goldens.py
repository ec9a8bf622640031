#!/usr/bin/env python3
"""Records what the Python libraries make of configs as hubs hold them: null keys, files of older versions, files without
a class, every class at its defaults. Needs transformers 5, timm, open_clip; no network. Writes hub.json beside itself: a
line is a config, what its library gave for each picture (the first half of the SHA-256 of the tensor), or its error.

usage: make_hub_goldens.py [--new]    --new records only configs that hub.json has not
"""

import hashlib
import json
import pathlib
import re
import sys
import tempfile
from dataclasses import asdict

import numpy as np
import open_clip
import timm
import torch
import torchvision
import transformers
from PIL import Image
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from timm.data import create_transform, resolve_data_config
from timm.models._hub import _parse_model_cfg
from timm.models._pretrained import PretrainedCfg
from transformers import AutoImageProcessor

HERE = pathlib.Path(__file__).resolve().parent
PICTURES = ("gradient-100x80", "extremes-301x227")
BACKENDS = {"torchvision": "torchvision", "pillow": "pil"}
IN = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def hw(height, width):
    return {"height": height, "width": width}


EXACT, EDGE = {"size": hw(96, 80)}, {"size": {"shortest_edge": 96}}
CROP = {"crop_size": hw(80, 72)}
# class -> the keys that make it small; its other keys stay out, so that its defaults are compared too
CLASSES = {
    "ViT": EXACT, "Beit": EXACT, "Blip": EXACT, "Pvt": EXACT, "Siglip": EXACT, "Segformer": EXACT, "RTDetr": EXACT,
    "Gemma3": EXACT, "LayoutLMv2": {**EXACT, "apply_ocr": False}, "LayoutLMv3": {**EXACT, "apply_ocr": False},
    "DPT": EXACT, "GotOcr2": EXACT, "Ovis2": EXACT, "SegGpt": EXACT, "SuperPoint": EXACT, "PromptDepthAnything": EXACT,
    "PPChart2Table": EXACT, "Sam2": EXACT, "Sam3": EXACT, "Sapiens2": EXACT, "Tipsv2": EXACT, "Tipsv2Dpt": EXACT,
    "EfficientNet": {**EXACT, "crop_size": hw(80, 72)}, "OwlViT": {**EXACT, **CROP}, "DeiT": {**EXACT, **CROP},
    "Flava": {**EXACT, **CROP}, "CLIP": {**EDGE, **CROP}, "Bit": {**EDGE, **CROP}, "Chameleon": {**EDGE, **CROP},
    "ChineseCLIP": {**EDGE, **CROP}, "Levit": {**EDGE, **CROP}, "Llava": {**EDGE, **CROP}, "MobileNetV1": {**EDGE, **CROP},
    "MobileNetV2": {**EDGE, **CROP}, "MobileViT": {**EDGE, **CROP}, "PoolFormer": {**EDGE, **CROP}, "ConvNext": EDGE,
    "VideoLlava": {**EDGE, **CROP}, "Idefics": EXACT,
}
# class -> configs of what its geometry can be told
BOTH, WITHIN = {"size": {"shortest_edge": 64, "longest_edge": 96}}, {"size": {"max_height": 60, "max_width": 90}}
PIXELS = {"size": {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}}
DETR = [BOTH, {"size": 64, "max_size": 96}, {"size": 64}, EXACT, WITHIN, EDGE, {**BOTH, "do_pad": False}, {**BOTH, "pad_size": hw(120, 130)},
        {**BOTH, "pad_and_return_pixel_mask": False}, {**BOTH, "do_resize": False}, {**BOTH, "do_center_crop": True, "crop_size": 20},
        {**BOTH, "resample": 3}, {"size": None}]
DONUT = [EXACT, {"size": hw(72, 120)}, {"size": [90, 60]}, {**EXACT, "do_align_long_axis": True}, {"size": hw(60, 90), "do_align_long_axis": True},
         {**EXACT, "do_thumbnail": False, "do_pad": False}, {**EXACT, "do_resize": False}, {**EXACT, "do_pad": False}, {**EXACT, "resample": 0}]
QWEN = [{}, PIXELS, {"min_pixels": 56 * 56, "max_pixels": 112 * 112}, {**PIXELS, "patch_size": 16}, {**PIXELS, "merge_size": 1},
        {**PIXELS, "temporal_patch_size": 1}, {**PIXELS, "resample": 2}, {**PIXELS, "do_normalize": False}]
PINPOINTS = [[32, 64], [64, 32], [64, 64], [96, 32], [32, 96]]
SQUARE, TVP = {"size": hw(96, 96)}, {"size": {"longest_edge": 96}, "crop_size": hw(96, 96), "pad_size": hw(96, 96)}
GEOMETRIES = {
    "Detr": DETR, "ConditionalDetr": DETR, "DeformableDetr": DETR, "GroundingDino": DETR, "Yolos": DETR,
    "OneFormer": [BOTH, EDGE, EXACT, {**BOTH, "do_pad": False}],
    "Eomt": [{"size": {"shortest_edge": 96, "longest_edge": 96}, "do_pad": True}, BOTH, EDGE, {"size": {"shortest_edge": 96, "longest_edge": 96}}],
    "Sam": [{"size": {"longest_edge": 96}, "pad_size": hw(96, 96)}, {"size": {"longest_edge": 96}, "pad_size": None}, {"size": {"longest_edge": 96}, "do_pad": False},
            {"size": {"longest_edge": 96}, "pad_size": hw(128, 100), "do_normalize": False}, {"do_resize": False, "pad_size": hw(400, 400)}],
    "Vilt": [{"size": {"shortest_edge": 64}}, {"size": 64}, {"size": 64, "size_divisor": 16}, {"size": 64, "do_pad": False}],
    "BridgeTower": [{"size": {"shortest_edge": 64}, "crop_size": {"shortest_edge": 64}}, {"size": {"shortest_edge": 64}, "do_center_crop": False}, {"size": 64, "size_divisor": 16, "do_center_crop": False}],
    "GLPN": [{}, {"size_divisor": 16}, {"do_normalize": True, **IN}, {"do_resize": False}],
    "Swin2SR": [{}, {"size_divisor": 16}, {"pad_size": 16}, {"do_pad": False}],
    "TextNet": [{"size": {"shortest_edge": 64}}, {"size": 64, "size_divisor": 16}, {"size": 64, "do_center_crop": True, "crop_size": 48}],
    "CHMv2": [{}, {"do_resize": True, **EXACT}, {"do_resize": True, **EXACT, "keep_aspect_ratio": False}, {"size_divisor": 32}, {"do_pad": False}],
    "DPT": [{**EXACT, "keep_aspect_ratio": True, "ensure_multiple_of": 14}, {"size": hw(100, 90), "ensure_multiple_of": 14}, {**EXACT, "do_pad": True, "size_divisor": 14},
            {**EXACT, "keep_aspect_ratio": True, "ensure_multiple_of": 8, "do_pad": True, "size_divisor": 32}],
    "PromptDepthAnything": [{**EXACT, "keep_aspect_ratio": True, "ensure_multiple_of": 14}, {"size": hw(100, 90), "ensure_multiple_of": 14}, {**EXACT, "do_pad": True, "size_divisor": 14}],
    "Llava": [{**EDGE, **CROP, "do_pad": True}, {**EXACT, "do_pad": True, "do_center_crop": False}, {**EDGE, **CROP, "do_pad": True, "image_mean": [0.1, 0.9, 1.0]}],
    "Donut": DONUT, "Nougat": [{**keys, "do_crop_margin": False} for keys in DONUT] + [EXACT], "PPFormulaNet": [{**EXACT, "do_crop_margin": False}, EXACT],
    "Perceiver": [{"size": hw(96, 96), "crop_size": hw(110, 110)}, {**EXACT, "crop_size": hw(90, 100)}, {**EXACT, "do_center_crop": False}, {**EXACT, "crop_size": hw(110, 110), "do_resize": False}, {**EXACT, "do_pad": True, "pad_size": hw(120, 120)}],
    "PI0": [{}, {**WITHIN, "pad_size": hw(96, 96)}, {**WITHIN, "pad_size": None}], "PPDocLayoutV2": [EXACT, {**EXACT, "resample": 2}], "PPDocLayoutV3": [EXACT],
    "VideoMAE": [{**EDGE, **CROP}, {**EXACT, "do_center_crop": False}], "Vivit": [{**EDGE, **CROP}, {**EXACT, "do_center_crop": False, "offset": False}, {**BOTH, **CROP}, {"size": 96, **CROP, "default_to_square": True}],
    "Qwen2VL": QWEN, "CohereCompass": QWEN, "Ernie4_5_VLMoe": QWEN, "HunYuanVL": QWEN, "HYV4VL": QWEN, "MiniMaxM3VL": QWEN, "VideoLlama3": QWEN,
    "Emu3": [{"min_pixels": 64 * 64, "max_pixels": 128 * 128}, {"spatial_factor": 16}], "Apertus1p5": [{}, {"size": {"min_pixels": 64 * 64, "max_pixels": 128 * 128}}],
    "Siglip2": [{"max_num_patches": 40}, {"patch_size": 14, "max_num_patches": 7}], "Gemma4": [{"max_soft_tokens": 70}, {"max_soft_tokens": 70, "resample": 0}, {"max_soft_tokens": 70, "patch_size": 8, "pooling_kernel_size": 2}, {"max_soft_tokens": 71}],
    "Gemma4Unified": [{"max_soft_tokens": 70}, {"max_soft_tokens": 70, "resample": 0}, {"max_soft_tokens": 70, "patch_size": 8}], "Idefics2": [BOTH, {"size": {"shortest_edge": 30, "longest_edge": 400}}, EXACT, {**BOTH, "do_pad": False}],
    "Fuyu": [EXACT, {**EXACT, "padding_value": None}, {"size": hw(400, 300)}, {**EXACT, "padding_value": 7}], "DeepseekOcr2": [SQUARE, {**SQUARE, "background_color": [1, 2, 3]}], "UnlimitedOcr": [SQUARE],
    "MaskFormer": [BOTH, {"size": 64, "max_size": 96}, {"size": 64}, EXACT, {**BOTH, "size_divisor": 16}, {**BOTH, "size_divisor": 0}, {**BOTH, "pad_size": hw(128, 130)}, WITHIN],
    "Mask2Former": [BOTH, {**BOTH, "size_divisor": 7}],
    "Janus": [SQUARE, {**SQUARE, "min_size": 80}, {**SQUARE, "do_pad": False}, EXACT], "DeepseekVL": [SQUARE], "DeepseekVLHybrid": [{**SQUARE, "high_res_size": hw(128, 128)}],
    "Aria": [{"max_image_size": 490}, {"max_image_size": 490, "min_image_size": 400}, {"max_image_size": 96}],
    "Tvp": [TVP, {**TVP, "do_flip_channel_order": False}, {**TVP, "do_center_crop": False, "pad_size": hw(128, 100)}, {**TVP, "do_center_crop": False, "do_pad": False}, {**TVP, "constant_values": 1}],
    "Pixtral": [{"size": {"longest_edge": 96}}, {"size": {"longest_edge": 96}, "patch_size": hw(14, 14)}, {**EXACT, "patch_size": 8}, {"size": {"longest_edge": 90}, "do_pad": False}],
    "PPLCNet": [{"resize_short": 96, "crop_size": 80}, {"resize_short": 90, "size_divisor": 32, "crop_size": 80}, {"resize_short": None, **EXACT, "crop_size": 72}],
    "Glm4v": [PIXELS, {**PIXELS, "patch_size": 64}, {**PIXELS, "temporal_patch_size": 1}], "Glm46V": [PIXELS], "Glmga": [PIXELS, {**PIXELS, "patch_expand_factor": 4}],
    "Cosmos3Edge": [PIXELS, {**PIXELS, "temporal_patch_size": 2}], "PaddleOCRVL": [PIXELS, {**PIXELS, "patch_size": 20}, {"min_pixels": 56 * 56, "max_pixels": 112 * 112}], "GlmImage": [PIXELS, {}],
    "Kimi_K25": [{}, {"size": {"max_height": 4, "max_width": 4}}, {"max_patches": 20, "merge_size": 1}], "NeoMME": [{}, {"patch_size": 16}, {"max_side": 64}],
    "ViT": [BOTH, WITHIN, {**EDGE, "do_pad": True}, {**EXACT, "do_pad": True, "pad_size": hw(128, 100)}, {**EDGE, "do_pad": True, "pad_size": hw(400, 400), "do_normalize": False, "do_rescale": False}],
    "Mllama": [{"size": hw(32, 32)}, {"size": hw(32, 32), "max_image_tiles": 2}, {"size": hw(32, 32), "do_pad": False}], "GotOcr2": [{"size": hw(32, 24), "crop_to_patches": True}, {"size": hw(32, 32), "crop_to_patches": True, "max_patches": 5}],
    "Cohere2Vision": [{"size": hw(32, 32)}, {"size": hw(32, 24)}, {"size": hw(32, 32), "max_patches": 5}], "GraniteDocling": [{"size": hw(32, 32)}, {"size": hw(32, 32), "max_patches": 5}, {"size": hw(32, 32), "crop_to_patches": False}],
    "LlavaNext": [{"size": {"shortest_edge": 32}, "crop_size": hw(32, 32), "image_grid_pinpoints": PINPOINTS}], "LlavaOnevision": [{"size": hw(32, 32), "image_grid_pinpoints": PINPOINTS}],
    "PerceptionLM": [{"tile_size": 32}, {"tile_size": 32, "max_num_tiles": 4}, {"tile_size": 32, "vision_input_type": "vanilla"}], "UltraVBert": [{"size": {"longest_edge": 256}, "max_image_size": {"longest_edge": 32}}],
    "Inkling2": [{"size": hw(16, 16)}], "Glm5Next": [{"min_image_tokens": 2, "max_image_tokens": 20}, {"min_image_tokens": 2, "max_image_tokens": 20, "patch_expand_factor": 2}],
    "CLIP": [{**BOTH, "do_center_crop": False, "do_pad": True}, {**WITHIN, **CROP}],
}
# Nougat's thumbnail in its Pillow backend is one of two steps, which is refused.
TORCHVISION_ONLY = {"Apertus1p5", "CHMv2", "Cohere2Vision", "Inkling2", "PerceptionLM", "UltraVBert", "Gemma4Unified", "Kimi_K25", "MiniMaxM3VL", "NeoMME", "PPLCNet", "Nougat", "PI0", "PPDocLayoutV2", "PPDocLayoutV3", "PPFormulaNet", "Sam2", "Sam3", "Sapiens2", "Tipsv2", "Tipsv2Dpt", "UnlimitedOcr"}
PILLOW_ONLY = {"Emu3", "VideoLlava", "Vivit"}
SWITCHES = ("do_resize", "do_rescale", "do_normalize", "do_center_crop")
VALUES = ("size", "resample", "rescale_factor", "image_mean", "image_std", "crop_size")
OWN = {"ConvNext": ["crop_pct"], "PoolFormer": ["crop_pct"], "EfficientNet": ["include_top", "rescale_offset"],
       "MobileViT": ["do_flip_channel_order"], "DPT": ["ensure_multiple_of", "size_divisor", "keep_aspect_ratio"],
       "Gemma3": ["do_pan_and_scan"], "GotOcr2": ["crop_to_patches"], "RTDetr": ["do_pad", "pad_size"]}
# as transformers 4.49 to 4.57 save their fast processors
FAST = {"crop_size": None, "data_format": "channels_first", "device": None, "disable_grouping": None, "do_center_crop": None,
        "do_convert_rgb": None, "do_normalize": True, "do_pad": None, "do_rescale": True, "do_resize": True,
        "input_data_format": None, "pad_size": None, "rescale_factor": 1 / 255, "return_tensors": None}


# A list of images is one sample to these.
NESTED = re.compile("Idefics[23]|SmolVLM|UltraVBert|GraniteDocling|Mllama")


def backends(stem):
    return ("torchvision",) if stem in TORCHVISION_ONLY else ("pillow",) if stem in PILLOW_ONLY else ("torchvision", "pillow")


def hugging_face():
    """(name, config, config.json of the model or None, backend)"""
    for stem, keys in CLASSES.items():
        config = {"image_processor_type": f"{stem}ImageProcessor", **keys}
        for backend in backends(stem):
            yield f"{stem} defaults", config, None, backend
            for key in SWITCHES:
                yield f"{stem} {key} null", {**config, key: None}, None, backend
            for key in OWN.get(stem, []):
                yield f"{stem} {key} null", {**config, key: None}, None, backend
        for key in VALUES:
            yield f"{stem} {key} null", {**config, key: None}, None, backends(stem)[0]
            if key.startswith("image"):
                yield f"{stem} {key} null, not used", {**config, key: None, "do_normalize": False}, None, backends(stem)[0]
    for stem, variants in GEOMETRIES.items():
        for backend in backends(stem):
            for keys in variants:
                yield f"{stem} {json.dumps(keys)}", {"image_processor_type": f"{stem}ImageProcessor", **keys}, None, backend
            for key in SWITCHES + ("do_pad", "size", "crop_size", "pad_size", "size_divisor", "ensure_multiple_of"):
                yield f"{stem} geometry, {key} null", {"image_processor_type": f"{stem}ImageProcessor", **variants[0], key: None}, None, backend
    square = {**FAST, **HALF, "default_to_square": True, "resample": 2, "do_reduce_labels": False}
    edge = {**square, "default_to_square": False}
    fast = {
        "Beit": {**square, **EXACT, **CROP, "do_center_crop": False}, "Segformer": {**square, **EXACT}, "ViT": {**square, **EXACT},
        "DeiT": {**square, **EXACT, **CROP, "do_center_crop": True}, "Siglip": {**edge, **EXACT},
        "Bit": {**edge, **EDGE, **CROP, "do_center_crop": True}, "CLIP": {**edge, **EDGE, **CROP, "do_center_crop": True},
        "ConvNext": {**edge, **EDGE, "crop_pct": 0.875},
    }
    for stem, config in fast.items():
        yield f"{stem} fast", {**config, "image_processor_type": f"{stem}ImageProcessorFast"}, None, "torchvision"
    for stem in ("ViT", "CLIP", "Siglip", "ConvNext", "DPT", "RTDetr", "Beit", "VideoLlava"):
        for square in (True, False, None):
            config = {"image_processor_type": f"{stem}ImageProcessor", "size": 96, "default_to_square": square, "crop_size": 72}
            yield f"{stem} size 96, default_to_square {square}", config, None, backends(stem)[-1]
        for name, size in {"list": [96, 80], "short list": [96], "float": 96.0, "longest null": {"shortest_edge": 96, "longest_edge": None},
                           "shortest null": {**hw(96, 80), "shortest_edge": None}, "height alone": {"height": 96}}.items():
            yield f"{stem} size {name}", {"image_processor_type": f"{stem}ImageProcessor", "size": size, "crop_size": [72, 80]}, None, backends(stem)[-1]
    old = {"do_normalize": True, "do_resize": True, "resample": 2, **HALF}
    yield "ViT feature extractor", {**old, "size": 96, "feature_extractor_type": "ViTFeatureExtractor"}, None, "torchvision"
    yield "ViT feature extractor, not square", {**old, "size": 96, "default_to_square": False, "max_size": None, "feature_extractor_type": "ViTFeatureExtractor"}, None, "pillow"
    yield "MobileViT of Apple", {"crop_size": 72, "do_center_crop": True, "do_flip_channels": True, "do_resize": True, "feature_extractor_type": "MobileViTFeatureExtractor", "resample": 2, "size": 96}, None, "torchvision"
    florence = {"auto_map": {"AutoProcessor": "processing_florence2.Florence2Processor"}, "image_processor_type": "CLIPImageProcessor", "do_center_crop": False,
                "crop_size": hw(96, 96), "image_seq_length": 577, "processor_class": "Florence2Processor", **EXACT, **IN}
    yield "CLIP auto_map of a processor", florence, None, "torchvision"
    gemma = {"image_processor_type": "Gemma3ImageProcessor", **EXACT, "do_pan_and_scan": None, "pan_and_scan_max_num_crops": None,
             "pan_and_scan_min_crop_size": None, "pan_and_scan_min_ratio_to_activate": None, "image_seq_length": 256}
    yield "Gemma3 as its hub holds it", gemma, None, "torchvision"
    for model_type, keys in {"vit": {**old, "size": 96}, "swin": {**old, **EXACT}, "clip": {**old, "size": 96, "crop_size": 72, "do_center_crop": True},
                             "levit": {**old, "size": 96, "crop_size": 72, "do_center_crop": True}, "convnextv2": {**old, "size": 96},
                             "dinov2": {**EDGE, **CROP, **IN}, "segformer": {**old, "size": 96}, "rt_detr": EXACT, "siglip": EXACT}.items():
        for backend in ("torchvision", "pillow"):
            yield f"no class, model type {model_type}", keys, {"model_type": model_type}, backend
    for stem, more in {"ViT": {"do_normalize": False}, "MobileViT": {}, "SuperPoint": {}, "EfficientNet": {"rescale_offset": True}, "LayoutLMv3": {"do_normalize": None, "apply_ocr": False}}.items():
        for factor in (1, 2, 1.0, 2.0, -1.0, -2):
            for backend in ("torchvision", "pillow"):
                # Whole numbers in 8 bits overflow: transformers gives them, prep-onnx refuses them.
                yield f"{stem} factor {factor!r}", {"image_processor_type": f"{stem}ImageProcessor", **CLASSES[stem], **more, "rescale_factor": factor}, None, backend


def run_hugging_face(config, model, backend):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "preprocessor_config.json").write_text(json.dumps(config))
        if model:
            (pathlib.Path(folder) / "config.json").write_text(json.dumps(model))
        processor = AutoImageProcessor.from_pretrained(folder, backend=BACKENDS[backend])
    kind = "pt" if getattr(processor, "backend", "pil") == "torchvision" else "np"

    def run(picture):
        out = processor(images=[[picture]] if NESTED.search(type(processor).__name__) else picture, return_tensors=kind)
        if not hasattr(out, "keys"):
            return np.asarray(out)  # Idefics
        values = out[next(key for key in ("pixel_values_images", "pixel_values", "images") if key in out)]
        return np.stack([np.asarray(value) for value in values]) if isinstance(values, list) else np.asarray(values)

    return run


def timm_configs():
    """(name, config.json)"""
    base = {"input_size": [3, 96, 96], "fixed_input_size": True, "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center",
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": 10}

    def model(changes, **outer):
        return {"architecture": "vit_tiny_patch16_224", "num_classes": 10, **outer, "pretrained_cfg": {**base, **changes}}

    yield "plain", model({})
    yield "img_size, fixed", model({}, model_args={"img_size": 72})
    yield "img_size of two, fixed", model({}, model_args={"img_size": [72, 96]})
    yield "img_size, not fixed", model({"fixed_input_size": False}, model_args={"img_size": 72})
    yield "img_size, dynamic", model({}, model_args={"img_size": 72, "dynamic_img_size": True})
    yield "img_size, not strict", model({}, model_args={"img_size": 72, "strict_img_size": False})
    yield "one channel", model({}, model_args={"in_chans": 1})
    for key in ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std"):
        yield f"{key} null", model({key: None})
    yield "crop_pct 1.15", model({"crop_pct": 1.15})
    yield "crop_pct 1.15, not square", model({"crop_pct": 1.15, "input_size": [3, 96, 72]})
    yield "crop_pct 1.15, squash", model({"crop_pct": 1.15, "crop_mode": "squash"})
    for crop_pct in (0.8, 0.9, 1.0, 1.15):
        yield f"border, {crop_pct}", model({"crop_pct": crop_pct, "crop_mode": "border", "mean": [0.48145466, 0.4578275, 0.40821073]})
    yield "border, not square", model({"crop_mode": "border", "input_size": [3, 60, 96], "mean": [0, 0.5, 1]})
    yield "mean 0", model({"mean": 0})
    yield "mean of zeros", model({"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]})


def run_timm(config):
    data, _, _ = _parse_model_cfg(json.loads(json.dumps(config)), {"hf_hub_id": "x/y", "source": "hf-hub"})
    transform = create_transform(**resolve_data_config(pretrained_cfg=PretrainedCfg(**data).to_dict()), is_training=False)
    return lambda picture: transform(picture)[None].numpy()


def open_clip_configs():
    """(name, file, PreprocessCfg)"""
    for name, size, changes in (
        ("shortest", 96, {}), ("squash", 96, {"resize_mode": "squash", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}),
        ("squash, not square", [96, 80], {"resize_mode": "squash", "interpolation": "bilinear"}),
        ("shortest, not square, bilinear", [96, 72], {"interpolation": "bilinear"}), ("bilinear", 96, {"interpolation": "bilinear"}),
        ("random", 96, {"interpolation": "random"}), ("fill_color", 96, {"fill_color": 255}),
        ("longest", 96, {"resize_mode": "longest"}), ("longest, filled", 97, {"resize_mode": "longest", "fill_color": 128, "interpolation": "bilinear"}),
        ("longest, not square", (60, 96), {"resize_mode": "longest", "fill_color": 255}),
    ):
        merged = merge_preprocess_dict(asdict(PreprocessCfg()), {**changes, "size": size})
        yield name, {"model_cfg": {"embed_dim": 512, "vision_cfg": {"image_size": size}}, "preprocess_cfg": changes}, merged
        yield f"{name}, alone", merged, merged


def entry(run):
    try:
        step = run()
        found = {}
        for name in PICTURES:
            tensor = np.asarray(step(Image.open(HERE.parent / "images" / f"{name}.png").convert("RGB")))
            # Values in 8 bits or 64 are what a model of floats gets as floats.
            tensor = np.ascontiguousarray(tensor, dtype="<f4")
            found[name] = hashlib.sha256(tensor.tobytes()).hexdigest()[:32]
        return {"images": found}
    except Exception as error:  # what the library says is the golden
        return {"error": f"{type(error).__name__}: {error}".split("\n")[0][:120]}


def main():
    transformers.logging.set_verbosity(50)
    recorded = json.loads((HERE / "hub.json").read_text())["rows"] if "--new" in sys.argv else []
    results = {json.dumps({key: value for key, value in row.items() if key not in ("images", "error")}): row for row in recorded}
    rows = []

    def add(head, run):
        rows.append(results.get(json.dumps(head)) or {**head, **entry(run)})

    for name, config, model, backend in hugging_face():
        head = {"name": name, "library": "transformers", "backend": backend, "config": config}
        if model:
            head["model"] = model
        add(head, lambda: run_hugging_face(config, model, backend))
    for name, config in timm_configs():
        add({"name": name, "library": "timm", "backend": "pillow", "config": config}, lambda: run_timm(config))
    for name, config, merged in open_clip_configs():
        def step(merged=merged):
            transform = image_transform_v2(PreprocessCfg(**merged), is_train=False)
            return lambda picture: transform(picture)[None].numpy()
        add({"name": name, "library": "open_clip", "backend": "pillow", "config": config}, step)
    versions = {m.__name__: m.__version__ for m in (transformers, timm, open_clip, torch, torchvision)}
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    (HERE / "hub.json").write_text('{\n "versions": ' + json.dumps(versions) + ',\n "rows": [\n' + lines + "\n ]\n}\n")
    print(f"{len(rows)} configs; the library refuses {sum('error' in row for row in rows)}")


if __name__ == "__main__":
    main()
