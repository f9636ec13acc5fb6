"""Draws a citizen's picture anew, in a process of its own: whatever a picture does to it harms nobody else.

Run as a file: the picture comes by standard input; the large and the small copy go out by standard output, each behind
its length (8 bytes). Nothing of what stood beside the picture is kept: no place, no camera, no name. Exit code 1 for
what is no picture that may be drawn.
"""

import io
import resource
import sys

SECONDS = 20
MEMORY = 768 * 2**20
PIXELS = 50_000_000
"""As many as a good phone's camera takes."""
LARGE, SMALL = 2000, 320
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


def main() -> None:
    """Draw it."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = PIXELS
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=FORMATS) as found:
        if found.width * found.height > PIXELS:
            raise ValueError("too many pixels")
        found.draft("RGB", (LARGE, LARGE))
        found.seek(0)
        found.thumbnail((LARGE, LARGE))
        turned = ImageOps.exif_transpose(found).convert("RGBA")
    plain = Image.new("RGB", turned.size, "white")
    plain.paste(turned, mask=turned.getchannel("A"))
    for side, quality in ((LARGE, 85), (SMALL, 75)):
        plain.thumbnail((side, side))
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=quality, optimize=True)
        sys.stdout.buffer.write(len(out.getvalue()).to_bytes(8, "big") + out.getvalue())


if __name__ == "__main__":
    sys.tracebacklimit = 0
    main()
