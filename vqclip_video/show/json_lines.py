"""What a machine reads."""

from __future__ import annotations

import json

from ..output.progress import frame_record
from ..storyboard.timeline import Timeline
from .displays import Display
from .flags import in_flags
from .streams import OUT


class JsonLines(Display):
    """One JSON object a line on standard output: `event` is start, frame, notice, finished,
    stopped or there.
    """

    def _say(self, event: str, **values) -> None:
        OUT.write(json.dumps({"event": event, **values}) + "\n")

    def start(self, timeline: Timeline, done: int) -> None:
        self._say("start", done=done, total_iter=timeline.total_iter, frames=timeline.frames)

    def update(self, progress) -> None:
        if progress.frame is not None:
            self._say("frame", **frame_record(progress))

    def notice(self, text: str) -> None:
        self._say("notice", text=in_flags(text))

    def end(self, result) -> None:
        film = str(result.film) if result.film else None
        about = {
            "frames": result.frames,
            "seconds": round(result.seconds, 3),
            "best_similarity": result.similarity,
        }
        self._say(result.state, film=film, **about)
