"""Checkpoints of every format read alike; hostile and broken ones refused, and never executed."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import warnings
import zipfile
from collections import OrderedDict, deque
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny import make_clip, make_vqgan
from torch import nn

from vqclip_video.errors import ModelError
from vqclip_video.models.pickles import Global, Inert, PersistentId, read_pickle
from vqclip_video.models.weights import check_finite, read_tensors

STATE = {
    "a.weight": torch.arange(24.0).reshape(2, 3, 4),
    "a.half": torch.arange(6).reshape(2, 3).half(),
    "b.bf16": torch.ones(5, dtype=torch.bfloat16),
    "b.long": torch.tensor(3),
    "b.transposed": torch.arange(6.0).reshape(2, 3).T,
    "b.slice": torch.arange(10.0)[3:7],
    "b.empty": torch.zeros(0, 4),
    "b.flags": torch.tensor([True, False]),
}


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "state.pt"
    torch.save(STATE, path)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        OrderedDict,
        lambda s: {"step": torch.tensor(5), "model": {"state_dict": s}},
        lambda s: {"epoch": 3, "state_dict": s, "optimizer_states": [{"state": {0: s}}]},
    ],
    ids=["dict", "ordered", "nested", "lightning"],
)
def test_torch_files_read_as_torch_reads_them(tmp_path, zipped, wrap):
    path = tmp_path / "state.pt"
    torch.save(wrap(STATE), path, _use_new_zipfile_serialization=zipped)
    same(read_tensors(path), STATE)


def test_safetensors(tmp_path):
    save_file(
        {name: tensor.contiguous() for name, tensor in STATE.items()}, tmp_path / "s.safetensors"
    )
    same(read_tensors(str(tmp_path / "s.safetensors")), STATE)


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_openai_archives_name_their_tensors_as_torch_does(tmp_path, kind):
    path = make_clip(tmp_path, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = torch.jit.load(path).state_dict()
    assert kind == "vit" or any(name.endswith("running_mean") for name in wanted)
    same(read_tensors(path), wanted)


@pytest.mark.parametrize("kind", ["vq", "gumbel", "net2net"])
def test_lightning_files_give_the_state_dict_alone(tmp_path, kind):
    lightning, plain = (
        read_tensors(make_vqgan(tmp_path, kind, format)[0]) for format in ("lightning", "pt")
    )
    assert len(lightning) > 50
    same(lightning, plain)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_whole_module_gives_its_state_dict(tmp_path, zipped):
    inner = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    module = nn.Sequential(OrderedDict(model=inner, head=nn.Linear(4, 2)))
    torch.save(module, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    same(read_tensors(tmp_path / "m.pt"), module.state_dict())


def test_parameters_and_tensors_with_attributes(tmp_path):
    parameter, tensor = nn.Parameter(torch.ones(3)), torch.zeros(2)
    tensor.note = parameter.note = "kept by torch in the pickle"
    torch.save({"p": parameter, "t": tensor}, tmp_path / "p.pt")
    same(read_tensors(tmp_path / "p.pt"), {"p": parameter.data, "t": tensor})


def test_a_deflated_archive(tmp_path, saved):
    with (
        zipfile.ZipFile(saved) as old,
        zipfile.ZipFile(tmp_path / "z.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    same(read_tensors(tmp_path / "z.pt"), STATE)


def test_writing_to_a_tensor_leaves_the_file_alone(saved):
    before = saved.read_bytes()
    read_tensors(saved)["a.weight"].zero_()
    assert saved.read_bytes() == before
    same(read_tensors(saved), STATE)


def test_large_files_are_mapped_not_copied(tmp_path):
    resource = pytest.importorskip("resource")
    torch.save({"w": torch.zeros(64 << 18)}, tmp_path / "big.pt")  # 64 MiB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tensors = read_tensors(tmp_path / "big.pt")
    other = read_tensors(tmp_path / "big.pt")
    assert tensors["w"][0] == other["w"][0] == 0
    # The checksums have touched every page of both maps; copies would add as much again.
    assert (tensors["w"].untyped_storage().nbytes()) >= 64 << 20
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 2 * 64 + 32


# Hostile files


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


class Deep:
    def __reduce__(self):
        return eval, ("__import__('os').mkdir('owned')",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_code_in_a_pickle_is_not_run(tmp_path, monkeypatch, zipped, protocol):
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "owned"
    state = {
        **STATE,
        "evil": Evil(mark),
        "nested": {"x": [Deep(), (Evil(mark), Deep())], "d": deque([Deep()])},
    }
    torch.save(
        state, tmp_path / "e.pt", _use_new_zipfile_serialization=zipped, pickle_protocol=protocol
    )
    same(read_tensors(tmp_path / "e.pt"), STATE)
    assert not mark.exists()
    with pytest.raises(
        FileExistsError
    ):  # the same file, run by the stock unpickler, does its work: twice
        torch.load(tmp_path / "e.pt", weights_only=False)


def test_every_way_to_name_a_function_is_inert():
    for program in (
        b"cos\nsystem\n(S'touch owned'\ntR.",
        b"(S'touch owned'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch owned'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0btouch owned\x85R.",
        b"\x80\x02cos\nsystem\nU\x0btouch owned\x85\x81.",
        b"\x80\x04cos\nsystem\nU\x0btouch owned\x85}\x92.",
    ):
        value = read_pickle(program)
        assert isinstance(value, Inert) and (value.name, value.args) == (
            "os.system",
            ("touch owned",),
        )
    built = read_pickle(b"\x80\x02cos\nsystem\n)\x81}X\x08\x00\x00\x00__call__cos\nsystem\nsb.")
    assert built.state == {"__call__": Global("os.system")}


def test_plain_pickles_come_as_themselves():
    value = {
        "n": [1, -2, 2**70, 1.5, None, True, False],
        "s": ["é", "b", ""],
        "t": ((), (1,), (1, 2, 3, 4)),
        5: {},
    }
    for protocol in range(6):
        assert read_pickle(pickle.dumps(value, protocol)) == value
    assert read_pickle(pickle.dumps([b"b", bytearray(b"c")], 5)) == [b"b", b"c"]
    assert read_pickle(pickle.dumps({1, 2}, 4)) in ([1, 2], [2, 1])
    assert read_pickle(b"P7\n.") == PersistentId("7")


def archive(path: Path, program: bytes, data: bytes = b"\0" * 16, **records: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {"data.pkl": program, "data/0": data, **records}.items():
            file.writestr(f"archive/{name}", content)
    return path


def tensor_program(
    offset=0, size=(4,), stride=(1,), kind="FloatStorage", count=4, key="0"
) -> bytes:
    """A pickle of {"w": tensor} whose tensor claims what the arguments say."""

    class Rebuilt:
        def __reduce__(self):
            return torch._utils._rebuild_tensor_v2, (
                Stored(),
                offset,
                size,
                stride,
                False,
                OrderedDict(),
            )

    class Stored:
        pass

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return (
                ("storage", getattr(torch, kind), key, "cpu", count)
                if isinstance(value, Stored)
                else None
            )

    stream = io.BytesIO()
    Pickler(stream, 2).dump({"w": Rebuilt()})
    return stream.getvalue()


def test_the_claims_of_a_true_tensor_are_believed(tmp_path):
    data = struct.pack("<4f", 1, 2, 3, 4)
    tensors = read_tensors(archive(tmp_path / "t.pt", tensor_program(1, (3,)), data))
    assert tensors["w"].tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"size": (5,)}, "does not fit"),
        ({"offset": 1}, "does not fit"),
        ({"offset": -1}, "no valid shape"),
        ({"offset": 2**80}, "does not fit"),
        ({"size": (2, 2), "stride": (4, 1)}, "does not fit"),
        ({"size": (2, 2), "stride": (-1, 1)}, "no valid shape"),
        ({"size": (2**62,), "stride": (0,)}, "does not fit"),
        ({"size": (2**62, 2**62, 0), "stride": (1, 1, 1)}, "not a readable checkpoint"),
        ({"size": ("a",)}, "no valid shape"),
        ({"size": (1,) * 99, "stride": (1,) * 99}, "no valid shape"),
        ({"count": 5, "size": (5,)}, "too few for 5 values"),
        ({"count": 2**70}, "too few"),
        ({"count": -4}, "beyond"),
        ({"key": "9"}, "data/9 is missing"),
        ({"key": "../data/0"}, "is missing"),
        ({"kind": "QInt8Storage"}, "values of torch.QInt8Storage"),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path, claims, reason):
    with pytest.raises(ModelError, match=reason):
        read_tensors(archive(tmp_path / "t.pt", tensor_program(**claims)))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (b"\x80\x02]" + b"h\x00" * 5, "not a readable checkpoint"),
        (b"\x80\x02" + b"(" * 100_000 + b".", "not a readable checkpoint"),
        (b"\x80\x02" + b"]" * 1_000_001 + b".", "more than 1000000 instructions"),
        (
            b"\x80\x02}r\xff\xff\xff\xff.",
            "no tensors",
        ),  # a memo of 4 billion places in the stock unpickler
        (b"\x80\x02" + b"N" + b"\x85" * 300_000 + b"}h\x00.", "not a readable checkpoint"),
        (
            b"\x80\x02cos\nsystem\nq\x00" + b"h\x00" * 200_000 + b"N" + b"\x85R" * 200_000 + b".",
            "no tensors",
        ),
        (b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f" + b"x.", "not a readable checkpoint"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02}K\x01.", "no tensors"),
        (b"\x80\x02X\x05\x00\x00\x00\xff\xff\xff\xff\xff.", "not a readable checkpoint"),
        (b"L" + b"9" * 100_000 + b"L\n.", "no tensors|not a readable checkpoint"),
        (b"", "not a readable checkpoint"),
    ],
)
def test_pickle_bombs_are_refused(tmp_path, program, reason):
    with pytest.raises(ModelError, match=reason):
        read_tensors(archive(tmp_path / "bomb.pt", program))


def test_a_legacy_file_that_overflows_a_hash_is_refused(tmp_path):
    deep = b"\x80\x02]N" + b"\x85" * 300_000 + b"a."
    parts = [
        pickle.dumps(value, 2)
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {})
    ]
    (tmp_path / "deep.pt").write_bytes(b"".join(parts) + deep)
    with pytest.raises(ModelError, match="holds something else"):
        read_tensors(tmp_path / "deep.pt")


def test_a_tree_that_unfolds_without_end_is_refused(tmp_path):
    laughs = {"x": None}
    for _ in range(60):
        laughs = {"a": laughs, "b": laughs}
    looped = {}
    looped["model"] = looped
    for tree, reason in ((laughs, "more than 100000 values"), (looped, "nested too deeply")):
        with pytest.raises(ModelError, match=reason):
            read_tensors(archive(tmp_path / "laughs.pt", pickle.dumps(tree, 2)))


def test_zip_bombs_are_refused(tmp_path):
    for name, content in (("data.pkl", b"\0" * (65 << 20)), ("data/0", b"\0" * (80 << 20))):
        path = tmp_path / "bomb.pt"
        count = (80 << 20) // 4
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            records = {
                "data.pkl": tensor_program(count=count, size=(count,)),
                "data/0": b"",
                name: content,
            }
            for record, data in records.items():
                file.writestr(f"archive/{record}", data)
        with pytest.raises(ModelError, match="more than 67108864|16 times the file"):
            read_tensors(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"hello, world", "not a checkpoint"),
        (b"GGUF\x03\0\0\0", r"GGUF.*take the network's .safetensors"),
        (b"7z\xbc\xaf\x27\x1c", "archive; unpack it"),
        (b"\x1f\x8b\x08", "archive; unpack it"),
        (b"\x89HDF\r\n", "TensorFlow"),
        (b"\x93NUMPY", "numpy"),
        (b'{"weight_map": {}}', "JSON.*name the weights"),
        (pickle.dumps({"a": 1}), "not of PyTorch"),
        (struct.pack("<Q", 1 << 40) + b"{", "not a readable checkpoint"),
        (struct.pack("<Q", 2) + b"{}", "no tensors"),
    ],
)
def test_other_files_are_named_for_what_they_are(tmp_path, content, reason):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ModelError, match=reason) as caught:
        read_tensors(tmp_path / "x.pt")
    assert str(tmp_path / "x.pt") in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        '{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,99]}}',
        '{"w":{"dtype":"F32","shape":[1000000],"data_offsets":[0,16]}}',
        '{"w":{"dtype":"F32","shape":[4],"data_offsets":[8,4]}}',
        '{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
        '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"v":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        '{"w":{"dtype":"NO","shape":[4],"data_offsets":[0,16]}}',
        '{"w":',
    ],
)
def test_a_safetensors_header_that_lies_is_refused(tmp_path, header):
    (tmp_path / "x.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header.encode() + b"\0" * 16
    )
    with pytest.raises(ModelError, match="not a readable checkpoint"):
        read_tensors(tmp_path / "x.safetensors")


def test_missing_files_folders_big_endian_and_plain_zips(tmp_path):
    for path, reason in (
        (tmp_path / "none.pt", "no such file"),
        (tmp_path, "this is a folder"),
        (archive(tmp_path / "big.pt", tensor_program(), byteorder=b"big"), "big-endian"),
    ):
        with pytest.raises(ModelError, match=reason):
            read_tensors(path)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as file:
        file.writestr("photos/cat.jpg", b"meow")
    with pytest.raises(ModelError, match=r"in it: photos/cat\.jpg.*unpack it"):
        read_tensors(tmp_path / "photos.zip")


def test_a_changed_weight_fails_its_checksum(saved):
    content = bytearray(saved.read_bytes())
    at = bytes(content).index(STATE["a.weight"].numpy().tobytes())
    content[at + 5] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ModelError, match="fails its checksum"):
        read_tensors(saved)


@pytest.mark.parametrize("format", ["zip", "legacy", "safetensors", "torchscript"])
def test_any_damage_is_a_message(tmp_path, format):
    """Bytes flipped, cut off and made up: a ModelError or tensors come out, never another
    exception.
    """
    path = tmp_path / "state"
    if format == "safetensors":
        save_file({name: tensor.contiguous() for name, tensor in STATE.items()}, path)
    elif format == "torchscript":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.trace(
                nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval(), torch.ones(1, 2)
            ).save(str(path))
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=format == "zip")
    good, dice, refused = path.read_bytes(), random.Random(format), 0
    for _ in range(400):
        bad = bytearray(good[: dice.randrange(len(good))] if dice.random() < 0.2 else good)
        for _ in range(dice.choice((1, 1, 4, 40))):
            if bad:
                bad[dice.randrange(len(bad))] = dice.choice((0, 1, 255, dice.randrange(256)))
        path.write_bytes(bad)
        try:
            read_tensors(path)
        except ModelError:
            refused += 1
    assert refused > 80


def test_not_a_number_is_named():
    check_finite({**STATE, "small": torch.ones(2).to(torch.float8_e4m3fn)}, "x.pt")
    bad = {"fine": torch.ones(3), "worse": torch.tensor([1.0, float("nan"), float("-inf")])}
    with pytest.raises(
        ModelError, match="x.pt: worse holds 2 values that are NaN or infinite, of 3"
    ):
        check_finite(bad, "x.pt")
