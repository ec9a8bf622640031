"""Many images through an embedded model on Ray: one machine, or as many as a cluster has.

    import prep_onnx.ray
    prep_onnx.ray.embed("photos/", "model.prep.onnx", "features/", workers=2)

Needs `ray[data]` and `onnxruntime`. Ray schedules, retries and reads; each worker has a session of its own and the kernels of the op
library. A file that cannot be read is a row with its error, never a failure of the others.
"""

from __future__ import annotations

import logging
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
    import ray
    import ray.data
except ImportError as missing:
    raise ImportError(f"prep_onnx.ray needs Ray Data: pip install 'ray[data]' ({missing})", name=missing.name) from missing

from prep_onnx._errors import ConfigError, ModelError, UsageError
from prep_onnx._library import register
from prep_onnx._loader import Loader, Source
from prep_onnx._models import inspect

__all__ = ["Embedder", "dataset", "embed"]

PathLike = str | os.PathLike[str]

#: The columns beside the outputs of the model.
COLUMNS = ("id", "status", "error")


class Embedder:
    """What a worker does: batches of rows with `path` or `bytes`, and `id`, to rows with `id`, `status`, `error` and the outputs.

    For pipelines of one's own: `dataset.map_batches(Embedder, fn_constructor_args=("model.prep.onnx",), compute=...)`.
    """

    def __init__(self, model: PathLike, outputs: Sequence[str] | None = None, threads: int = 1) -> None:
        """
        Args:
            model: A model that `prep_onnx.embed` wrote, at a place that every worker can read.
            outputs: The names of the outputs to keep; by default all.
            threads: Threads of a worker, for decoding and for the session.

        Raises:
            ModelError: A model without a pipeline, or one that takes something else beside images.
        """
        import onnxruntime

        inside = inspect(model)["embedded"]
        if inside is None:
            raise ModelError(f"{os.fspath(model)}: has no embedded pipeline", None, f"embed one first: prep-onnx embed {os.fspath(model)}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        register(options)
        self._session = onnxruntime.InferenceSession(os.fspath(model), options, providers=["CPUExecutionProvider"])
        self._threads = threads
        inputs = self._session.get_inputs()
        self._inputs = [about.name for about in inputs]
        form = tuple((about.type, len(about.shape)) for about in inputs)
        self._form = _FORMS.get(form)
        if self._form is None:
            raise ModelError(
                f"{os.fspath(model)}: takes something beside images: {', '.join(self._inputs)}",
                None,
                "use Embedder's lines as a start for a function of your own",
            )
        known = {about.name: about.type for about in self._session.get_outputs()}
        self._outputs = list(outputs or known)
        for name in self._outputs:
            if name not in known:
                raise UsageError(f"outputs: the model has no output {name}: expected one of {', '.join(known)}")
        self._types = {name: _arrow(known[name]) for name in self._outputs}

    def __call__(self, batch: Mapping[str, Any]) -> pa.Table:
        """Rows for the rows of a batch, in their order."""
        ids = [str(id) for id in batch["id"]]
        column = "bytes" if "bytes" in batch else "path"
        values = list(batch[column])
        if self._form == "encoded":
            return self._rows(ids, [self._of_file(id, value, column) for id, value in zip(ids, values, strict=True)])
        sources: list[Source] = [(id, _source(value, column)) for id, value in zip(ids, values, strict=True)]
        rows: list[tuple[str | None, str | None, list[Any] | None]] = []
        for loaded in Loader(sources, batch_size=max(1, len(sources)), threads=self._threads):
            images = iter(loaded.images)
            for item in loaded.items:
                rows.append((item.error, item.message, None) if item.error else self._of_pixels(next(images)))
        return self._rows(ids, rows)

    def _run(self, *tensors: Any) -> tuple[str | None, str | None, list[Any] | None]:
        try:
            found: Any = self._session.run(self._outputs, dict(zip(self._inputs, tensors, strict=True)))
        except Exception as error:  # What the runtime raises has no common class.
            return "run", str(error), None
        # One image: a first axis of one is that of images.
        return None, None, [array[0] if array.ndim and array.shape[0] == 1 else array for array in found]

    def _of_pixels(self, image: Any) -> tuple[str | None, str | None, list[Any] | None]:
        if self._form == "batch":
            return self._run(image[None])
        return self._run(image.reshape(-1), np.array([image.shape], np.int64))

    def _of_file(self, id: str, value: Any, column: str) -> tuple[str | None, str | None, list[Any] | None]:
        try:
            data = value if column == "bytes" else pathlib.Path(value).read_bytes()
        except OSError as error:
            return "io", f"{id}: cannot be read: {error}", None
        file = np.frombuffer(data, np.uint8)
        return self._run(file, np.array([len(file)], np.int64))

    def _rows(self, ids: list[str], rows: list[tuple[str | None, str | None, list[Any] | None]]) -> pa.Table:
        columns: dict[str, Any] = {
            "id": pa.array(ids, pa.string()),
            "status": pa.array([status or "ok" for status, _, _ in rows], pa.string()),
            "error": pa.array([error for _, error, _ in rows], pa.string()),
        }
        for index, name in enumerate(self._outputs):
            values = [None if found is None else np.ascontiguousarray(found[index]) for _, _, found in rows]
            flat = [None if value is None else value.reshape(-1) for value in values]
            # A block of errors alone has the same columns as any other.
            columns[name] = pa.array(flat, pa.list_(self._types[name]))
            shapes = [None if value is None else list(value.shape) for value in values]
            columns[f"{name}.shape"] = pa.array(shapes, pa.list_(pa.int64()))
        return pa.table(columns)


_FORMS = {
    (("tensor(uint8)", 4),): "batch",
    (("tensor(uint8)", 1), ("tensor(int64)", 2)): "ragged",
    (("tensor(uint8)", 1), ("tensor(int64)", 1)): "encoded",
}


def _arrow(kind: str) -> pa.DataType:
    """The type of the elements of `tensor(float)`."""
    name = kind.removeprefix("tensor(").removesuffix(")")
    return pa.type_for_alias({"float": "float32", "double": "float64", "bool": "bool"}.get(name, name))


def _source(value: Any, column: str) -> Any:
    return bytes(value) if column == "bytes" else pathlib.Path(value)


def dataset(source: Any, *, column: str | None = None, id_column: str | None = None) -> ray.data.Dataset:
    """Rows of `id` and `path` or `bytes`, from:

    - a folder of images on this machine, or a list of paths: read by the workers, which must see them;
    - Parquet (`.parquet`, or a folder of such) with a column `path` or `bytes`, or the one that is named;
    - addresses of an object store (`s3://…`, `gs://…`): read by Ray;
    - a `ray.data.Dataset` with such columns.

    Args:
        source: One of these.
        column: The column of Parquet that has paths or bytes.
        id_column: The column of Parquet that has ids; by default `id`, else the path.

    Raises:
        ConfigError: A table without such a column, or a folder without images.
    """
    rows = _dataset(source, column, id_column, set())
    assert rows is not None, "nothing is left out"
    return rows


def _dataset(source: Any, column: str | None, id_column: str | None, done: set[str]) -> ray.data.Dataset | None:
    """The rows whose ids are not among `done`; None where a list or folder has no others."""
    if isinstance(source, ray.data.Dataset):
        return _without(_columns(source, column, id_column), done)
    single = isinstance(source, (str, os.PathLike))
    paths = [os.fspath(source)] if single else [os.fspath(path) for path in source]
    if any("://" in path for path in paths):
        if all(path.endswith(".parquet") for path in paths):
            return _without(_columns(ray.data.read_parquet(paths), column, id_column), done)
        read = ray.data.read_binary_files(paths, include_paths=True)
        return _without(read.map_batches(lambda batch: {"id": batch["path"], "bytes": batch["bytes"]}), done)
    if single and _is_parquet(paths[0]):
        return _without(_columns(ray.data.read_parquet(paths[0]), column, id_column), done)
    files = [path for given in paths for path in _files(given)]
    if not files:
        raise ConfigError(f"{paths[0] if paths else 'source'}: has no images in it")
    left = [file for file in files if file not in done]
    return ray.data.from_items([{"id": file, "path": file} for file in left]) if left else None


def _without(rows: ray.data.Dataset, done: set[str]) -> ray.data.Dataset:
    if not done:
        return rows
    left_out = ray.put(done)
    return rows.map_batches(lambda table: _left(table, ray.get(left_out)), batch_format="pyarrow")


def _is_parquet(path: str) -> bool:
    if os.path.isdir(path):
        names = os.listdir(path)
        return any(name.endswith(".parquet") for name in names)
    return path.endswith(".parquet")


#: The endings that the loader takes in a folder.
_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".mpo")


def _files(path: str) -> Iterable[str]:
    if not os.path.isdir(path):
        return [path]
    found = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    return sorted(file for file in found if file.lower().endswith(_ENDINGS))


def _columns(rows: ray.data.Dataset, column: str | None, id_column: str | None) -> ray.data.Dataset:
    schema: Any = rows.schema()
    names = schema.names
    given = column or next((name for name in ("bytes", "path") if name in names), None)
    if given is None or given not in names:
        raise ConfigError(
            f"source: has no column {column or 'path or bytes'}: got {', '.join(names)}", None, "name it with column="
        )
    id_name = id_column or ("id" if "id" in names else None)

    def chosen(table: pa.Table) -> pa.Table:
        values = table[given]
        is_bytes = pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type)
        if id_name is None and is_bytes:
            raise ConfigError("source: has bytes and no column of ids", None, "name one with id_column=")
        ids = table[id_name] if id_name else values
        return pa.table({"id": ids.cast(pa.string()), "bytes" if is_bytes else "path": values})

    return rows.map_batches(chosen, batch_format="pyarrow")


def embed(
    source: Any,
    model: PathLike,
    output: PathLike,
    *,
    column: str | None = None,
    id_column: str | None = None,
    outputs: Sequence[str] | None = None,
    batch_size: int = 32,
    workers: int | tuple[int, int] | None = None,
    threads: int = 1,
    resume: bool = True,
    address: str | None = None,
) -> dict[str, Any]:
    """Runs an embedded model over images and writes Parquet: `id`, `status` (`"ok"`, or a word for what went wrong), `error`, and
    for each output its elements and, as `NAME.shape`, its shape.

    Args:
        source: What `dataset` takes.
        model: A model that `prep_onnx.embed` wrote, at a place that every worker can read.
        output: A folder. What is there from an earlier call stays, and its ids are not run again: after a crash, call again.
        column: As for `dataset`.
        id_column: As for `dataset`.
        outputs: The names of the outputs to keep; by default all.
        batch_size: Images that a worker is handed at once.
        workers: Workers, or the fewest and the most; by default one for each `threads` processors.
        threads: Threads of a worker.
        resume: Whether ids that are in `output` are left out; else a folder with rows is an error.
        address: Of a cluster; by default the one that this process is in, else this machine.

    Returns:
        `rows`, the number of rows in `output`; `failed`, those without `"ok"`; `resumed`, those that were there before.

    Raises:
        UsageError: `output` has rows, and `resume` is off.
        PrepOnnxError: A source or model that cannot be used.
    """
    if not ray.is_initialized():
        ray.init(address=address, ignore_reinit_error=True, logging_level=logging.ERROR)
    folder = pathlib.Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    done = _done(folder)
    if done and not resume:
        raise UsageError(f"{folder}: has rows of an earlier call", None, "give another folder, or resume=True")
    rows = _dataset(source, column, id_column, done)
    if rows is not None:
        _run(rows, model, folder, outputs, batch_size, workers, threads)
    table = _read(folder, ["id", "status"])
    statuses = table["status"].to_pylist()
    return {"rows": len(statuses), "failed": sum(status != "ok" for status in statuses), "resumed": len(done)}


def _run(
    rows: ray.data.Dataset,
    model: PathLike,
    folder: pathlib.Path,
    outputs: Sequence[str] | None,
    batch_size: int,
    workers: int | tuple[int, int] | None,
    threads: int,
) -> None:
    cluster: Any = ray.cluster_resources
    processors = cluster().get("CPU", 1)
    most = workers if workers is not None else max(1, int(processors) // threads)
    low, high = (most, most) if isinstance(most, int) else most
    found = rows.map_batches(
        Embedder,
        fn_constructor_args=(os.path.abspath(os.fspath(model)), outputs, threads),
        batch_size=batch_size,
        batch_format="numpy",
        num_cpus=_share(processors, low, threads),
        # Ray restarts the actors of a pool, and runs again what they had, by itself.
        compute=ray.data.ActorPoolStrategy(min_size=low, max_size=high),
    )
    found.write_parquet(str(folder))


def _share(processors: float, workers: int, threads: int) -> float:
    """The processors that a worker asks Ray for. Workers are there until the end: where they held all of a cluster, what reads for
    them and writes after them would wait for one forever. Ray takes no fractions above 1.
    """
    share = min(float(threads), max(0.0, processors - 1) / workers)
    return float(int(share)) if share > 1 else int(share * 1000) / 1000


def _left(table: pa.Table, done: set[str]) -> pa.Table:
    keep = [id not in done for id in table["id"].to_pylist()]
    return table.filter(pa.array(keep, pa.bool_()))


def _done(folder: pathlib.Path) -> set[str]:
    """The ids in whole files; one that a crash left half is put aside."""
    ids: set[str] = set()
    for file in sorted(folder.glob("*.parquet")):
        try:
            ids.update(pq.read_table(file, columns=["id"])["id"].to_pylist())
        except (pa.ArrowInvalid, OSError):
            file.rename(file.with_suffix(".damaged"))
    return ids


def _read(folder: pathlib.Path, columns: list[str]) -> pa.Table:
    tables = [pq.read_table(file, columns=columns) for file in sorted(folder.glob("*.parquet"))]
    return pa.concat_tables(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in columns})
