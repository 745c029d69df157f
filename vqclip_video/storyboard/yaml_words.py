"""What is wrong with a text that is no YAML, told from the text itself.

PyYAML says where it stopped; its wording changes from release to release, so what is said to the
user follows from the characters at that place.
"""

from __future__ import annotations

import re

import yaml

from .problems import Mark

# Spaces that look like the ordinary one and are none to YAML: no-break, wide, thin, zero-width.
ODD_SPACE = "[\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]"
ODD_AFTER_KEY = re.compile(rf"^[ \t]*(?:- *)*(?:[A-Za-z_0-9]+ *:|-)?{ODD_SPACE}")
ODD_COLON = re.compile(rf"^[a-z_0-9]+:(?={ODD_SPACE})")
CANNOT_BEGIN = "@`%!&*|>\"',]}#?"  # a text


def odd_space(place: str) -> str:
    """The message for such a space."""
    code = f"U+{ord(place):04X}"
    return (
        f"the character {code} looks like a space, but YAML needs an ordinary one here; type it "
        "anew"
    )


def yaml_problem(
    error: yaml.MarkedYAMLError, text: str, override: str, most_depth: int
) -> tuple[Mark, str]:
    """Where and what is wrong, in plain words, where PyYAML gave up on `text` with `error`."""
    place, opened = error.problem_mark or error.context_mark, error.context_mark
    if place is None:
        return Mark(0, 0, override), "not valid YAML"
    lines = text.splitlines()
    if deep := _too_deep(lines, place.line, place.column, most_depth):
        return Mark(*deep, override), nested(most_depth)
    for line in range(min(place.line, len(lines) - 1), -1, -1):
        if odd := ODD_AFTER_KEY.match(lines[line]):
            return Mark(line + 1, odd.end(), override), odd_space(lines[line][odd.end() - 1])
    if opened and (said := _opened(lines, opened, place)):
        return Mark(opened.line + 1, opened.column + 1, override), said
    line = lines[place.line] if place.line < len(lines) else ""
    # A plain text that goes on for some lines is only noticed at its end; the line that is no key
    # is its first.
    if opened and ":" not in _line(lines, opened.line)[opened.column :]:
        place, line = opened, _line(lines, opened.line)
    return Mark(place.line + 1, place.column + 1, override), _at(line, place.column, error)


def nested(most_depth: int) -> str:
    """The message for a storyboard that goes too deep."""
    return f"nested more than {most_depth} levels deep; a storyboard needs six"


def _opened(lines: list[str], opened: yaml.Mark, place: yaml.Mark) -> str:
    """What is wrong with a quote or bracket that was opened there; nothing where none was."""
    sign = _line(lines, opened.line)[opened.column : opened.column + 1]
    if (
        sign == '"'
        and place.line < len(lines)
        and "\\" in lines[place.line][max(0, place.column - 10) : place.column + 1]
    ):
        return ""
    if sign in ('"', "'"):
        return "a quote is opened and never closed"
    if sign == "[":
        return "a list opened with [ is not closed, or a comma is missing"
    if sign == "{":
        return "a mapping opened with { is not closed, or a comma is missing"
    return ""


def _at(line: str, column: int, error: yaml.MarkedYAMLError) -> str:
    """What is wrong at a column (from 0) of a line."""
    rest = line[column:]
    if rest.startswith("\t"):
        return "a tab in the indentation; indent with spaces"
    if "\\" in line[max(0, column - 10) : column + 1] and '"' in line[:column]:
        return (
            "a backslash in double quotes begins an escape; use single quotes for the text, or / in"
            " paths"
        )
    if re.match(r":(\s|$)", rest):
        return (
            "a ': ' inside an unquoted text, or a line indented too far; "
            "put the text in quotes or line the key up with the others"
        )
    begun = line[:column].rpartition(":")[2].lstrip()
    if begun.startswith(("*", "&")) or rest.startswith(tuple(CANNOT_BEGIN)):
        return "a text cannot begin with this character; put the text in quotes"
    if rest and ":" not in rest:
        return (
            "a line that is no 'key: value'; a ':' with a space after it is missing, "
            "or the line should be indented as part of the text above"
        )
    if rest.lstrip():
        return "not in line with what is around it; check the indentation and the quotes"
    return f"not valid YAML: {error.problem or error.context}"


def _line(lines: list[str], number: int) -> str:
    return lines[number] if number < len(lines) else ""


def _too_deep(lines: list[str], line: int, column: int, most_depth: int) -> tuple[int, int] | None:
    """Where more brackets are open than may be, before (line, column), counted from 1; None
    where they are not.
    """
    depth = 0
    for number, text in enumerate([*lines[:line], _line(lines, line)[:column]], 1):
        for sign in re.finditer(r"[\[\]{}]", text):
            depth += 1 if sign[0] in "[{" else -1
            if depth > most_depth:
                return number, sign.start() + 1
    return None
