"""Many images on Ray: complete, equal to `prep-onnx run`, resumed, and whole after a worker dies."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import prep_onnx
import pytest
from PIL import Image

ray = pytest.importorskip("ray")
import prep_onnx.ray as prep  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from drawing import drawn  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("PREP_RAY_IMAGES", "200"))
BROKEN = COUNT // 100 + (COUNT % 100 > 50)

# What a later Ray takes away is not used.
pytestmark = pytest.mark.filterwarnings("error::ray.util.annotations.RayDeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    # Workers import the package from where this process has it.
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ray.init(num_cpus=2, include_dashboard=False, runtime_env={"env_vars": environment})
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """One in a hundred is broken."""
    folder = tmp_path_factory.mktemp("photos")
    for index in range(COUNT):
        file = folder / f"{index:05}.png"
        if index % 100 == 50:
            file.write_bytes(b"no image")
        else:
            Image.fromarray(drawn(40 + index % 50, 64, index)).save(file)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return prep_onnx.embed(ROOT / "models/zoo/shapes-cnn.onnx", tmp_path_factory.mktemp("model") / "m.onnx", pipeline="imagenet", load=False)


def rows(folder):
    found = {}
    for file in pathlib.Path(folder).glob("*.parquet"):
        for row in pq.read_table(file).to_pylist():
            assert row["id"] not in found, "doubled"
            found[row["id"]] = row
    return found


@pytest.fixture(scope="module")
def expected(model, photos, tmp_path_factory):
    """What `prep-onnx run` writes."""
    out = tmp_path_factory.mktemp("run") / "run.jsonl"
    subprocess.run([sys.executable, "-m", "prep_onnx", "run", str(model), str(photos), "-o", str(out), "--batch", "1"], check=False, capture_output=True)
    return {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}


def complete_and_equal(folder, expected):
    found = rows(folder)
    assert len(found) == COUNT and set(found) == set(expected)
    assert sum(row["status"] == "not_an_image" and row["error"].startswith(row["id"]) for row in found.values()) == BROKEN
    for id, row in found.items():
        if row["status"] == "ok":
            want = np.array(expected[id]["output"], np.float32).reshape(-1)
            assert np.array_equal(np.array(row["logits"], np.float32), want), id


def test_output_is_complete_and_equal(model, photos, expected, tmp_path):
    answer = prep.embed(photos, model, tmp_path / "out", workers=2)
    assert answer == {"rows": COUNT, "failed": BROKEN, "resumed": 0}
    complete_and_equal(tmp_path / "out", expected)
    again = prep.embed(photos, model, tmp_path / "out", workers=2)
    assert again == {"rows": COUNT, "failed": BROKEN, "resumed": COUNT}
    with pytest.raises(prep_onnx.UsageError, match="has rows of an earlier call"):
        prep.embed(photos, model, tmp_path / "out", resume=False)


def test_what_is_missing_is_run_again(model, photos, tmp_path):
    out = tmp_path / "out"
    files = sorted(photos.glob("*.png"))
    prep.embed(files[:20], model, out, workers=1)
    half = next(out.glob("*.parquet"))
    half.write_bytes(half.read_bytes()[:100])
    answer = prep.embed(files[:30], model, out, workers=1)
    assert answer["rows"] == 30 and set(rows(out)) == {str(file) for file in files[:30]}


def test_a_worker_that_is_killed(model, photos, expected, tmp_path):
    killed = []

    def kill():
        end = time.monotonic() + 120
        while time.monotonic() < end and not killed:
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    title = (folder / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"ray::" in title and b"Embedder" in title and b"__init__" not in title:
                    os.kill(int(folder.name), signal.SIGKILL)
                    killed.append(folder.name)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    answer = prep.embed(photos, model, tmp_path / "out", workers=2, batch_size=4)
    thread.join()
    assert killed and answer == {"rows": COUNT, "failed": BROKEN, "resumed": 0}
    complete_and_equal(tmp_path / "out", expected)


def test_tables_of_paths_and_bytes(model, photos, tmp_path):
    files = sorted(photos.glob("*.png"))[:10]
    pq.write_table(pa.table({"path": [str(file) for file in files]}), tmp_path / "paths.parquet")
    data = pa.table({"key": [file.name for file in files], "jpg": [file.read_bytes() for file in files]})
    pq.write_table(data, tmp_path / "bytes.parquet")
    prep.embed(tmp_path / "paths.parquet", model, tmp_path / "a", workers=1)
    prep.embed(tmp_path / "bytes.parquet", model, tmp_path / "b", column="jpg", id_column="key", workers=1)
    a, b = rows(tmp_path / "a"), rows(tmp_path / "b")
    assert {pathlib.Path(id).name: row["logits"] for id, row in a.items()} == {id: row["logits"] for id, row in b.items()}
    # As many workers as processors, and tables of which a part is left: what reads and filters must not wait for the workers.
    more = sorted(photos.glob("*.png"))[:16]
    pq.write_table(pa.table({"path": [str(file) for file in more]}), tmp_path / "more.parquet")
    answer = prep.embed(tmp_path / "more.parquet", model, tmp_path / "a", workers=2)
    assert answer["rows"] == 16 and answer["resumed"] == 10 and len(rows(tmp_path / "a")) == 16
    with pytest.raises(prep_onnx.ConfigError, match="has no column"):
        prep.dataset(str(tmp_path / "paths.parquet"), column="absent")
    with pytest.raises(prep_onnx.ConfigError, match="has no images"):
        (tmp_path / "empty").mkdir()
        prep.dataset(tmp_path / "empty")
