"""Several looks as one picture to share, with the names of their garments."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

HEIGHT = 960  # of each picture
GAP, MARGIN = 28, 36
PAPER, INK, SOFT = "#faf8f5", "#1e1c1a", "#585149"
# Any of these knows more letters than Pillow's own font, which has Latin ones only.
FONTS = ("NotoSansCJK-Regular.ttc", "wqy-microhei.ttc", "PingFang.ttc", "msyh.ttc", "DejaVuSans.ttf", "Arial.ttf")


def collage(looks: Sequence[tuple[Image.Image, Sequence[str]]], heading: str) -> Image.Image:
    """Pictures side by side, the names of what is worn below each.

    Args:
        looks: at least one picture, and the names of its garments.
        heading: written above, as the shop's name.

    Returns:
        RGB.

    Raises:
        ValueError: there is no look.
    """
    if not looks:
        raise ValueError("a collage needs a look")
    title, text = _font(44, heading), _font(26, *(name for _, names in looks for name in names))
    shown = [_scaled(picture) for picture, _ in looks]
    lines = [_wrapped(text, names, picture.width) for picture, (_, names) in zip(shown, looks, strict=True)]
    line, top = 36, 2 * MARGIN + 48
    width = sum(picture.width for picture in shown) + GAP * (len(shown) - 1) + 2 * MARGIN
    sheet = Image.new("RGB", (width, top + HEIGHT + 18 + line * max(map(len, lines)) + MARGIN), PAPER)
    pen, left = ImageDraw.Draw(sheet), MARGIN
    pen.text((MARGIN, MARGIN), heading, font=title, fill=INK)
    for picture, names in zip(shown, lines, strict=True):
        sheet.paste(picture, (left, top))
        for number, name in enumerate(names):
            pen.text((left, top + HEIGHT + 18 + number * line), name, font=text, fill=SOFT)
        left += picture.width + GAP
    return sheet


def _scaled(picture: Image.Image) -> Image.Image:
    """At the common height; a very wide or narrow photo is cropped around its middle."""
    width = min(max(round(picture.width * HEIGHT / picture.height), HEIGHT // 3), HEIGHT)
    scale = max(width / picture.width, HEIGHT / picture.height)
    size = max(width, round(picture.width * scale)), max(HEIGHT, round(picture.height * scale))
    large = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - HEIGHT) // 2
    return large.crop((left, top, left + width, top + HEIGHT))


def _wrapped(font: ImageFont.FreeTypeFont | ImageFont.ImageFont, names: Sequence[str], width: int) -> list[str]:
    """Lines no longer than so many pixels; a name begins a line, and a word that is too long alone is cut off."""
    lines: list[str] = []
    for name in names:
        line = ""
        for word in name.split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            while font.getlength(longer) > width and len(longer) > 1:
                longer = longer.removesuffix("…")[:-1] + "…"
            line = longer
        lines.append(line)
    return lines


def _font(size: int, *texts: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's font; for letters that it lacks, the first of the system's that there is."""
    if all(ord(letter) < 0x250 for text in texts for letter in text):
        return ImageFont.load_default(size)
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)
