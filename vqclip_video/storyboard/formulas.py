"""Formulas: `0.05 + 0.02*sin(2*pi*t)`, and oscillators, `sin(period=2s, from=0.03, to=0.1)`.

A formula is read by a grammar of its own into a list of steps on a stack; nothing in it is ever
given to Python. What it may name is `instants.NAMES`, pi, and the functions of `maths.FUNCTIONS`.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import Any

from ..text import did_you_mean, quoted
from .instants import NAMES, When
from .maths import FUNCTIONS
from .steps import Step
from .times import period_of

LONGEST_FORMULA = 1000  # characters
MOST_NESTING = 40
WAVES = ("sin", "tri", "saw", "square", "pulse")
OF_A_WAVE = {"from": 0.0, "to": 1.0, "phase": 0.0, "width": 0.5}
TOKEN = re.compile(
    r"\s*(?:((?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|([A-Za-z_]\w*)|(\*\*|[-+*/%(),=]))",
    re.ASCII,
)
END = ""


class FormulaError(Exception):
    """A text that is no formula; `column` counts its characters from 0."""

    def __init__(self, message: str, column: int):
        self.column = column
        super().__init__(message)


@dataclass(frozen=True)
class Token:
    """A number, a name or a sign, and its column; the end is an empty sign."""

    kind: str
    text: str
    column: int


@functools.lru_cache(maxsize=4096)
def steps_of(text: str) -> tuple[Step, ...]:
    """The steps of a formula. Raises FormulaError with the column of what is wrong."""
    if len(text) > LONGEST_FORMULA:
        message = f"a formula of {len(text):,} characters; at most {LONGEST_FORMULA:,} are read"
        raise FormulaError(message, 0)
    return _Reader(text).all()


class _Reader:
    """Reads one formula from left to right, by precedence; what binds tighter is read deeper."""

    def __init__(self, text: str):
        self.text = text
        self.steps: list[Step] = []
        self.depth = 0
        self._after = 0
        self.token = self._next()

    def all(self) -> tuple[Step, ...]:
        self._sum()
        if self.token.text != END:
            self._wrong(f"{quoted(self.token.text)} does not belong here")
        return tuple(self.steps)

    def _next(self) -> Token:
        if match := TOKEN.match(self.text, self._after):
            self._after = match.end()
            kind = ("number", "name", "sign")[match.lastindex - 1]
            return Token(kind, match[match.lastindex], match.start(match.lastindex))
        rest = self.text[self._after :].lstrip()
        column = len(self.text) - len(rest)
        if rest:
            hint = "; a power is written **" if rest[0] == "^" else ""
            raise FormulaError(f"{quoted(rest[0])} is no part of a formula{hint}", column)
        return Token("sign", END, max(len(self.text.rstrip()) - 1, 0))

    def _take(self) -> Token:
        taken, self.token = self.token, self._next()
        return taken

    def _wrong(self, message: str, at: Token | None = None) -> None:
        raise FormulaError(message, (at or self.token).column)

    def _expect(self, sign: str) -> None:
        if self.token.text != sign:
            found = quoted(self.token.text) if self.token.text else "the end"
            self._wrong(f"expected {quoted(sign)}, found {found}")
        self._take()

    def _sum(self) -> None:
        self._chain(self._product, ("+", "-"))

    def _product(self) -> None:
        self._chain(self._signed, ("*", "/", "%"))

    def _chain(self, operand: Any, signs: tuple[str, ...]) -> None:
        operand()
        while self.token.text in signs:
            sign = self._take()
            operand()
            self.steps.append(Step("call", sign.text, sign.column, 2))

    def _signed(self) -> None:
        self.depth += 1
        if self.depth > MOST_NESTING:
            self._wrong(f"nested more than {MOST_NESTING} deep")
        if self.token.text in ("+", "-"):
            sign = self._take()
            self._signed()
            if sign.text == "-":
                self.steps.append(Step("call", "negative", sign.column, 1))
        else:
            self._power()
        self.depth -= 1

    def _power(self) -> None:
        self._atom()
        if self.token.text == "**":
            sign = self._take()
            self._signed()
            self.steps.append(Step("call", "**", sign.column, 2))

    def _atom(self) -> None:
        token = self._take()
        if token.kind == "number":
            self._number(token)
        elif token.text == "(":
            self._sum()
            self._expect(")")
        elif token.kind == "name" and self.token.text == "(":
            self._called(token)
        elif token.kind == "name":
            self._named(token)
        else:
            what = quoted(token.text) if token.text else "the end"
            self._wrong(f"expected a number, a name or a bracket, found {what}", token)

    def _number(self, token: Token) -> None:
        value = float(token.text)
        if not math.isfinite(value):
            self._wrong(f"{quoted(token.text)} is too large a number", token)
        self.steps.append(Step("number", value, token.column))

    def _named(self, token: Token) -> None:
        if token.text == "pi":
            self.steps.append(Step("number", math.pi, token.column))
        elif token.text in NAMES:
            self.steps.append(Step("name", token.text, token.column))
        elif token.text in (*FUNCTIONS, *WAVES):
            self._wrong(f"{token.text} is a function; write {token.text}(...)", token)
        else:
            known = [*NAMES, "pi"]
            hint = did_you_mean(token.text, known) or f"; known are {', '.join(known)}"
            self._wrong(f"unknown name {quoted(token.text)}{hint}", token)

    def _called(self, token: Token) -> None:
        if token.text not in FUNCTIONS and token.text not in WAVES:
            known = [*FUNCTIONS, *WAVES[1:]]
            hint = did_you_mean(token.text, known) or f"; known are {', '.join(known)}"
            self._wrong(f"unknown function {quoted(token.text)}{hint}", token)
        self._take()
        if self.token.kind == "name" and TOKEN.match(self.text, self._after):
            following = TOKEN.match(self.text, self._after)
            if following[3] == "=":
                return self._oscillator(token)
        return self._function(token)

    def _function(self, token: Token) -> None:
        if token.text not in FUNCTIONS:
            self._wrong(f"write {token.text}(period=2s, from=0, to=1)", token)
        count = 0
        while self.token.text != ")":
            if count:
                self._expect(",")
            self._sum()
            count += 1
        least, most = FUNCTIONS[token.text]
        if not least <= count <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            values = "value" if most == 1 else "values"
            self._wrong(f"{token.text} takes {wanted} {values}, found {count}", token)
        self._expect(")")
        if token.text in ("min", "max"):  # of two at a time, the last two first
            self.steps += [Step("call", token.text, token.column, 2)] * (count - 1)
        else:
            self.steps.append(Step("call", token.text, token.column, count))

    def _oscillator(self, token: Token) -> None:
        if token.text not in WAVES:
            self._wrong(f"{token.text} has no period; these have one: {', '.join(WAVES)}", token)
        period, given = None, {}
        while True:
            name = self._take()
            if self.token.text != "=" or name.text in given or name.text not in self._of(token):
                self._argument(name, token, name.text in given)
            if name.text == "period":
                period, given["period"] = self._period(), []
            else:
                self._take()
                before, self.steps = self.steps, []
                self._sum()
                given[name.text], self.steps = self.steps, before
            if self.token.text != ",":
                break
            self._take()
        self._expect(")")
        if period is None:
            self._wrong(f"the period is missing; write {token.text}(period=2s, ...)", token)
        for name, default in OF_A_WAVE.items():
            self.steps += given.get(name, [Step("number", default, token.column)])
        self.steps.append(Step("wave", token.text, token.column, 4, period))

    def _of(self, token: Token) -> list[str]:
        names = ["period", *OF_A_WAVE]
        return names if token.text == "pulse" else names[:-1]

    def _argument(self, name: Token, token: Token, repeated: bool) -> None:
        if repeated:
            self._wrong(f"{quoted(name.text)} is repeated", name)
        wanted = ", ".join(f"{each}=..." for each in self._of(token))
        found = quoted(name.text) if name.text else "the end"
        self._wrong(f"{token.text} takes {wanted}; found {found}", name)

    def _period(self) -> When:
        """The time behind the equals sign, which is the token at hand; it has a unit."""
        match = re.compile(r"[^,()]*").match(self.text, self._after)
        period = period_of(match[0].strip())
        if period is None:
            message = "expected a period such as 2s, 500ms, 4b, 48f or 50%"
            raise FormulaError(f"{message}, found {quoted(match[0].strip())}", self.token.column)
        self._after = match.end()
        self._take()
        return period
