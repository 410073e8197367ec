"""Errors whose text is written for the visitor; everything else is a bug or a caller's mistake."""


class FittingError(Exception):
    """Something the visitor can mend. The message says, in plain words, what to do."""


class PhotoError(FittingError):
    """The photo of the person cannot be used."""


class GarmentError(FittingError):
    """The picture of the garment cannot be used."""


class StudioError(FittingError):
    """The studio finish cannot be had, or not in this way."""


class AwayError(FittingError):
    """The fitting room works elsewhere, and does not answer."""


class WeightsError(Exception):
    """Weights are missing or damaged. Names the file, the reason and the remedy; for whoever hosts the app."""


class ShopError(Exception):
    """The shop's folder, database, vector store or files cannot be used. Says what to do; for whoever runs the shop."""
