"""Draws product pictures of garments: no photo, no model, only curves, a height field and one light."""
