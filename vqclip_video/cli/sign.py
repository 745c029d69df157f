"""`sign`: content credentials for finished files."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..errors import UsageError
from .options import PATH, quiet_option


@click.command()
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="RUN|FILE…")
@click.option(
    "--cert",
    type=PATH,
    envvar="VQCLIP_CERT",
    metavar="CHAIN.pem",
    help="The signer's certificate and those above it. [env: VQCLIP_CERT; default: one made here]",
)
@click.option(
    "--key",
    type=PATH,
    envvar="VQCLIP_KEY",
    metavar="KEY.pem",
    help="The private key of that certificate. [env: VQCLIP_KEY]",
)
@click.option(
    "--check", "only_check", is_flag=True, help="Only say whether files are as they were signed."
)
@quiet_option
def sign(files, cert, key, only_check, quiet):
    """Sign finished films, stills and deliveries with content credentials (C2PA), so that a changed
    byte shows. RUN is the folder of a film: all of its files. Sign last: whatever is made of a
    signed file is not signed.
    """
    from ..output import credentials

    say = (lambda text: None) if quiet else (lambda text: click.echo(text, err=True))
    files = [file for each in files for file in files_at(each)]
    if only_check:
        states = {file: credentials.state_of(file) for file in files}
        click.echo("\n".join(f"{state:<8}  {file}" for file, state in states.items()))
        sys.exit(int(bool({credentials.UNSIGNED, credentials.CHANGED} & set(states.values()))))
    if (cert is None) != (key is None):
        raise UsageError("--cert and --key belong together; name both, or neither")
    by = credentials.given_signatory(cert, key) if cert else credentials.local_signatory()
    for file in files:
        credentials.sign_file(file, by)
        say(f"{file} signed")
    if by.local:
        say(credentials.UNVERIFIED)


def files_at(path: Path) -> list[Path]:
    """A file, or all of a run's that can be signed. Raises UsageError."""
    from ..deliveries import film_at
    from ..output.credentials import KINDS

    film = film_at(path)
    if not path.is_dir():
        return [film]
    return [film, *sorted(each for each in path.iterdir() if each.suffix.lower() in KINDS)]
