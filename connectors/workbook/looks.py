"""How cells look, as far as it decides whether what is in them is seen: colours, sizes, struck-out letters.

Colours are 0xRRGGBB. Source: ISO/IEC 29500-1, 18.8 (styles), 18.4.7 (runs of letters), 20.1.6.2 (colours of a theme).
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from openpyxl.styles.colors import COLOR_INDEX

BLACK, WHITE = 0x000000, 0xFFFFFF
LEAST_LETTERS = 5.0
"""Points: nobody reads smaller letters, nor letters in a lower row."""

_LEAST_CONTRAST = 32
"""Of 255, in one of red, green and blue: what differs less is not told apart. Pale grey (D9D9D9) is, F2F2F2 is not."""

_MOST_INDENT = 15
"""Steps; Excel's own limit for long. By more a text is pushed out of its cell."""

_MOST_STOPS = 16

# lt1, dk1, lt2, dk2, accents, links: as Excel numbers them; these are those of its own theme.
_THEME = ("lt1", "dk1", "lt2", "dk2", *(f"accent{at}" for at in range(1, 7)), "hlink", "folHlink")
_OFFICE = (0xFFFFFF, 0x000000, 0xEEECE1, 0x1F497D, 0x4F81BD, 0xC0504D, 0x9BBB59, 0x8064A2, 0x4BACC6, 0xF79646)
_LINKS = (0x0000FF, 0x800080)


class Colour(NamedTuple):
    """A colour as a file names it; all empty: the automatic one."""

    rgb: str = ""
    theme: str = ""
    indexed: str = ""
    tint: str = ""


class Letters(NamedTuple):
    """What a font, or a run of letters, says of how letters are seen."""

    colour: Colour = Colour()
    is_small: bool = False
    is_struck: bool = False

    def told(self, tag: str, attributes: Mapping[str, str]) -> Letters:
        """What it is with one more mark."""
        if tag == "color":
            return self._replace(colour=colour_of(attributes))
        if tag == "sz":
            return self._replace(is_small=is_below(attributes.get("val"), LEAST_LETTERS))
        if tag == "strike":
            return self._replace(is_struck=attributes.get("val", "1") not in {"0", "false"})
        return self


class Fill(NamedTuple):
    """What a cell is filled with; None: what does not say."""

    pattern: str = ""
    front: Colour | None = None
    back: Colour | None = None
    stops: tuple[Colour, ...] = ()

    def told(self, tag: str, attributes: Mapping[str, str]) -> Fill:
        """What it is with one more mark."""
        if tag == "patternFill":
            return self._replace(pattern=attributes.get("patternType", "")[:16])
        if tag == "fgColor":
            return self._replace(front=colour_of(attributes))
        if tag == "bgColor":
            return self._replace(back=colour_of(attributes))
        if tag == "color" and len(self.stops) < _MOST_STOPS:
            return self._replace(stops=(*self.stops, colour_of(attributes)))
        return self


class Palette:
    """The colours that a workbook's names of colours stand for."""

    def __init__(self) -> None:
        self.theme = dict(zip(_THEME, (*_OFFICE, *_LINKS), strict=True))
        self.indexed = [int(argb[-6:], 16) for argb in COLOR_INDEX]

    def of(self, colour: Colour | None, automatic: int) -> int:
        """The colour; `automatic` for one that says nothing, or that is not known."""
        if colour is None:
            return automatic
        found = _hex(colour.rgb)
        if found is None and colour.theme.isdecimal() and int(colour.theme) < len(_THEME):
            found = self.theme[_THEME[int(colour.theme)]]
        if found is None and colour.indexed.isdecimal():
            at = int(colour.indexed)
            # 64 and 65 are the system's letters and windows.
            found = self.indexed[at] if at < min(len(self.indexed), 64) else {64: BLACK, 65: WHITE}.get(at)
        return automatic if found is None else _tinted(found, colour.tint)

    def papers(self, fill: Fill, *, is_differing: bool = False) -> tuple[int, ...]:
        """What a text in it is seen on. A differential style names the colour of a solid fill as its back."""
        if fill.stops:
            return tuple(dict.fromkeys(self.of(stop, WHITE) for stop in fill.stops))
        if fill.pattern == "solid" or (is_differing and not fill.pattern):
            one = (fill.back or fill.front) if is_differing else fill.front
            return (self.of(one, BLACK),)
        return (WHITE if fill.pattern in {"", "none"} else self.of(fill.back, WHITE),)


class Look(NamedTuple):
    """How a cell's words are seen: the colours of its letters, of what is behind them, and what hides them."""

    inks: tuple[int, ...] = (BLACK,)
    papers: tuple[int, ...] = (WHITE,)
    is_small: bool = False
    """Too small to be read, or pushed out of the cell."""
    is_struck: bool = False
    is_veiled: bool = False
    """The number format shows nothing of the value, or something else than it."""

    @property
    def is_faint(self) -> bool:
        """Whether some of the letters are not seen by their colour, size or place."""
        return self.is_small or _is_lost(self.inks, self.papers)


PLAIN = Look()


class Differing(NamedTuple):
    """What a conditional format makes of a cell; None: what it leaves."""

    ink: int | None = None
    papers: tuple[int, ...] | None = None
    hides: bool = False
    """It strikes out, has a number format, or letters that are too small."""

    def may_hide(self, look: Look) -> bool:
        """Whether words of a cell of this look may not be seen, or others in their place, under the format."""
        if self.ink is None and self.papers is None:
            return self.hides
        inks = look.inks if self.ink is None else (self.ink,)
        return self.hides or _is_lost(inks, self.papers or look.papers)


def of_table(elements: Sequence[Differing]) -> list[Differing]:
    """The elements of a table's style; letters without a fill of their own stand on those of the others, if any."""
    papers = tuple(dict.fromkeys(paper for one in elements for paper in one.papers or ()))
    return [one._replace(papers=one.papers or papers or None) for one in elements]


class DifferingReader:
    """Puts a differential style together from its marks."""

    def __init__(self) -> None:
        self._letters, self._fill = Letters(), Fill()
        self._within, self._has_fill, self._has_format = "", False, False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in {"font", "fill", "border"}:
            self._within = tag
            self._has_fill = self._has_fill or tag == "fill"
        elif tag == "numFmt":
            self._has_format = True
        elif self._within == "font":
            self._letters = self._letters.told(tag, attributes)
        elif self._within == "fill":
            self._fill = self._fill.told(tag, attributes)

    def made(self, palette: Palette) -> Differing:
        letters, fill = self._letters, self._fill
        return Differing(
            ink=None if letters.colour == Colour() else palette.of(letters.colour, BLACK),
            papers=palette.papers(fill, is_differing=True) if self._has_fill and fill != Fill() else None,
            hides=self._has_format or letters.is_struck or letters.is_small,
        )


def look_of(
    palette: Palette, letters: Letters, fill: Fill, *, indent: str | None = None, is_veiled: bool = False
) -> Look:
    """How a cell of this style looks."""
    return Look(
        inks=(palette.of(letters.colour, BLACK),),
        papers=palette.papers(fill),
        is_small=letters.is_small or not is_below(indent or "0", _MOST_INDENT + 1),
        is_struck=letters.is_struck,
        is_veiled=is_veiled,
    )


def with_runs(look: Look, runs: Sequence[Letters | None], palette: Palette) -> Look:
    """How a cell of that look is seen with runs of letters in it; None: one that has the look of its cell."""
    own = [run for run in runs if run is not None]
    inks = dict.fromkeys(palette.of(run.colour, BLACK) for run in own)
    is_like_cell = None in runs
    return look._replace(
        inks=(*(look.inks if is_like_cell else ()), *inks),
        is_small=(is_like_cell and look.is_small) or any(run.is_small for run in own),
        is_struck=(is_like_cell and look.is_struck) or any(run.is_struck for run in own),
    )


def colour_of(attributes: Mapping[str, str]) -> Colour:
    """The colour that a mark names; cut, since a file may hold anything."""
    return Colour(*(attributes.get(name, "")[:24] for name in Colour._fields))


def is_below(size: str | None, least: float) -> bool:
    """Whether something is so low, narrow or small that nobody sees what is in it; not where it does not say."""
    try:
        return size is not None and float(size) < least
    except ValueError:
        return False


def _is_lost(inks: Sequence[int], papers: Sequence[int]) -> bool:
    return any(_is_close(ink, paper) for ink in inks for paper in papers)


def _is_close(one: int, other: int) -> bool:
    return all(abs((one >> shift & 255) - (other >> shift & 255)) < _LEAST_CONTRAST for shift in (0, 8, 16))


def _hex(argb: str) -> int | None:
    try:
        return int(argb[-6:], 16) & WHITE if len(argb) >= 6 else None
    except ValueError:
        return None


def _tinted(colour: int, tint: str) -> int:
    """The colour, lighter or darker by the tint. Source: ISO/IEC 29500-1, 18.8.19."""
    try:
        by = min(1.0, max(-1.0, float(tint or 0)))
    except ValueError:
        return colour
    if not by:
        return colour
    red, green, blue = (colour >> shift & 255 for shift in (16, 8, 0))
    hue, light, full = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    light = light * (1 + by) if by < 0 else light * (1 - by) + by
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, light, full))
    return red << 16 | green << 8 | blue
