"""What of a film is printed, how fast and how it ends: the times of a print's frames."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

CLOSING = Fraction(1)  # seconds in which a cut that was not shot as a loop is led back, at most
LEAST_RISE = Fraction(1, 2)  # frames
CLOSING_SHARE = Fraction(1, 3)  # of the cut, at most


@dataclass(frozen=True)
class Passage:
    """The times from `start` to `end`, in frames of the film, `step` of them from one printed frame
    to the next. loop: whether it leads back to its first picture, goes there and back
    ("pingpong"), or ends (False). closing: frames of the film in which a loop is led back.
    """

    start: Fraction
    end: Fraction
    step: Fraction = Fraction(1)
    loop: bool | str = False
    closing: Fraction = Fraction(0)

    @property
    def frames(self) -> int:
        """Of the print."""
        there = self.there
        return max(2 * there - 2, 1) if self.loop == "pingpong" else there

    @property
    def there(self) -> int:
        """Of its way there."""
        return max(round((self.end - self.start) / self.step), 1)

    def time(self, frame: int) -> Fraction:
        """That of a frame of the print."""
        back = 2 * (self.there - 1) - frame
        return self.start + min(frame, back if frame >= self.there else frame) * self.step

    def return_share(self, time: Fraction) -> float:
        """How much of what is between its end and its beginning is made up for at a time: 0 to 1,
        smoothly. It is all a frame of the film before its end, so that what is left for the last
        step is the film's own movement.
        """
        if self.loop is not True or not self.closing:
            return 0.0
        share = float((time - self.end + self.closing) / max(self.closing - 1, LEAST_RISE))
        share = min(max(share, 0.0), 1.0)
        return share * share * (3 - 2 * share)


def usual_closing(length: Fraction, fps: Fraction) -> Fraction:
    """Frames in which a cut of so many frames is led back."""
    return min(CLOSING * fps, CLOSING_SHARE * length)
