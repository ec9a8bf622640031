#!/usr/bin/env python3
"""Records to which sizes the functions of transformers 5 resize images of 4000 sizes from 1 x 1 to 2000 x 2000, for size rules that choose
among several: the first half of the SHA-256 of the lines "height width". No network. Writes grids.json beside itself.

usage: make_grid_goldens.py
"""

import hashlib
import json
import pathlib

import numpy as np
from transformers.image_processing_utils import get_patch_output_size, select_best_resolution
from transformers.models.cohere2_vision import image_processing_cohere2_vision as cohere
from transformers.models.glm5_next import image_processing_glm5_next as glm5
from transformers.models.got_ocr2 import image_processing_got_ocr2 as got
from transformers.models.granite_docling import image_processing_granite_docling as granite
from transformers.models.mllama import image_processing_mllama as mllama
from transformers.models.nemotron_h_omni import image_processing_nemotron_h_omni as nemotron
from transformers.models.perception_lm.image_processing_perception_lm import PerceptionLMImageProcessor
from transformers.models.pp_ocrv5_server_det.image_processing_pp_ocrv5_server_det import PPOCRV5ServerDetImageProcessor
from transformers.models.ultravbert import image_processing_ultravbert as ultravbert

SIZES = [(1 + index * 7919 % 2000, 1 + (index * 104_729 + index * index) % 2000) for index in range(4000)]
HERE = pathlib.Path(__file__).resolve().parent


def grid(tile, grids, choice, fit="filled"):
    return {"rule": "grid", "height": tile, "width": tile, "grids": grids, "choice": choice, "fit": fit}


def tiles(rows_columns, tile):
    return rows_columns[0] * tile, rows_columns[1] * tile


def cases():
    for name, module, choice, tile, least, most in [("GotOcr2", got, "aspect", 448, 1, 12), ("GotOcr2", got, "aspect", 100, 2, 6), ("Granite", granite, "aspect", 512, 1, 32),
                                                    ("Cohere2", cohere, "scale", 512, 1, 12), ("Cohere2", cohere, "scale", 100, 1, 20)]:
        def run(height, width, module=module, tile=tile, least=least, most=most):
            columns, rows = module.get_optimal_tiled_canvas((height, width), (tile, tile), least, most)
            return rows * tile, columns * tile
        yield grid(tile, {"least": least, "most": most, "side": min(most, 16) if module is granite else most}, choice), run
    onevision = [(rows, columns) for rows in range(1, 7) for columns in range(1, 7)]
    for tile, grids in [(384, onevision), (336, [(1, 2), (2, 1), (2, 2), (3, 1), (1, 3)]), (100, [(3, 2), (2, 3), (1, 6), (6, 1), (2, 2)])]:
        points = [tiles(rows_columns, tile) for rows_columns in grids]
        yield grid(tile, grids, "effective"), lambda height, width, points=points: select_best_resolution((height, width), points)
        yield grid(tile, grids, "effective", "inside"), lambda height, width, points=points: get_patch_output_size(
            np.empty((3, height, width), np.uint8), select_best_resolution((height, width), points), "channels_first")
    for tile, most in [(224, 4), (560, 6)]:
        grids = sorted(((rows, columns) for rows in range(1, most + 1) for columns in range(1, most // rows + 1)), key=lambda both: both[0] * both[1])
        def canvas(height, width, tile=tile, most=most):
            return tuple(int(edge) for edge in mllama.get_optimal_tiled_canvas(height, width, most, tile))
        yield grid(tile, grids, "scale"), canvas
        yield grid(tile, grids, "scale", "clipped"), lambda height, width, tile=tile, canvas=canvas: mllama.get_image_size_fit_to_canvas(height, width, *canvas(height, width), tile)
    for tile, most in [(448, 36), (100, 7)]:
        processor = PerceptionLMImageProcessor(tile_size=tile, max_num_tiles=most)
        def held(height, width, processor=processor, tile=tile):
            at = {"img_width": width, "img_height": height, "tile_size": tile}
            columns, rows = processor._fit_image_to_canvas(**at) or processor._find_closest_aspect_ratio(**at)
            return rows * tile, columns * tile
        yield grid(tile, {"most": most}, "holding"), held
    for longest, tile, most in [(3072, 512, 27), (1000, 90, 8)]:
        def capped(height, width, longest=longest, tile=tile, most=most):
            edge = ultravbert.get_capped_longest_edge(height, width, longest, tile, most)
            return ultravbert._resize_output_size_rescale_to_max_len(height, width, max_len=edge)
        yield {"rule": "ultravbert", "longest": longest, "tile": tile, "tiles": most}, capped
    for patch, merge, least, most in [(16, 2, 1024, 13_312), (14, 3, 10, 200)]:
        def near(height, width, patch=patch, merge=merge, least=least, most=most):
            try:
                return tuple(edge * patch for edge in nemotron.get_patch_grid_size(height, width, patch, merge, least, most))
            except ZeroDivisionError:
                return 0, 0
        yield {"rule": "nemotron", "patch": patch, "merge": merge, "least": least, "most": most}, near
    for multiple, frames, least, most in [(28, 2, 16, 8000), (28, 2, 64, 256), (14, 1, 1, 40)]:
        def covered(height, width, multiple=multiple, frames=frames, least=least, most=most):
            return glm5.smart_resize(frames, height, width, frames, multiple, least, most)
        yield {"rule": "glm5_next", "multiple": multiple, "frames": frames, "least": least, "most": most, "inside": False}, covered
    det = PPOCRV5ServerDetImageProcessor()
    for limit, limit_type, most in [(960, "max", 4000), (736, "min", 1200), (300, "resize_long", 4000)]:
        def limited(height, width, limit=limit, limit_type=limit_type, most=most):
            size, _ = det.get_image_size(Shape(height, width), limit, limit_type, most)
            return size.height, size.width
        yield {"rule": "paddleocr_det", "limit": limit, "limit_type": limit_type, "most": most}, limited


class Shape:
    """What is asked of an image."""

    def __init__(self, height, width):
        self.shape, self.device = (3, height, width), "cpu"


def main():
    lines = []
    for rule, run in cases():
        text = "".join("{} {}\n".format(*(int(edge) for edge in run(height, width))) for height, width in SIZES)
        lines.append(json.dumps({"rule": rule, "sha": hashlib.sha256(text.encode()).hexdigest()[:32]}))
    (HERE / "grids.json").write_text("[\n  " + ",\n  ".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
