"""Previews of pictures and of the first page of a PDF: decoded here and drawn anew, so that no foreign byte is sent."""

import io
import warnings
from typing import BinaryIO

import pypdfium2
from PIL import Image, ImageOps, UnidentifiedImageError

from .content import Content, Unshown, short

MOST_PIXELS = 60_000_000
WIDEST = 1_400
LARGEST_PNG = 3_000_000
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def preview_picture(file: BinaryIO) -> Content:
    """Return the picture as a PNG, made smaller where it is large."""
    png, facts = as_png(file, widest=WIDEST, formats=_FORMATS)
    return {"png": png, "facts": facts}


def as_png(file: BinaryIO, *, widest: int, formats: tuple[str, ...]) -> tuple[bytes, list[list[str]]]:
    """Decode a picture and return it as PNG, with what it was. Raises Unshown."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(file, formats=formats) as image:
            facts = [["Kind", str(image.format)], ["Size", f"{image.width:,} × {image.height:,} pixels"]]
            if (frames := getattr(image, "n_frames", 1)) > 1:
                facts.append(["Frames", f"{frames:,}, of which the first is shown"])
            image.draft("RGB", (widest, widest))
            return _drawn(ImageOps.exif_transpose(image), widest), facts
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unshown(f"The picture has more than the {MOST_PIXELS:,} pixels that a preview decodes.") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, KeyError) as problem:
        raise Unshown(f"The picture cannot be decoded: {short(problem)}.") from None


def _drawn(image: Image.Image, widest: int) -> bytes:
    plain = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
    for width in (widest, widest // 2, widest // 4):
        plain.thumbnail((width, width * 4))
        drawn = Image.new(plain.mode, plain.size)  # takes over pixels, and nothing that came beside them
        drawn.paste(plain)
        png = io.BytesIO()
        drawn.save(png, "PNG")
        if png.tell() <= LARGEST_PNG:
            return png.getvalue()
    raise Unshown("The picture is too large to be shown.")


def preview_page(file: BinaryIO) -> Content:
    """Return the first page of a PDF as a PNG; nothing in it is run."""
    try:
        document = pypdfium2.PdfDocument(file)
        pages = len(document)
        if not pages:
            raise Unshown("The PDF has no page.")
        page = document[0]
        scale = min(2.0, WIDEST / max(1.0, page.get_width()), WIDEST * 2 / max(1.0, page.get_height()))
        image = page.render(scale=scale, may_draw_forms=False).to_pil()
    except pypdfium2.PdfiumError as problem:
        raise Unshown(f"The PDF cannot be read, or asks for a password: {short(problem)}.") from None
    return {"png": _drawn(image, WIDEST), "facts": [["Pages", f"{pages:,}, of which the first is shown"]]}
