"""Words over a film: cues with times, laid out for a size, as ASS for ffmpeg's `ass` filter and as
SRT.

Lines are broken here and not by libass, so that there are never more than three of them and none
leaves the safe box, whatever the script. The fonts come with the package; their scripts are told
apart by Unicode block, since libass looks for a missing glyph in the system's fonts only.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from PIL import ImageFont

from ..text import plain_text
from .lettering import lines_that_fit
from .recipes import Job

FOLDER = Path(__file__).parent / "fonts"
MOST_LINES = 3
# em of the letters, as shares of a picture's shorter side; the largest that fits is taken
LARGEST, SMALLEST, STEP = 0.052, 0.03, 0.002
OUTLINE = 0.11  # of an em: black all around each letter, so that any picture is dark at its edge
PADDING = 0.35  # of an em, between letters and the border of their box
LEADING = 1.362  # Noto's height of a line, of an em
WHITE, BLACK, BOX = "&H00FFFFFF", "&H00000000", "&H30000000"
LONGEST_CUE = 500  # characters that are looked at


@dataclass(frozen=True)
class Cue:
    """Words, and from when to when they are shown, in seconds."""

    start: Fraction
    end: Fraction
    text: str


@dataclass(frozen=True)
class Font:
    """A file of the package, and what libass calls it."""

    file: str
    family: str

    @functools.cached_property
    def scaled(self) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(FOLDER / self.file, 1000, layout_engine=ImageFont.Layout.BASIC)

    @functools.cached_property
    def height(self) -> float:
        """Of a line, of an em; ASS gives a font's size by it."""
        return sum(self.scaled.getmetrics()) / 1000


LATIN = Font("NotoSans-SemiBold.ttf", "Noto Sans SemiBold")
EMOJI = Font("NotoEmoji-Regular.ttf", "Noto Emoji")
# Characters that only these fonts of ours have; all others are asked of LATIN.
SCRIPTS = {
    Font(
        "NotoSansHebrew-SemiBold.ttf", "Noto Sans Hebrew Thin SemiBold"
    ): "\u0590-\u05ff\ufb1d-\ufb4f",
    Font("NotoSansArabic-SemiBold.ttf", "Noto Sans Arabic SemiBold"): (
        "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc"
    ),
    Font("NotoSansDevanagari-SemiBold.ttf", "Noto Sans Devanagari SemiBold"): (
        "\u0900-\u097f\ua8e0-\ua8ff"
    ),
    EMOJI: (
        "\u203c\u2049\u2190-\u21ff\u231a-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff"
        "\u3030\u303d\u3297\u3299\u200d\ufe0f\u20e3\U0001f000-\U0001faff\U000e0020-\U000e007f"
    ),
}
FONTS = (LATIN, *SCRIPTS)


@functools.cache
def font_of(char: str) -> Font:
    """The font that a character is taken from."""
    return next((font for font, chars in SCRIPTS.items() if re.match(f"[{chars}]", char)), LATIN)


def runs(text: str) -> Iterator[tuple[Font, str]]:
    """The pieces of a text that one font has."""
    for font, chars in itertools.groupby(text, font_of):
        yield font, "".join(chars)


@dataclass(frozen=True)
class Ruler:
    """Measures texts in letters of `em` pixels; without shaping, which makes Arabic narrower."""

    em: float

    def getlength(self, text: str) -> float:
        return sum(font.scaled.getlength(run) for font, run in runs(text)) * self.em / 1000


@dataclass(frozen=True)
class Laid:
    """A text broken into lines of letters of `em` pixels."""

    lines: tuple[str, ...]
    em: float


def laid_out(text: str, size: tuple[int, int], box: tuple[int, int, int, int]) -> Laid:
    """A text in at most three lines inside a box (left, top, right, bottom) of a picture, in the
    largest letters that hold all of it; cut with an ellipsis where the smallest do not.
    """
    text, shorter = plain_text(text)[:LONGEST_CUE], min(size)
    steps = round((LARGEST - SMALLEST) / STEP)
    for step in range(steps + 1):
        em = shorter * (LARGEST - STEP * step)
        width = int(box[2] - box[0] - 2 * PADDING * em)
        lines = lines_that_fit(text, Ruler(em), width, MOST_LINES)
        if len("".join(lines).replace(" ", "")) >= len(text.replace(" ", "")) and not (
            lines[-1:] and lines[-1].endswith("…") and not text.endswith("…")
        ):
            break
    return Laid(tuple(lines), em)


def burnt_in(job: Job, cues: Iterable[Cue], style: str, work: Path) -> Job:
    """The job with the cues drawn into its pictures; what ffmpeg needs for it is put into `work`.

    Raises OSError.
    """
    fonts = work / "fonts"
    fonts.mkdir()
    for font in FONTS:
        shutil.copyfile(FOLDER / font.file, fonts / font.file)
    box = job.platform.safe.pixels(job.size)
    script = ass_script(cues, job.size, box, style)
    (work / "captions.ass").write_text(script, encoding="utf-8", newline="\n")
    return replace(job, pictures=f"{job.pictures},ass=captions.ass:fontsdir=fonts,format=rgb24")


def ass_script(
    cues: Iterable[Cue], size: tuple[int, int], box: tuple[int, int, int, int], style: str
) -> str:
    """The cues at the lower end of the box, in its middle."""
    width, height = size
    lines = [
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {height}",
        f"LayoutResX: {width}",
        f"LayoutResY: {height}",
        "WrapStyle: 2",
        "ScaledBorderAndShadow: yes",
        "",
        "[V4+ Styles]",
        "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, "
        "BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, "
        "BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding",
        _style(style),
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    ]
    middle = (box[0] + box[2]) // 2
    for cue in cues:
        laid = laid_out(cue.text, size, box)
        if laid.lines:
            pad = round((PADDING if style == "box" else OUTLINE) * laid.em)
            at = rf"{{\an2\pos({middle},{box[3] - pad})\bord{pad}}}"
            text = r"\N".join(_line(line, laid.em) for line in laid.lines)
            times = f"{_ass_time(cue.start)},{_ass_time(cue.end)}"
            lines.append(f"Dialogue: 0,{times},Words,,0,0,0,,{at}{text}")
    return "\n".join(lines) + "\n"


def srt_text(cues: Iterable[Cue]) -> str:
    """The cues as a SubRip file."""
    written = (
        f"{number}\n{_srt_time(cue.start)} --> {_srt_time(cue.end)}\n{plain_text(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(written)


def _style(style: str) -> str:
    # Encoding -1: libass finds out by itself whether a text runs from right to left.
    border = "4" if style == "box" else "1"
    return (
        f"Style: Words,{LATIN.family},40,{WHITE},{WHITE},{BLACK},{BOX},0,0,0,0,100,100,0,0,"
        f"{border},2,0,2,0,0,0,-1"
    )


def _line(text: str, em: float) -> str:
    """A line in the fonts that have its characters; ASS's own signs are kept from being read."""
    pieces = []
    for font, run in runs(text):
        said = run.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")
        pieces.append(rf"{{\fn{font.family}\fs{em * font.height:.1f}}}{said}")
    return "".join(pieces)


def _ass_time(seconds: Fraction) -> str:
    """Rounded down, so that the frame that is shown then is inside."""
    hundredths = math.floor(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 100:02}.{rest % 100:02}"


def _srt_time(seconds: Fraction) -> str:
    thousandths = math.floor(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
