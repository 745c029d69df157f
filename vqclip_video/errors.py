"""The errors a user can cause or meet; the command line prints their text and exits with their
status.
"""


class VqclipError(Exception):
    """Base class. `str(error)` is what the user reads: what happened, then the way out."""

    exit_code = 1


class UsageError(VqclipError):
    """The command was asked for something it cannot mean."""

    exit_code = 2


class StoryboardError(VqclipError):
    """A storyboard that cannot be rendered.

    `problems` holds every mistake found, in the order of the file; `str()` is one line for each.
    """

    exit_code = 2

    def __init__(self, problems):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ModelError(VqclipError):
    """A model file that is missing, damaged, or not what it claims to be."""


class OutputError(VqclipError):
    """The disk, the output folder or the video encoder refuses."""


class FullDiskError(OutputError):
    """The disk has no space left, which another machine's may have."""


class RenderError(VqclipError):
    """The optimisation cannot go on (memory, numbers that are no numbers, a lost device)."""
