"""How the app looks: a Gradio theme of our own, and style.css for what a theme cannot say."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

STYLE = Path(__file__).with_name("style.css")

_PINE = gr.themes.Color(
    name="pine",
    c50="#eef5f2",
    c100="#d8e8e1",
    c200="#b3d2c5",
    c300="#86b6a3",
    c400="#579781",
    c500="#357a64",
    c600="#256250",
    c700="#1e4f42",
    c800="#1a4036",
    c900="#16352d",
    c950="#0b1f1a",
)
_LINEN = gr.themes.Color(
    name="linen",
    c50="#faf8f5",
    c100="#f3efe9",
    c200="#e7e1d8",
    c300="#d3cabd",
    c400="#a39a8c",
    c500="#766e63",
    c600="#585149",
    c700="#433e38",
    c800="#2b2825",
    c900="#1e1c1a",
    c950="#151413",
)


_LOOK = {  # theme variable -> value; *names refer to hues
    "body_background_fill": "*neutral_50",
    "body_background_fill_dark": "*neutral_950",
    "body_text_color": "*neutral_900",
    "body_text_color_dark": "*neutral_100",
    "body_text_color_subdued": "*neutral_600",
    "body_text_color_subdued_dark": "*neutral_300",
    "background_fill_primary": "white",
    "background_fill_primary_dark": "*neutral_900",
    "background_fill_secondary": "*neutral_50",
    "background_fill_secondary_dark": "*neutral_950",
    "border_color_primary": "*neutral_200",
    "border_color_primary_dark": "*neutral_700",
    "border_color_accent": "*primary_500",
    "color_accent": "*primary_600",
    "block_background_fill": "transparent",
    "block_background_fill_dark": "transparent",
    "block_border_width": "0px",
    "block_border_width_dark": "0px",
    "block_shadow": "none",
    "block_padding": "0",
    "block_title_text_color": "*neutral_700",
    "block_title_text_color_dark": "*neutral_200",
    "block_title_text_weight": "600",
    "block_label_text_color": "*neutral_700",
    "block_label_text_color_dark": "*neutral_200",
    "input_background_fill": "white",
    "input_background_fill_dark": "*neutral_900",
    "button_primary_background_fill": "*primary_600",
    "button_primary_background_fill_hover": "*primary_700",
    "button_primary_background_fill_dark": "*primary_300",
    "button_primary_background_fill_hover_dark": "*primary_200",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "*primary_950",
    "button_primary_text_color_hover_dark": "*primary_950",
    "button_secondary_background_fill": "transparent",
    "button_secondary_background_fill_hover": "*neutral_100",
    "button_secondary_background_fill_dark": "transparent",
    "button_secondary_background_fill_hover_dark": "*neutral_800",
    "button_secondary_border_color": "*neutral_400",
    "button_secondary_border_color_dark": "*neutral_500",
    "button_secondary_text_color": "*neutral_800",
    "button_secondary_text_color_dark": "*neutral_100",
    "button_border_width": "1px",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_dark": "transparent",
    "checkbox_label_background_fill_hover": "*neutral_100",
    "checkbox_label_background_fill_hover_dark": "*neutral_800",
    "checkbox_label_background_fill_selected": "*primary_600",
    "checkbox_label_background_fill_selected_dark": "*primary_300",
    "checkbox_label_text_color_selected": "white",
    "checkbox_label_text_color_selected_dark": "*primary_950",
    "checkbox_label_border_width": "1px",
    "checkbox_label_border_color": "*neutral_300",
    "checkbox_label_border_color_dark": "*neutral_600",
    "checkbox_label_border_color_selected": "*primary_600",
    "checkbox_label_border_color_selected_dark": "*primary_300",
    "loader_color": "*primary_600",
    "loader_color_dark": "*primary_300",
}


def hue(colour: str) -> gr.themes.Color:
    """A shop's own colour, #rrggbb, with lighter and darker shades of it; ours is drawn by hand."""
    if colour.lower() == _PINE.c600:
        return _PINE
    own = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]

    def mixed(share: float, other: int) -> str:
        return "#" + "".join(f"{round(part + (other - part) * share):02x}" for part in own)

    light = {"c50": 0.93, "c100": 0.85, "c200": 0.7, "c300": 0.52, "c400": 0.34, "c500": 0.14}
    dark = {"c700": 0.2, "c800": 0.36, "c900": 0.5, "c950": 0.72}
    shades = {name: mixed(share, 255) for name, share in light.items()}
    shades |= {"c600": colour} | {name: mixed(share, 0) for name, share in dark.items()}
    return gr.themes.Color(name="own", **shades)


def theme(colour: str = _PINE.c600) -> gr.themes.Base:
    """Linen and pine, or a shop's own colour; text keeps a contrast of at least 4.5 to 1, in both schemes."""
    return gr.themes.Base(
        primary_hue=hue(colour),
        secondary_hue=hue(colour),
        neutral_hue=_LINEN,
        radius_size=gr.themes.sizes.radius_lg,
        # The fonts themselves are named in style.css: the visitor's own, so that none has to be fetched.
        font=("sans-serif",),
        font_mono=("monospace",),
    ).set(**_LOOK)
