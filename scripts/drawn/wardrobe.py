"""Every garment that is drawn for the sample shop: id -> how it is cut and what it is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from PIL import Image

from drawn.bodice import Cut
from drawn.casual import Bomber, Cardigan, Gilet
from drawn.dresses import Dress
from drawn.fabrics import Fabric, Print
from drawn.outer import Outer
from drawn.skirts import Skirt
from drawn.tailored import Blazer, Coat, DenimJacket
from drawn.trousers import Trousers


class Drawable(Protocol):
    def draw(self, random: np.random.Generator, background: int) -> Image.Image:
        """The picture, on a plain background of this grey in [0, 255]."""


BRASS, HORN = "#a88a5c", "#4a3a2c"
SHORTS = Trousers(
    Fabric("#000000"), "chinos", 98, 122, 62, 58, rise=170, length=345, full=740, spread=76, band=21, slack=1.3
)
MINI = Skirt(Fabric("#000000"), waist=98, hip=128, hem=144, length=330, band=20, flutes=2.0)
JACKET = Cut(
    length=64, shoulder=21, bust=23, waist=22, hip=24, hem=24, neck=8, sleeve=60, cuff=5.6, lean=20, upper=14.5, above=2
)

TROUSERS: dict[str, Drawable] = {
    "mid-blue-straight-jeans": Trousers(
        Fabric("#34517c", "denim"), "jeans", knee=31, hem=30, thread="#c98b46", button=BRASS
    ),
    "indigo-slim-jeans": Trousers(
        Fabric("#1d2a47", "denim"), "jeans", knee=26, hem=22, thread="#a9713c", button=BRASS, worn=0.35, spread=44
    ),
    "black-slim-jeans": Trousers(
        Fabric("#26272a", "denim"), "jeans", knee=25, hem=21, thread="#3d3e42", button="#77777a", worn=0.3, spread=43
    ),
    "light-wash-wide-jeans": Trousers(
        Fabric("#5f82ad", "denim"),
        "jeans",
        knee=42,
        hem=46,
        thread="#d8b27a",
        button=BRASS,
        worn=1.7,
        spread=66,
        slack=1.3,
    ),
    "charcoal-tailored-trousers": Trousers(Fabric("#44474d", "twill"), pleat=True, slack=0.8),
    "navy-windowpane-slim-trousers": Trousers(
        Fabric("#2c3650", "twill", Print("windowpane", ("#6f7fa3",), 24, 0.05)), knee=26, hem=22, spread=44, pleat=True
    ),
    "sand-linen-wide-trousers": Trousers(
        Fabric("#c6b496", "linen"), knee=42, hem=50, spread=68, slack=1.5, button="#8d7a58"
    ),
    "rust-wide-trousers": Trousers(Fabric("#98503a", "plain"), knee=43, hem=52, spread=71, slack=1.4, pleat=True),
    "stone-turn-up-chinos": Trousers(
        Fabric("#978970", "twill"), "chinos", knee=27, hem=23, length=432, thread="#877a62", turn_up=13, spread=45
    ),
    "olive-straight-chinos": Trousers(Fabric("#5d6044", "twill"), "chinos", thread="#717456", slack=1.1),
    "grey-marl-joggers": Trousers(
        Fabric("#8f9297", "fleece"), "joggers", knee=29, hem=17, band=18, thread="#e8e6e0", slack=1.5
    ),
    "plum-joggers": Trousers(
        Fabric("#5a3a52", "fleece"), "joggers", knee=30, hem=18, band=18, thread="#8d6a84", slack=1.5
    ),
    "sage-chino-shorts": replace(SHORTS, fabric=Fabric("#8b987b", "twill"), thread="#76846a"),
    "blue-denim-shorts": replace(
        SHORTS, fabric=Fabric("#45658f", "denim"), kind="jeans", thread="#c98b46", button=BRASS, turn_up=14, length=310
    ),
    "coral-striped-linen-shorts": replace(
        SHORTS,
        fabric=Fabric("#d8bf9f", "linen", Print("stripes", ("#cb6a55",), 14, 0.4)),
        kind="joggers",
        thread="#f3efe6",
    ),
}

SKIRTS: dict[str, Drawable] = {
    "navy-pencil-skirt": Skirt(Fabric("#28324b", "twill"), "pencil", hip=104, hem=92, flutes=0.8),
    "grey-tweed-pencil-skirt": Skirt(
        Fabric("#777672", "tweed", Print("windowpane", ("#4c4b49",), 30, 0.06)),
        "pencil",
        hip=106,
        hem=98,
        length=350,
        flutes=0.8,
    ),
    "terracotta-linen-a-line-skirt": Skirt(Fabric("#a75a41", "linen"), hem=152, flutes=7.0),
    "brown-cord-button-mini-skirt": replace(
        MINI, fabric=Fabric("#6f4e37", "cord"), buttons=5, thread="#573c29", button="#3d2a1d"
    ),
    "denim-button-mini-skirt": replace(
        MINI, fabric=Fabric("#3d5c88", "denim"), buttons=5, thread="#c98b46", button=BRASS, length=315
    ),
    "jade-pleated-midi-skirt": Skirt(Fabric("#4f7d6c", "plain"), "pleated", hem=152, count=17, flutes=3.4, length=420),
    "burgundy-tartan-pleated-mini-skirt": replace(
        MINI,
        fabric=Fabric("#6d2b37", "twill", Print("tartan", ("#23303f", "#cdb98c"), 40)),
        kind="pleated",
        hem=160,
        count=13,
        flutes=4.2,
        length=300,
    ),
    "cream-floral-tiered-skirt": Skirt(
        Fabric("#e4d8c6", "plain", Print("floral", ("#b4586a", "#e9c46a", "#6c8a5c"), 26, 0.3)),
        hem=160,
        flutes=7,
        count=4,
        tiers=(0.42, 0.72),
        elastic=True,
        length=420,
    ),
    "teal-dotted-wrap-skirt": Skirt(
        Fabric("#2f5a66", "plain", Print("dots", ("#d9ae62",), 17, 0.3)), "wrap", hem=142, flutes=5
    ),
    "lavender-linen-midi-skirt": Skirt(
        Fabric("#9b8fb4", "linen"), hem=140, flutes=7, count=3.5, elastic=True, length=430, hip=104, waist=80
    ),
}

DRESSES: dict[str, Drawable] = {
    "navy-shift-dress": Dress(
        Fabric("#2d3b5c", "twill"), Cut(length=92, shoulder=16.5, bust=20, waist=18.8, hip=21.5, hem=23), flutes=0.7
    ),
    "blue-check-shift-dress": Dress(
        Fabric("#a9b9d2", "plain", Print("gingham", ("#24406f",), 17)),
        Cut(length=97, shoulder=16, bust=20, waist=18.5, hip=21.5, hem=24, shape="square", depth=8, neck=9.5),
        flutes=0.8,
    ),
    "coral-linen-a-line-dress": Dress(
        Fabric("#c4705d", "linen"), Cut(length=98, hem=33, sleeve=19, lean=38), "waisted", flutes=2.2
    ),
    "green-floral-wrap-dress": Dress(
        Fabric("#2f5646", "plain", Print("floral", ("#d9a98c", "#b8543c", "#86a58a"), 22, 0.3)),
        Cut(length=108, hem=31, shape="V", depth=20, neck=8, sleeve=34, cuff=6, lean=32),
        "wrap",
        flutes=1.8,
    ),
    "lilac-pleated-dress": Dress(
        Fabric("#8f7fab", "plain"),
        Cut(length=104, hem=32, shape="V", depth=14, shoulder=16.5),
        "pleated",
        flutes=0.85,
        count=15,
        belt="#4a3f5e",
    ),
    "navy-striped-t-shirt-dress": Dress(
        Fabric("#c9b287", "plain", Print("bands", ("#2f3e5c",), 16, 0.4)),
        Cut(length=97, waist=19.5, bust=20.5, hip=21.8, hem=23, sleeve=20, lean=38),
        "tee",
        flutes=0.6,
        trim="#2f3e5c",
    ),
    "mustard-button-front-dress": Dress(
        Fabric("#c39d45", "linen"),
        Cut(length=112, hem=31, shape="square", depth=11, neck=11, shoulder=15.5),
        "waisted",
        flutes=2.0,
        buttons=9,
        button="#6f4f28",
    ),
    "black-skater-dress": Dress(
        Fabric("#2b2a2e", "plain"),
        Cut(length=86, hem=34, shape="round", depth=8, neck=11, sleeve=9, cuff=6.5, lean=42),
        "waisted",
        flutes=2.6,
        count=3.5,
    ),
    "periwinkle-floral-maxi-dress": Dress(
        Fabric("#7f8fc0", "plain", Print("floral", ("#f0cf78", "#b8683c", "#4a5f8f"), 20, 0.28)),
        Cut(length=128, hem=34, shape="V", depth=15, shoulder=15.5, neck=8),
        "waisted",
        flutes=2.6,
        count=4,
        belt="#5a6aa0",
    ),
    "teal-long-sleeve-shift-dress": Dress(
        Fabric("#3a6b70", "knit"),
        Cut(length=90, waist=19.2, hip=21.5, hem=22.5, sleeve=56, cuff=5, lean=24, upper=12.5, shape="round", depth=7),
        flutes=0.7,
    ),
    "rose-dotted-wrap-dress": Dress(
        Fabric("#a95a6b", "plain", Print("dots", ("#5e2436",), 15, 0.3)),
        Cut(length=106, hem=30, shape="V", depth=19, neck=8, sleeve=19, cuff=7, lean=38),
        "wrap",
        flutes=1.8,
    ),
}

OUTER: dict[str, Drawable] = {
    "navy-blazer": Outer(
        Fabric("#39435a", "twill"),
        replace(JACKET, length=72, waist=20.5, hem=25, shape="V", depth=36, neck=7.5),
        Blazer,
        lining="#5c5a66",
    ),
    "grey-tweed-blazer": Outer(
        Fabric("#85827c", "tweed"),
        replace(JACKET, length=70, waist=21, hem=24.5, shape="V", depth=33, neck=7.5),
        Blazer,
        button=HORN,
        lining="#4d4a48",
    ),
    "camel-double-breasted-coat": Outer(
        Fabric("#a98a62", "fleece"),
        replace(JACKET, length=104, hem=27.5, hip=25.5, shape="V", depth=30, neck=7.5),
        Coat,
        buttons=3,
        button=HORN,
    ),
    "blue-denim-jacket": Outer(
        Fabric("#41608c", "denim"),
        replace(JACKET, length=62, depth=7, hem=22.5),
        DenimJacket,
        buttons=6,
        button=BRASS,
        thread="#c98b46",
    ),
    "olive-bomber-jacket": Outer(
        Fabric("#565c46", "twill"),
        replace(JACKET, depth=8, hem=22, waist=24, bust=24, above=3),
        Bomber,
        rib="#3c4233",
    ),
    "taupe-pocket-cardigan": Outer(
        Fabric("#a8988d", "knit"),
        replace(JACKET, length=68, shape="V", depth=27, hem=23.5, waist=22.5),
        Cardigan,
        buttons=5,
        button="#6b5a52",
    ),
    "burgundy-quilted-gilet": Outer(
        Fabric("#6f3a42", "plain"),
        Cut(length=64, shoulder=18.5, bust=22.5, waist=22, hip=24, hem=23.5, depth=8, neck=8.5, above=6),
        Gilet,
    ),
}

GARMENTS = {**TROUSERS, **SKIRTS, **DRESSES, **OUTER}
