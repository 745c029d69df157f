"""What doctor says of a machine that can render, and of one where something was broken."""

import json
import sys

import pytest
import torch
from click.testing import CliRunner

from vqclip_video import doctor
from vqclip_video.catalogue import known, store
from vqclip_video.cli.main import main
from vqclip_video.errors import OutputError, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def one_encoder(monkeypatch):
    """Probing all encoders takes seconds, and test_files does it."""
    monkeypatch.setattr(
        doctor, "check_encoders", lambda: doctor.Check("encoders", True, "libx264 works")
    )


def run(*arguments: str):
    return CliRunner().invoke(main, ["doctor", *arguments])


def test_a_machine_that_runs_these_tests_can_render(one_encoder):
    result = run()
    assert result.exit_code == 0, result.output
    names = [
        "torch",
        "device",
        "ffmpeg",
        "encoders",
        "model storybook-clip",
        "model storybook-vqgan",
        "disk",
        "memory",
    ]
    assert all(f"ok  {name} " in result.output for name in names)
    assert "BAD" not in result.output


def test_json_holds_the_same(one_encoder):
    checks = json.loads(run("--json").output)
    assert {"torch", "device", "ffmpeg", "encoders", "disk", "memory"} <= {
        check["name"] for check in checks
    }
    assert all(check.keys() == {"name", "ok", "detail", "remedy", "needed"} for check in checks)


def test_no_ffmpeg_is_status_1_with_the_remedy(monkeypatch):
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    result = run()
    assert result.exit_code == 1
    assert "BAD ffmpeg" in result.output and "pip install imageio-ffmpeg" in result.output


def test_a_folder_that_cannot_be_written_is_status_1(monkeypatch, one_encoder):
    def refuse(**options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    result = run()
    assert result.exit_code == 1 and "read-only" in result.output and "-o" in result.output


def test_torch_that_cannot_be_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    check = doctor.check_torch()
    assert not check.ok and check.needed and "pip install" in check.remedy
    assert not doctor.check_device().ok


def test_a_device_that_fails(monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("CUDA error: no kernel image is available\nmore lines")

    monkeypatch.setattr(torch, "ones", fail)
    check = doctor.check_device()
    assert not check.ok and "no kernel image" in check.detail and "\n" not in check.detail


def test_a_damaged_model_of_the_package_is_needed_and_a_fetched_one_is_not(monkeypatch, tmp_path):
    def damaged(model):
        yield store.Verified(tmp_path / "x", False, "x: sha256 is 1, 2 is right")

    monkeypatch.setattr(store, "verify", damaged)
    bundled = doctor.check_model(known.MODELS["storybook-clip"])
    fetched = doctor.check_model(known.MODELS["ViT-B/32"])
    assert not bundled.ok and bundled.needed and "install vqclip-video again" in bundled.remedy
    assert not fetched.ok and not fetched.needed and "models fetch ViT-B/32" in fetched.remedy


@pytest.mark.parametrize("free, ok", [(8_000_000_000, True), (500_000_000, False), (None, True)])
def test_memory(monkeypatch, free, ok):
    monkeypatch.setattr(doctor, "available_memory", lambda: free)
    check = doctor.check_memory()
    assert check.ok == ok and not check.needed


@pytest.mark.parametrize("error", [OutputError, UsageError])
def test_our_own_refusals_are_findings_too(monkeypatch, error):
    from vqclip_video.engine import device

    def refuse(name):
        raise error("no")

    monkeypatch.setattr(device, "pick_device", refuse)
    assert "no" in doctor.check_device().detail
