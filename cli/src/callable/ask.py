# Answers questions about images with a callable. Run by `prep-onnx learn`; asks nothing else of Python than its standard library.
#
# argv: MODULE:CALLABLE, how it is called ("auto" or a name below).
# In: height, width (u32), height * width * 3 bytes, again and again. Out: a line of text first, then for each image a status byte
# and what follows from it; all numbers little-endian. What the callable prints goes to stderr.
import importlib, importlib.util, os, struct, sys


def pillow(image, height, width):
    from PIL import Image

    return Image.frombytes("RGB", (width, height), image)


def array(image, height, width):
    import numpy as np

    return np.frombuffer(image, np.uint8).reshape(height, width, 3).copy()


def bgr(image, height, width):
    return array(image, height, width)[:, :, ::-1].copy()


def tensor(image, height, width):
    import torch

    return torch.from_numpy(array(image, height, width)).permute(2, 0, 1).contiguous()


def buffer(image, height, width):
    return memoryview(bytearray(image)).cast("B", (height, width, 3))


WAYS = {
    "pillow": lambda call, *image: call(pillow(*image)),
    "array": lambda call, *image: call(array(*image)),
    "array-bgr": lambda call, *image: call(bgr(*image)),
    "albumentations": lambda call, *image: call(image=array(*image)),
    "processor": lambda call, *image: call(images=pillow(*image), return_tensors="np"),
    "tensor": lambda call, *image: call(tensor(*image)),
    "buffer": lambda call, *image: call(buffer(*image)),
}
IN_TURN = ["pillow", "array", "albumentations", "processor", "tensor", "buffer"]
KEYS = ["pixel_values", "image", "images", "pixels", "input"]
FORMATS = {"f": 0, "e": 1, "B": 2, "d": 3}
TYPES = {"float32": 0, "float16": 1, "uint8": 2, "float64": 3}


def unwrapped(result):
    """The one array in what a callable returns."""
    for _ in range(8):
        if hasattr(result, "keys"):
            known = [key for key in KEYS if key in result.keys()]
            keys = known or list(result.keys())
            if not keys:
                raise TypeError("the callable returns an empty dictionary")
            result = result[keys[0]]
        elif isinstance(result, (list, tuple)) and len(result) == 1:
            result = result[0]
        elif hasattr(result, "pixel_values"):
            result = result.pixel_values
        else:
            return result
    return result


def encoded(result):
    """Type, shape and bytes of an array, and whether it was float64."""
    result = unwrapped(result)
    if hasattr(result, "detach"):
        result = result.detach().cpu()
        if result.is_complex():
            raise TypeError("the callable returns complex numbers")
        result = result.numpy()
    elif type(result).__module__.startswith("PIL."):
        raise TypeError("the callable returns a picture, not an array")
    elif hasattr(result, "numpy") and not hasattr(result, "__array_interface__"):
        result = result.numpy()
    if hasattr(result, "dtype") and hasattr(result, "tobytes"):
        name = str(result.dtype)
        if name not in TYPES or not result.dtype.isnative:
            raise TypeError(f"the callable returns {name}: float32, float16, uint8 or float64 is expected")
        kind, shape, data = TYPES[name], result.shape, result.tobytes()
    elif isinstance(result, memoryview):
        if result.format not in FORMATS:
            raise TypeError(f"the callable returns a buffer of format {result.format!r}: f, e, B or d is expected")
        kind, shape, data = FORMATS[result.format], result.shape, result.tobytes()
    else:
        raise TypeError(f"the callable returns {type(result).__name__}: an array or a tensor is expected")
    if not 1 <= len(shape) <= 6:
        raise TypeError(f"the callable returns an array of shape {list(shape)}")
    return kind, shape, data


def found(target):
    """The callable of a name."""
    module, _, path = target.rpartition(":")
    sys.path.insert(0, os.getcwd())
    if module.endswith(".py"):
        spec = importlib.util.spec_from_file_location(os.path.basename(module)[:-3], module)
        sys.path.insert(0, os.path.dirname(os.path.abspath(module)))
        value = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(spec.name, value)
        spec.loader.exec_module(value)
    else:
        value = importlib.import_module(module)
    for name in path.split("."):
        value = getattr(value, name)
    if not callable(value):
        raise TypeError(f"{target} is no callable: it is of type {type(value).__name__}")
    return value


def said(error):
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"[:500]


def main():
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source = sys.stdin.buffer

    def reply(status, *parts):
        out.write(bytes([status]) + b"".join(parts))
        out.flush()

    def fail(text):
        data = text.encode("utf-8", "replace")
        reply(1, struct.pack("<I", len(data)), data)

    try:
        call = found(sys.argv[1])
    except BaseException as error:
        return fail(said(error))
    reply(0)
    way = None if sys.argv[2] == "auto" else sys.argv[2]
    while True:
        head = source.read(8)
        if len(head) < 8:
            return
        height, width = struct.unpack("<II", head)
        image = source.read(height * width * 3)
        tried = []
        for name in [way] if way else IN_TURN:
            try:
                kind, shape, data = encoded(WAYS[name](call, image, height, width))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                # What is not installed says nothing of the callable.
                tried.append((name, said(error)))
                continue
            way = name
            name = name.encode()
            head = struct.pack("<BB", kind, len(name)) + name + struct.pack("<B", len(shape))
            reply(0, head, struct.pack(f"<{len(shape)}Q", *shape), data)
            break
        else:
            fail("; ".join(f"{name}: {text}" if not way else text for name, text in tried))


main()
