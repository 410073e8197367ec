"""Says of a picture that a machine made part of it: in its metadata, where editors and platforms look, and visibly.

The mark is an XMP packet with the digital source type of the IPTC's vocabulary (IPTC Photo Metadata Standard, 2023.1;
CAI and C2PA use the same terms). It holds nothing about the photo or the person.
"""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

# A photo that a trained model has changed in part.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
TOOL = "Fitting Room"
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="{TOOL}">
<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>"""
QUALITY = 92  # of JPEG and WebP
KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}  # by the ending of a file's name
VISIBLE = "AI-made picture"


def marked(image: Image.Image, kind: str = "PNG", visible: str = "") -> bytes:
    """A picture as a file that says how it was made, and nothing else.

    Args:
        image: RGB; it is not changed.
        kind: PNG (every pixel as it is), JPEG or WEBP.
        visible: also written into the lower right corner; nothing is by default.

    Raises:
        ValueError: another kind of file.
    """
    image = _bare(image)
    if visible:
        image = _signed(image, visible)
    file = io.BytesIO()
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        image.save(file, "PNG", pnginfo=info, compress_level=1)
    elif kind in ("JPEG", "WEBP"):
        image.save(file, kind, quality=QUALITY, xmp=XMP.encode())
    else:
        raise ValueError(f"cannot mark a {kind} file; use PNG, JPEG or WEBP")
    return file.getvalue()


def is_marked(image: Image.Image) -> bool:
    """Whether an opened file says that a machine made part of it."""
    packet = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or ""
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    return SOURCE_TYPE in text


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone, without whatever else came with the file."""
    copy = image.convert("RGB").copy()
    copy.info = {}
    return copy


def _signed(image: Image.Image, text: str) -> Image.Image:
    """Small light letters on a dark ground, readable on any picture."""
    size = max(round(min(image.size) * 0.028), 11)
    pen = ImageDraw.Draw(image, "RGBA")
    font = ImageFont.load_default(size)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = round(size * 0.5)
    x, y = image.width - (right - left) - 2 * pad, image.height - (bottom - top) - 2 * pad
    pen.rectangle((x, y, image.width, image.height), fill=(0, 0, 0, 130))
    pen.text((x + pad - left, y + pad - top), text, font=font, fill=(255, 255, 255, 235))
    return image
