import errno
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from vqclip_video.disk.part import Part
from vqclip_video.errors import OutputError
from vqclip_video.output import checkpoint

INFO = {"frames": 7, "loss": 0.1 + 0.2, "text": "é 🎬 \n", "nested": [1, {"a": None}]}


def parts(seed, numbers=None):
    """The state of two participants, one of which has nothing but numbers."""
    return {"latent": Part(tensors(seed), {}), "film": Part(numbers=numbers or INFO)}


def tensors(seed):
    generator = torch.Generator().manual_seed(seed)
    latent = torch.randn(2, 3, 5, generator=generator)
    return {
        "latent": latent,
        "transposed": latent.transpose(0, 2),
        "half": latent.bfloat16(),
        "step": torch.tensor(seed),
        "poster": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        "none": torch.zeros(0, 4),
    }


def frames(loaded):
    return loaded["film"].numbers["frames"]


def same(loaded, given):
    given = {name: torch.as_tensor(value) for name, value in given.items()}
    return loaded.keys() == given.keys() and all(
        loaded[name].dtype == value.dtype and torch.equal(loaded[name], value)
        for name, value in given.items()
    )


def test_what_was_saved_is_loaded_bit_for_bit(tmp_path):
    assert checkpoint.load_checkpoint(tmp_path) is None
    checkpoint.save(tmp_path, parts(1))
    loaded = checkpoint.load_checkpoint(tmp_path)
    assert same(loaded["latent"].tensors, tensors(1)) and loaded["film"] == Part(numbers=INFO)
    loaded["latent"].tensors["latent"].add_(1)  # what goes on from a checkpoint changes it


def test_newest_wins_and_two_are_kept(tmp_path):
    olders = [checkpoint.save(tmp_path, parts(n, {"frames": n})) for n in range(5)]
    assert olders[0] is None and [frames(older) for older in olders[1:]] == [0, 1, 2, 3]
    loaded = checkpoint.load_checkpoint(tmp_path)
    assert frames(loaded) == 4 and same(loaded["latent"].tensors, tensors(4))
    assert len(list(tmp_path.iterdir())) == 2


def damage(path, how, rng):
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: rng.randrange(len(data))])
    elif how == "flip":
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
    elif how == "zeros":
        path.write_bytes(bytes(len(data)))
    elif how == "more":
        path.write_bytes(data + b"\0")
    else:
        path.write_bytes(rng.randbytes(rng.randrange(400)))


@pytest.mark.parametrize("how", ["cut", "flip", "zeros", "more", "noise"])
def test_damaged_newest_falls_back_to_the_one_before(tmp_path, monkeypatch, how):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # it is what takes the time
    rng = random.Random(how)
    for trial in range(25):
        work = tmp_path / str(trial)
        work.mkdir()
        checkpoint.save(work, parts(1, {"frames": 1}))
        checkpoint.save(work, parts(2, {"frames": 2}))
        newest = max(work.iterdir())
        damage(newest, how, rng)
        said = []
        loaded = checkpoint.load_checkpoint(work, said.append)
        assert frames(loaded) == 1 and same(loaded["latent"].tensors, tensors(1))
        assert said == [f"{newest.name} is damaged; going back to the checkpoint before it"]


def test_every_byte_counts(tmp_path):
    checkpoint.save(tmp_path, {"latent": Part({"grid": torch.ones(2)}, {"frames": 1})})
    path = next(tmp_path.iterdir())
    data = path.read_bytes()
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x20]) + data[position + 1 :])
        assert checkpoint.load_checkpoint(tmp_path) is None


def test_whole_one_is_kept_when_the_newest_was_torn_before_a_save(tmp_path):
    checkpoint.save(tmp_path, parts(1, {"frames": 1}))
    checkpoint.save(tmp_path, parts(2, {"frames": 2}))
    max(tmp_path.iterdir()).write_bytes(b"torn")
    assert frames(checkpoint.save(tmp_path, parts(3, {"frames": 3}))) == 1
    max(tmp_path.iterdir()).write_bytes(b"torn")
    assert frames(checkpoint.load_checkpoint(tmp_path)) == 1


def test_nothing_whole_is_none_with_a_warning(tmp_path):
    checkpoint.save(tmp_path, parts(1))
    next(tmp_path.iterdir()).write_bytes(b"")
    said = []
    assert checkpoint.load_checkpoint(tmp_path, said.append) is None
    assert said[-1] == "no checkpoint is whole; starting from the beginning"


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    others = [tmp_path / name for name in ("checkpoint-notes", "checkpoint-", "segment-00000.rgb")]
    for other in others:
        other.write_bytes(b"mine")
    checkpoint.save(tmp_path, parts(1))
    assert checkpoint.load_checkpoint(tmp_path)["film"].numbers == INFO
    assert all(other.read_bytes() == b"mine" for other in others)


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_full_disk_leaves_the_checkpoints_there_are(tmp_path, monkeypatch, failing):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    checkpoint.save(tmp_path, parts(1))
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(*((os, "fsync") if failing == "fsync" else (Path, "replace")), full)
    with pytest.raises(OutputError, match="not enough disk space"):
        checkpoint.save(tmp_path, parts(2))
    assert sorted(tmp_path.iterdir()) == before
    assert same(checkpoint.load_checkpoint(tmp_path)["latent"].tensors, tensors(1))


def test_vanished_folder_is_one_line(tmp_path):
    with pytest.raises(OutputError, match="the folder has vanished"):
        checkpoint.save(tmp_path / "gone", parts(1))


def test_numbers_that_json_lacks_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError):
        checkpoint.save(tmp_path, parts(1, {"loss": float("nan")}))
    assert not list(tmp_path.iterdir())
