"""What a safetensors file holds, told from its header alone; anything else is refused as a
ValueError.
"""

import json

import pytest
import torch
from safetensors.torch import save_file

from vqclip_video.disk.safetensors_header import read_shapes


def written(folder, header: bytes, length: int | None = None):
    path = folder / "x.safetensors"
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little") + header)
    return path


def test_names_and_shapes_are_those_saved(tmp_path):
    tensors = {
        "latent": torch.zeros(1, 8, 4, 6),
        "steps": torch.tensor(3),
        "none": torch.zeros(0, 2),
    }
    save_file(tensors, tmp_path / "x.safetensors", metadata={"shape": "no tensor"})
    assert read_shapes(tmp_path / "x.safetensors") == {
        name: tuple(t.shape) for name, t in tensors.items()
    }


def test_a_file_cut_off_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"latent": torch.zeros(1, 8, 4, 6)}, path)
    content = path.read_bytes()
    for length in (0, 7, 8, 20, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError):
            read_shapes(path)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"3",
        b"null",
        b"{",
        b"\xff\xff",
        b"[" * 100_000,
        b'{"a": []}',
        b'{"a": {}}',
        b'{"a": {"shape": 3}}',
        b'{"a": {"shape": [1], "data_offsets": [0]}}',
        b'{"a": {"shape": [[1]], "data_offsets": [0, 1]}}',
        b'{"a": {"shape": [1e999], "data_offsets": [0, 1]}}',
        b'{"a": {"shape": [NaN], "data_offsets": [0, 1]}}',
        b'{"a": {"shape": ["x"], "data_offsets": [0, 1]}}',
        b'{"a": ' + b"1" * 5000 + b"}",
    ],
    ids=range(15),
)
def test_a_header_that_is_none_is_refused(tmp_path, header):
    with pytest.raises(ValueError):
        read_shapes(written(tmp_path, header))


@pytest.mark.parametrize("length", [0, 1, 2**62, 2**64 - 1])
def test_a_length_that_lies_asks_for_no_memory(tmp_path, length):
    with pytest.raises(ValueError):
        read_shapes(written(tmp_path, json.dumps({}).encode(), length))
