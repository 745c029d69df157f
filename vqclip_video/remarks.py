"""What is pointed out of a storyboard before it is rendered. Never imports torch."""

from __future__ import annotations

from .models.clip.tokens import CONTEXT_LENGTH, count_tokens
from .storyboard.problems import Problem, setting_of
from .storyboard.reader import problem_at
from .storyboard.schema import Storyboard


def warnings(storyboard: Storyboard) -> list[Problem]:
    """What may not mean what its writer thinks, each once, and what CLIP will not read of long
    texts.
    """
    found = {problem: None for problem in storyboard.warnings}
    for index, scene in enumerate(storyboard.scenes):
        for key, prompt in scene.parts.items():
            where = f"scenes[{index}].{key}"
            if key != "prompt":
                where = setting_of(
                    f"scenes[{index}]", key.removeprefix("settings."), storyboard.marks
                )
            for message in filter(None, (_unread(part.text) for part in prompt if part.text)):
                found[problem_at(storyboard, where, message)] = None
    return list(found)


def _unread(text: str) -> str:
    """What to say of a text longer than CLIP's context; nothing of others."""
    # No token is shorter than a byte, so a short text needs no tokeniser (and no wait for its
    # vocabulary).
    if len(text.encode()) <= CONTEXT_LENGTH - 2:
        return ""

    count, lost = count_tokens(text)
    return f"{count} tokens, but CLIP reads {CONTEXT_LENGTH}; not read: {lost!r}" if lost else ""
