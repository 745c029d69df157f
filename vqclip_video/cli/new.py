"""`new`: a storyboard to start from, an example or made of what somebody has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OutputError, UsageError
from .options import PATH

if TYPE_CHECKING:
    from ..drafts.draft import Draft


@click.command()
@click.argument("storyboard", type=PATH)
@click.option(
    "--from",
    "source",
    type=PATH,
    help=(
        "Make it of lyrics or subtitles (.srt, .vtt, .lrc), of Deforum's settings (.txt) or of a "
        "document of Parseq's (.json)."
    ),
)
@click.option("--photos", type=PATH, help="Make it of a folder of pictures, a bar for each.")
@click.option("--audio", type=PATH, help="The sound that it is heard with; the film is as long.")
@click.option("--bpm", type=click.FloatRange(20, 400), help="The sound's tempo, for --photos.")
def new(storyboard, source, photos, audio, bpm):
    """Write a commented storyboard to start from."""
    from ..disk.files import atomic_write
    from ..storyboard.template import TEMPLATE

    if storyboard.exists():
        raise UsageError(f"{storyboard} is there already; choose another name or remove it first")
    if not storyboard.parent.is_dir():
        raise OutputError(f"{storyboard.parent} is no folder; create it first")
    if source and photos:
        raise UsageError("--from and --photos make two storyboards; name one of them")
    if bpm and not photos:
        raise UsageError(
            "--bpm is of the bars of --photos; elsewhere write bpm: into the storyboard"
        )
    if (audio or bpm) and not (source or photos):
        raise UsageError("--audio goes with --from or --photos; elsewhere write audio: song.mp3")
    text = _drafted(storyboard, source, photos, audio, bpm) if source or photos else TEMPLATE
    atomic_write(storyboard, text)
    click.echo(
        f"{storyboard} written. Look what it will become, then render it:\n"
        f"  vqclip-video plan {storyboard}\n  vqclip-video render {storyboard}"
    )


def _drafted(
    target: Path, source: Path | None, photos: Path | None, audio: Path | None, bpm: float | None
) -> str:
    from ..drafts.draft import checked_text, with_sound

    if audio and not audio.is_file():
        raise UsageError(f"--audio {audio}: there is no such file")
    draft = _of_file(source) if source else _of_photos(photos, target, audio, bpm)
    draft = with_sound(draft, audio, target)
    text = checked_text(draft, target)
    for line in draft.lost:
        click.echo(f"not taken over: {line}", err=True)
    return text


def _of_file(source: Path) -> Draft:
    from ..drafts.lyrics import SUFFIXES, draft_of_lyrics
    from ..drafts.others import draft_of_settings

    if source.suffix.lower() in SUFFIXES:
        return draft_of_lyrics(source)
    if source.suffix.lower() in (".txt", ".json"):
        return draft_of_settings(source)
    known = ", ".join((*SUFFIXES, ".txt", ".json"))
    raise UsageError(f"--from {source}: such files are not known; known are {known}")


def _of_photos(photos: Path, target: Path, audio: Path | None, bpm: float | None) -> Draft:
    from ..drafts.photos import draft_of_photos
    from ..storyboard.grid import tempos_of
    from ..storyboard.kinds import Refusal

    if audio and not bpm:
        try:
            found = ", ".join(f"{tempo:g}" for tempo in tempos_of(audio))
        except Refusal as refusal:
            raise UsageError(f"--audio {audio}: {refusal}") from None
        some = f"; by its sound {found} may be meant" if found else ""
        raise UsageError(f"a picture a bar needs the tempo{some}; say it with --bpm")
    return draft_of_photos(photos, target, bpm)
