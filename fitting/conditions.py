"""What the try-on networks are told of a scene and of a garment, as maps of 256x192."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fitting.anatomy import Joint, Part
from fitting.frame import GRID, NET, Frame
from fitting.garment import Category, Garment
from fitting.person import SEEN
from fitting.planes import halved
from fitting.scene import GREY, Scene
from fitting.underlay import Underlay

CATEGORIES = tuple(Category)
SPREAD = 4.0  # of a keypoint's spot, in cells of 256x192
SCENE_CHANNELS = 3 + len(Joint) + len(Part) + 1 + len(CATEGORIES)
JOINTS = slice(3, 3 + len(Joint))  # where the joints' spots are among them
GARMENT_CHANNELS = 4


def joint_maps(keypoints: Tensor) -> Tensor:
    """Keypoints as soft spots.

    Args:
        keypoints: (B, 17, 3), x, y on the 512x384 grid and visibility; joints that were not seen give no spot.

    Returns:
        (B, 17, 256, 192) in [0, 1].
    """
    place, seen = keypoints[..., :2] * (NET[0] / GRID[0]), keypoints[..., 2] >= SEEN
    x = torch.arange(NET[1], device=keypoints.device) + 0.5
    y = torch.arange(NET[0], device=keypoints.device) + 0.5
    across = torch.exp(-0.5 * ((x - place[..., :1]) / SPREAD) ** 2) * seen[..., None]
    down = torch.exp(-0.5 * ((y - place[..., 1:]) / SPREAD) ** 2)
    return down[..., :, None] * across[..., None, :]


def scene_condition(agnostic: Tensor, joints: Tensor, parsing: Tensor, edit: Tensor, category: Tensor) -> Tensor:
    """Everything that FlowNet is told of a person; nothing in it shows the old garment.

    Args:
        agnostic: (B, 3, 256, 192) in [0, 1], grey where the garment will be.
        joints: (B, 17, 256, 192) spots.
        parsing: (B, 256, 192) int64 of `Part`, of the person without the old garment: where that was, what the
            body is believed to show.
        edit: (B, 1, 256, 192) in [0, 1].
        category: (B,) int64, index of `CATEGORIES`.

    Returns:
        (B, SCENE_CHANNELS, 256, 192) around [-1, 1].
    """
    parts = (parsing[:, None] == torch.arange(len(Part), device=parsing.device)[:, None, None]).to(agnostic.dtype)
    kinds = F.one_hot(category, len(CATEGORIES)).to(agnostic.dtype)[:, :, None, None].expand(-1, -1, *NET)
    return torch.cat([agnostic * 2 - 1, joints, parts, edit, kinds], 1)


def garment_condition(image: Tensor, mask: Tensor) -> Tensor:
    """(B, 3, 256, 192) and (B, 1, 256, 192) in [0, 1] -> (B, 4, 256, 192): the garment on white, and its mask."""
    return torch.cat([(image * mask + 1 - mask) * 2 - 1, mask], 1)


def of_scene(scene: Scene, under: Underlay) -> Tensor:
    """The condition of a scene and of who is seen there without the old garment: (1, SCENE_CHANNELS, 256, 192)."""
    person = scene.person
    agnostic, edit = halved(scene.agnostic)[None], halved(scene.edit_region[None])[None]
    parsing = under.parsing[1::2, 1::2]
    category = torch.tensor([CATEGORIES.index(scene.category)])
    return scene_condition(agnostic, joint_maps(person.keypoints[None]), parsing[None], edit, category)


def small_view(garment: Garment) -> Tensor:
    """A garment's whole picture in a 3:4 view, colours and mask: (1, 4, 256, 192) in [0, 1]."""
    view = Frame.whole(*garment.mask.shape)
    return torch.cat([view.cut(garment.image, NET), view.cut(garment.mask[None], NET, 0.0)])[None]


def grey(photo: Tensor, hidden: Tensor) -> Tensor:
    """(B, 3, H, W) with the old garment's place hidden, as `dress` hides it; hidden (B, 1, H, W) in [0, 1]."""
    return photo + (GREY - photo) * hidden
