"""What `doctor` says: a check is a function that returns its finding with the remedy attached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One finding.

    `remedy` is what to do about it when it is not `ok`; `needed`: without it nothing renders.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True
