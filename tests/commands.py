"""The command line, in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from vqclip_video.cli.main import main


def run(*arguments: object, status: int = 0) -> Result:
    """What a command that ended with `status`, and with no traceback, has said."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output + repr(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result
