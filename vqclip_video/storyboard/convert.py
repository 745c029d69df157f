"""YAML nodes → the values of schema.py, one mapping for each dataclass; every mistake is recorded.

Which keys there are, and how each is written, comes from `schema.keys`; only the shorthands are
spelled out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..text import did_you_mean, quoted
from . import doubts, files, values
from .problems import Mark, Problems
from .schema import (
    Guide,
    GuideWeight,
    Init,
    Key,
    Models,
    Prompt,
    PromptPart,
    Scene,
    Settings,
    Storyboard,
    Transition,
    keys,
)
from .values import Refusal
from .yaml_nodes import Mapping, Node, Scalar, Sequence, describe

MOST_SCENES = 10_000
MOST_PARTS = 100  # of one prompt

BAD: Any = object()  # stands for a value that was refused, so that nothing more is said about it

# What a mapping sets, by key; BAD where the value was refused; a section within is again a Given.
Given = dict[str, Any]


def build(section: type, given: Given) -> Any:
    """The dataclass, with its defaults for what is not given (or BAD: then it will never be
    used).
    """
    known = keys(section)
    return section(
        **{
            name: build(known[name].type, value) if isinstance(value, dict) else value
            for name, value in given.items()
            if value is not BAD
        }
    )


def merged(below: Given, above: Given) -> Given:
    """`above` laid over `below`, section by section."""
    both = dict(below)
    for name, value in above.items():
        inner = both.get(name)
        both[name] = (
            merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return both


class Converter:
    """Converts the nodes of one storyboard; paths are relative to `base`, mistakes go to
    `problems`.

    Times in frames are counted at `fps`.
    """

    def __init__(self, base: Path, problems: Problems, fps: Fraction):
        self.base, self.problems, self.fps = base, problems, fps
        # each file is looked at once, however many scenes name it
        self._files: dict[tuple[str, str], Any] = {}

    def section(self, section: type, node: Node, where: str) -> Given:
        """The keys that a mapping (or a shorthand for one) sets; BAD if it is none."""
        shorthand = SHORTHANDS.get(section)
        if shorthand and isinstance(node, Scalar) and not node.is_null:
            return shorthand(self, node, where)
        known = keys(section)
        if not isinstance(node, Mapping):
            a_mapping = "a word, or a mapping" if shorthand else "a mapping"
            some = ", ".join(list(known)[:4])
            message = f"expected {a_mapping} with keys such as {some}; found {describe(node)}"
            self.problems.add(node.mark, where, message)
            return BAD
        given: Given = {}
        first: dict[str, Mark] = {}
        for name, value in node.entries:
            if name.text in first:
                place = f"line {first[name.text].line}"
                self.problems.add(
                    name.mark,
                    where,
                    f"the key {quoted(name.text)} is repeated; it stands in {place}",
                )
            elif name.text not in known:
                self.problems.add(name.mark, where, _unknown(name.text, section))
            else:
                first[name.text] = name.mark
                given[name.text] = self.value(
                    known[name.text], value, f"{where}.{name.text}" if where else name.text
                )
        return given

    def value(self, key: Key, node: Node, where: str) -> Any:
        """One key's value; BAD if it was refused."""
        self.problems.marks[where] = node.mark
        try:
            return CONVERTERS[key.kind](self, key, node, where)
        except Refusal as refusal:
            self.problems.add(node.mark, where, str(refusal))
            return BAD

    def text(self, key: Key, node: Node, where: str) -> str:
        """A text that is one, with what may not be meant in it pointed out."""
        value = values.text(key, node)
        self._doubt(doubts.of_comment(node.comment), node, where)
        return value

    def prompt_text(self, key: Key, node: Node, where: str) -> str:
        """A text that CLIP reads."""
        value = values.prompt_text(key, node)
        self._doubt((*doubts.of_comment(node.comment), *doubts.of_prompt(value)), node, where)
        return value

    def _doubt(self, messages: Iterable[str], node: Node, where: str) -> None:
        for message in messages:
            self.problems.warn(node.mark, where, message)

    def prompt(self, key: Key, node: Node, where: str) -> Prompt:
        """The parts of a prompt: a text, a {text|image, weight} mapping, or a list of these and
        [text, weight].
        """
        if key.empty and isinstance(node, Scalar) and not node.is_null and not node.text.strip():
            return ()
        if not isinstance(node, Sequence):
            part = self._part(key, node, where)
            return BAD if part is BAD else (part,)
        if not node.items and not key.empty:
            raise Refusal("expected at least one text or image, found an empty list")
        if len(node.items) > MOST_PARTS:
            raise Refusal(
                f"expected at most {MOST_PARTS} texts and images, found {len(node.items)}"
            )
        parts = [
            self._listed_part(key, item, f"{where}[{index}]")
            for index, item in enumerate(node.items)
        ]
        return BAD if BAD in parts else tuple(parts)

    def _listed_part(self, key: Key, node: Node, where: str) -> PromptPart:
        self.problems.marks[where] = node.mark
        try:
            if isinstance(node, Scalar) and node.plain and values.is_number(node):
                raise Refusal(
                    f"found the number {quoted(node.text)} among texts; write {{text: ..., weight: "
                    f"{node.text[:20]}}}, or put it in quotes if it is a text"
                )
            if isinstance(node, Sequence) and len(node.items) == 2:
                text, weight = node.items
                names = (
                    Scalar(text.mark, "text", plain=True),
                    Scalar(weight.mark, "weight", plain=True),
                )
                node = Mapping(node.mark, list(zip(names, node.items, strict=True)))
            return self._part(key, node, where)
        except Refusal as refusal:
            self.problems.add(node.mark, where, str(refusal))
            return BAD

    def _part(self, key: Key, node: Node, where: str) -> PromptPart:
        if isinstance(node, Scalar):
            values.scalar(key, node)
            return PromptPart(text=self.prompt_text(keys(PromptPart)["text"], node, where))
        if not isinstance(node, Mapping):
            raise values.refuse(key, node)
        given = self.section(PromptPart, node, where)
        if "text" in given and "image" in given:
            raise Refusal("found both text and image; make them two entries, each with its weight")
        if not {"text", "image"} & given.keys():
            raise Refusal("expected a text or an image, found neither")
        return BAD if BAD in given.values() else PromptPart(**given)

    def guide(self, key: Key, node: Node, where: str) -> Guide:
        """A value of its own, not a section: a scene's guide replaces the film's, whatever
        either names.
        """
        if isinstance(node, Scalar) and node.text in ("auto", "off"):
            return Guide(off=node.text == "off")
        if not isinstance(node, Mapping):
            raise values.refuse(key, node)
        given = self.section(Guide, node, where)
        if len(given) > 1:
            raise Refusal("found both image and sketch; a scene is drawn toward one of them")
        if not given and not node.entries:
            raise values.refuse(key, node)
        return BAD if not given or BAD in given.values() else Guide(**given)

    def scenes(self, key: Key, node: Node, where: str) -> list[Given]:
        if not isinstance(node, Sequence):
            raise values.refuse(key, node)
        if not node.items:
            raise Refusal("expected at least one scene, found none")
        if len(node.items) > MOST_SCENES:
            raise Refusal(f"expected at most {MOST_SCENES:,} scenes, found {len(node.items):,}")
        return [self._scene(item, f"{where}[{index}]") for index, item in enumerate(node.items)]

    def _scene(self, node: Node, where: str) -> Given:
        self.problems.marks[where] = node.mark
        given = self.section(Scene, node, where)
        if given is not BAD and "prompt" not in given:
            self.problems.add(
                node.mark, where, "the prompt is missing: what should the picture show?"
            )
        return given

    def picture(self, key: Key, node: Node, where: str) -> Path:
        """The path of a picture that can be read; where its values had to be interpreted, that
        is pointed out.
        """
        path = self.file(files.picture, key, node)
        self._doubt(filter(None, [files.picture_doubt(path)]), node, where)
        return path

    def file(self, check: Callable[[Path], Path], key: Key, node: Node) -> Path:
        """The absolute path of a file that `check` accepts."""
        path = files.absolute(values.text(key, node), self.base)
        slot = (key.kind, str(path))
        if slot not in self._files:
            try:
                self._files[slot] = check(path)
            except Refusal as refusal:
                self._files[slot] = refusal
        if isinstance(self._files[slot], Refusal):
            raise self._files[slot]
        return path


def rate_of(root: Node) -> Fraction:
    """The film's frames a second, before anything is converted; a wrong one is refused where it
    is its turn.
    """
    key = keys(Storyboard)["fps"]
    for name, node in root.entries if isinstance(root, Mapping) else ():
        if name.text == "fps":
            with suppress(Refusal):
                return values.rate(key, node)
    return key.default


def _unknown(name: str, section: type) -> str:
    known = list(keys(section))
    if name == "<<":
        return (
            "merge keys (<<) are not read; settings that every scene shares belong in the film's "
            "settings"
        )
    if section in (Scene, Storyboard) and name in keys(Settings):
        return f"the key {quoted(name)} belongs one level deeper, in `settings`"
    return f"unknown key {quoted(name)}" + (
        did_you_mean(name, known) or f"; known are {', '.join(known)}"
    )


def _number(converter: Converter, key: Key, node: Node, where: str) -> float:
    if (
        key.name == "weight"
        and isinstance(node, Scalar)
        and node.text.startswith("-")
        and values.is_number(node)
    ):
        excluding = ".exclude" in f".{where}"
        remedy = (
            "what is excluded has a positive weight"
            if excluding
            else "name what should not be seen in exclude"
        )
        raise values.refuse(key, node, f"; {remedy}")
    return values.number(key, node)


def _models(converter: Converter, node: Scalar, where: str) -> Given:
    name = converter.value(keys(Models)["clip"], node, where)
    return BAD if name is BAD else {"clip": name, "vqgan": name}


def _init(converter: Converter, node: Scalar, where: str) -> Given:
    if node.text == "noise":
        return {}
    message = f"expected noise, or a mapping with noise, image or latent; found {describe(node)}"
    converter.problems.add(node.mark, where, message)
    return BAD


def _guide_weight(converter: Converter, node: Scalar, where: str) -> Given:
    share = converter.value(keys(GuideWeight)["start"], node, where)
    return BAD if share is BAD else {"start": share, "end": share}


def _transition(converter: Converter, node: Scalar, where: str) -> Given:
    if node.text[:1].isdigit():
        duration = converter.value(keys(Transition)["duration"], node, where)
        return BAD if duration is BAD else {"duration": duration}
    curve = converter.value(keys(Transition)["curve"], node, where)
    return BAD if curve is BAD else {"curve": curve}


SHORTHANDS: dict[type, Callable[[Converter, Scalar, str], Given]] = {
    Models: _models,
    Init: _init,
    Transition: _transition,
    GuideWeight: _guide_weight,
}

CONVERTERS: dict[str, Callable[[Converter, Key, Node, str], Any]] = {
    "number": _number,
    "whole": lambda converter, key, node, where: values.whole(key, node),
    "flag": lambda converter, key, node, where: values.flag(key, node),
    "text": Converter.text,
    "prompt text": Converter.prompt_text,
    "word": lambda converter, key, node, where: values.word(key, node),
    "rate": lambda converter, key, node, where: values.rate(key, node),
    "seed": lambda converter, key, node, where: values.seed(key, node),
    "time": lambda converter, key, node, where: values.time(key, node, converter.fps),
    "size": lambda converter, key, node, where: values.size(key, node),
    "path": lambda converter, key, node, where: files.absolute(
        values.text(key, node), converter.base
    ),
    "picture": Converter.picture,
    "latent": lambda converter, key, node, where: converter.file(files.latent, key, node),
    "sketchbook": lambda converter, key, node, where: converter.file(files.sketchbook, key, node),
    "prior": lambda converter, key, node, where: converter.file(files.prior, key, node),
    "model": lambda converter, key, node, where: files.model(
        values.text(key, node), converter.base
    ),
    "prompt": Converter.prompt,
    "guide": Converter.guide,
    "section": lambda converter, key, node, where: converter.section(key.type, node, where),
    "scenes": Converter.scenes,
}
