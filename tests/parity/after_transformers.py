"""Compares steps after models of transformers with the library's own post-processing.

    python tests/parity/after_transformers.py PREP_ONNX FOLDER [detr rtdetr segformer dpt clip texts vit]

Needs torch, transformers, onnx, onnxruntime and no network: small models with seeded weights are exported, each with the config files
that `embed --answers` reads. Each image, of several sizes, goes through the one file; the library's post-processing gets the outputs that
the same file gives with --keep-outputs, so that the two are of the same numbers. `texts` is CLIP with both towers in one file: its text
input stays, its images are embedded, and `run --feed` gives what a session gives. Detectors also run with thresholds of 0 and 1.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

SIZES = [(72, 128), (64, 64), (33, 50), (108, 81), (97, 301), (64, 43), (37, 124), (120, 160), (480, 640), (640, 427), (50, 33), (77, 58)]


class Outputs(dict):
    __getattr__ = dict.__getitem__


def spread(parameters, scale, seed):
    import torch

    noise = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        parameter.data = torch.randn(parameter.shape, generator=noise) * scale


def detr():
    from transformers import DetrConfig, DetrForObjectDetection, DetrImageProcessor, ResNetConfig

    backbone = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage4"])
    config = DetrConfig(use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2, num_queries=30, num_labels=5)
    model = DetrForObjectDetection(config).eval()
    spread(model.class_labels_classifier.parameters(), 0.5, 1)
    spread(model.model.query_position_embeddings.parameters(), 3.0, 2)
    processor = DetrImageProcessor(size={"height": 64, "width": 64}, do_pad=False)
    return model, processor, ["logits", "pred_boxes"], (64, 64)


def rtdetr():
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrImageProcessor, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic", out_features=["stage2", "stage3", "stage4"])
    config = RTDetrConfig(backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], d_model=16, decoder_in_channels=[16, 16, 16], num_queries=30, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2, anchor_image_size=None, num_labels=5)
    model = RTDetrForObjectDetection(config).eval()
    for tower in model.model.decoder.class_embed:
        spread(tower.parameters(), 1.0, 1)
    processor = RTDetrImageProcessor(size={"height": 64, "width": 64})
    return model, processor, ["logits", "pred_boxes"], (64, 64)


def segformer():
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    config = SegformerConfig(depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2], decoder_hidden_size=16, num_labels=7)
    model = SegformerForSemanticSegmentation(config).eval()
    spread(model.decode_head.classifier.parameters(), 3.0, 1)
    return model, SegformerImageProcessor(size={"height": 64, "width": 64}), ["logits"], (64, 64)


def dpt():
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    config = DPTConfig(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=16, image_size=64, patch_size=16, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8)
    return DPTForDepthEstimation(config).eval(), DPTImageProcessor(size={"height": 64, "width": 64}), ["predicted_depth"], (64, 64)


def clip():
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8, projection_dim=24)
    return CLIPVisionModelWithProjection(config).eval(), CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32), ["image_embeds"], (32, 32)


TEXTS = np.int64([[3, 9, 4, 1, 1], [3, 20, 31, 4, 1], [3, 7, 7, 7, 4]])


def texts():
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    tower = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    config = CLIPConfig(text_config=dict(**tower, vocab_size=40, max_position_embeddings=8, bos_token_id=3, eos_token_id=4, pad_token_id=1), vision_config=dict(**tower, image_size=32, patch_size=8), projection_dim=24)
    return CLIPModel(config).eval(), CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32), ["logits_per_image", "image_embeds", "text_embeds"], (32, 32)


def vit():
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8, num_labels=12)
    model = ViTForImageClassification(config).eval()
    spread(model.classifier.parameters(), 2.0, 1)
    return model, ViTImageProcessor(size={"height": 32, "width": 32}), ["logits"], (32, 32)


def export(make, folder):
    import torch

    torch.manual_seed(7)
    model, processor, outputs, size = make()
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)

    class Only(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, pixel_values, *ids):
            result = self.model(pixel_values=pixel_values, **dict(zip(["input_ids"], ids)))
            return tuple(getattr(result, name) for name in outputs)

    ids = [torch.from_numpy(TEXTS)] if "text_embeds" in outputs else []
    axes = {"pixel_values": {0: "images"}, "input_ids": {0: "texts"}, "logits_per_image": {0: "images", 1: "texts"}} if ids else None
    torch.onnx.export(Only(), (torch.rand(1, 3, *size), *ids), folder / "model.onnx", input_names=["pixel_values", "input_ids"][:1 + len(ids)], output_names=outputs, opset_version=17, dynamo=False, dynamic_axes=axes)
    return processor


def compare(name, processor, raw, got, size, threshold=0.5):
    """How far the answers are off, in the words of the line that is printed; and whether that is too far."""
    import torch

    outputs = Outputs({key: torch.from_numpy(value) for key, value in raw.items()})
    if name in ("detr", "rtdetr"):
        result = processor.post_process_object_detection(outputs, threshold=threshold, target_sizes=[size])[0]
        theirs = {key: value.numpy() for key, value in result.items()}
        if (theirs["labels"].shape != got["labels"].shape) or (theirs["labels"] != got["labels"]).any():
            return f"{size}: {len(theirs['labels'])} boxes there, {len(got['labels'])} here, or other classes", True, 0
        if not len(theirs["labels"]):
            return None, False, 0
        boxes, scores = np.abs(theirs["boxes"] - got["boxes"]).max(), np.abs(theirs["scores"] - got["scores"]).max()
        return (boxes, scores), boxes > 0.01 or scores > 1e-5, len(theirs["labels"])
    if name == "segformer":
        theirs = processor.post_process_semantic_segmentation(outputs, target_sizes=[size])[0].numpy()
        differ = (theirs != got["classes"][0]).mean()
        return (differ,), differ > 1e-3, 1
    if name == "dpt":
        theirs = processor.post_process_depth_estimation(outputs, target_sizes=[size])[0]["predicted_depth"].numpy()
        off = np.abs(theirs - got["resized"][0]).max() / max(1e-9, np.abs(theirs).max())
        return (off,), off > 1e-5, 1
    if name == "clip":
        theirs = torch.nn.functional.normalize(outputs.image_embeds, dim=-1).numpy()
        off = np.abs(theirs - got["embeddings"]).max()
        return (off,), off > 1e-5, 1
    if name == "texts":
        off = np.abs(torch.softmax(outputs.logits_per_image, 1).numpy() - got["probabilities"]).max()
        return (off,), off > 1e-5 or got["probabilities"].shape != (1, len(TEXTS)), 1
    scores, indices = torch.softmax(outputs.logits, -1).topk(5)
    off = np.abs(scores.numpy() - got["scores"]).max()
    return (off,), off > 1e-5 or bool((indices.numpy() != got["indices"]).any()), 1


def fed_by_run(tool, folder, session, names):
    """Whether `run --feed` on a photo gives what a session gives."""
    from PIL import Image

    image = np.random.default_rng(5).integers(0, 256, (60, 90, 3), np.uint8)
    Image.fromarray(image).save(folder / "photo.png")
    np.save(folder / "ids.npy", TEXTS)
    ran = subprocess.run([tool, "run", str(folder / "out.onnx"), str(folder / "photo.png"), "--feed", f"input_ids={folder / 'ids.npy'}", "--output", "probabilities", "-o", "-", "--quiet"], check=True, capture_output=True, text=True)
    theirs = np.float32(json.loads(ran.stdout.splitlines()[0])["output"])
    ours = dict(zip(names, session.run(None, {"image": image[None], "input_ids": TEXTS})))["probabilities"]
    apart = float(np.abs(theirs.reshape(ours.shape) - ours).max())
    print(f"  texts: {apart:.2e} between run --feed and a session")
    return apart > 1e-6


def main():
    import onnxruntime

    tool, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    makers = {make.__name__: make for make in (detr, rtdetr, segformer, dpt, clip, texts, vit)}
    wrong = 0
    for name in sys.argv[3:] or makers:
        folder = root / name
        processor = export(makers[name], folder)
        model, out = folder / "model.onnx", folder / "out.onnx"
        subprocess.run([tool, "embed", str(model), "--answers", "--keep-outputs", "-o", str(out), "--quiet"], check=True)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(out), options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        worst, count, bad = [], 0, 0
        more = {"input_ids": TEXTS} if name == "texts" else {}
        ends = []
        for seed, size in enumerate(SIZES):
            image = np.random.default_rng(seed).integers(0, 256, (1, *size, 3), np.uint8)
            for threshold in (None, 0.0, 1.0) if name in ("detr", "rtdetr") else (None,):
                thresholds = {} if threshold is None else {"score_threshold": np.float32([threshold])}
                got = dict(zip(names, session.run(None, {"image": image, **more, **thresholds})))
                raw = {key: got[key] for key in ("logits", "pred_boxes", "predicted_depth", "image_embeds", "logits_per_image") if key in got}
                off, too_far, found = compare(name, processor, raw, got, size, 0.5 if threshold is None else threshold)
                bad += bool(too_far)
                if threshold is None:
                    count += found
                else:
                    ends.append((threshold, found))
                if isinstance(off, tuple):
                    worst.append(off)
                elif off:
                    print(f"  {name} {off}")
        if ends:
            # Everything at 0, nothing at 1.
            none, everything = (sum(found for at, found in ends if at == threshold) for threshold in (1.0, 0.0))
            print(f"  {name}: {everything} boxes at threshold 0, {none} at 1")
            bad += bool(none or everything < count or not everything)
        if name == "texts":
            bad += fed_by_run(tool, folder, session, names)
        line = [f"{value:.2e}" for value in np.max(worst, axis=0)] if worst else []
        print(f"{name}: {count} answers of {len(SIZES)} images, {bad} too far off; at most off by {', '.join(line)}", flush=True)
        wrong += bool(bad) or not count
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
