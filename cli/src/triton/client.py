#!/usr/bin/env python3
"""Sends images to the model MODEL_NAME of a Triton server: client.py HOST:PORT IMAGE...

Needs tritonclient[grpc], numpy, and Pillow where the server takes pixels.
"""

import sys

import numpy as np
import tritonclient.grpc as grpc

NAME, FORM, IS_BATCHED = "MODEL_NAME", "INPUT_FORM", BATCHED


def pixels(path):
    from PIL import Image, ImageOps

    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


def tensors(path):
    """The inputs of a request with one image, in the order of the model."""
    if FORM == "encoded":
        file = np.fromfile(path, np.uint8)
        lengths = np.array([len(file)], np.int64)
        return [file[None], lengths[None]] if IS_BATCHED else [file, lengths]
    image = pixels(path)
    if FORM == "ragged":
        shape = np.array([image.shape], np.int64)
        return [image.reshape(1, -1) if IS_BATCHED else image.reshape(-1), shape]
    return [image[None]]


def main():
    address, *paths = sys.argv[1:]
    client = grpc.InferenceServerClient(address)
    config = client.get_model_config(NAME).config
    for path in paths:
        inputs = []
        for tensor, about in zip(tensors(path), config.input):
            given = grpc.InferInput(about.name, list(tensor.shape), "UINT8" if tensor.dtype == np.uint8 else "INT64")
            given.set_data_from_numpy(np.ascontiguousarray(tensor))
            inputs.append(given)
        answer = client.infer(NAME, inputs)
        for output in config.output:
            array = answer.as_numpy(output.name)
            print(path, output.name, array.dtype, array.shape)


if __name__ == "__main__":
    main()
