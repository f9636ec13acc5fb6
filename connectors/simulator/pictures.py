"""Files that citizens might have attached: a photo that a browser shows, a letter that a reader opens. All invented."""

from __future__ import annotations

from io import BytesIO
from random import Random

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 960, 720


def content_of(file_id: int, file_name: str) -> bytes:
    """Return the bytes of an invented file: a PDF where its name says so, else a JPEG; the same each time."""
    return _letter(file_name) if file_name.endswith(".pdf") else _photo(file_id)


def _photo(file_id: int) -> bytes:
    """A street under the sky, with a hole in it."""
    dice = Random(file_id)
    image = Image.new("RGB", (WIDTH, HEIGHT), (dice.randrange(120, 200), dice.randrange(180, 220), 235))
    pen, horizon = ImageDraw.Draw(image), dice.randrange(240, 360)
    for left in range(0, WIDTH, 160):
        shade = dice.randrange(90, 200)
        pen.rectangle(
            (left, horizon - dice.randrange(60, 200), left + 140, horizon), (shade, shade - 20, shade - 40)
        )
    pen.rectangle((0, horizon, WIDTH, HEIGHT), (96, 96, 100))
    for top in range(horizon + 20, HEIGHT, 90):
        pen.polygon([(470, top), (490, top), (496, top + 50), (464, top + 50)], (230, 230, 220))
    x, y = dice.randrange(100, 700), dice.randrange(horizon + 60, HEIGHT - 160)
    pen.ellipse((x, y, x + dice.randrange(120, 240), y + dice.randrange(50, 110)), (52, 44, 40))
    written = BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()


def _letter(file_name: str) -> bytes:
    """One page that says what it is."""
    words = f"BT /F1 18 Tf 72 770 Td (Surat contoh: {file_name}) Tj ET"
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(words)}>>stream\n{words}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    whole, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(whole))
        whole += f"{number} 0 obj{part}endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer<</Size {len(parts) + 1}/Root 1 0 R>>\nstartxref\n{len(whole)}\n%%EOF\n"
    return f"{whole}xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}{end}".encode()
