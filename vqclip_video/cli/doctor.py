"""`doctor`: whether rendering can work here."""

from __future__ import annotations

import json
import sys

import click

from .options import OUTPUTS, json_option


@click.command()
@json_option
def doctor(as_json):
    """Check whether rendering can work here, and what to do where not."""
    from ..doctor import run_checks

    checks = list(run_checks(OUTPUTS))
    if as_json:
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    else:
        for check in checks:
            mark = click.style("ok ", fg="green")
            if not check.ok:
                mark = click.style("BAD", fg="red", bold=True)
            remedy = "" if check.ok else f"\n    {check.remedy}"
            click.echo(f"{mark} {check.name:<12} {check.detail}{remedy}")
    sys.exit(0 if all(check.ok for check in checks if check.needed) else 1)
