"""A perceptual loss without downloads: distances of EfficientNet-Lite0's ImageNet features (Johnson et al. 2016,
arXiv:1603.08155, with another network)."""

from __future__ import annotations

from torch import Tensor, nn

from fitting.encoder import Encoder, load_imagenet


class Perceptual(nn.Module):
    """Mean absolute distance of features at strides 2 to 16, each scaled by the truth's own spread."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        load_imagenet(self.encoder)
        self.eval().requires_grad_(False)

    def forward(self, picture: Tensor, truth: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] -> (B,) distances."""
        total = picture.new_zeros(len(picture))
        for got, wanted in zip(self._features(picture), self._features(truth), strict=True):
            scale = wanted.float().std((0, 2, 3), keepdim=True).clamp(min=1e-2)
            total = total + ((got.float() - wanted.float()).abs() / scale).mean((1, 2, 3))
        return total

    def _features(self, picture: Tensor) -> list[Tensor]:
        return self.encoder.until(picture * 2 - 1, 4)
