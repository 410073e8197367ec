"""Understanding people: what is found, what is refused, what is told.

Most tests replace the network by one that reads a drawn figure's colours, so that what is tested is ours to say;
the last ones run the shipped weights.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fitting import person as person_module
from fitting.anatomy import MIRRORED, Joint, Part
from fitting.drawing import PALETTE
from fitting.errors import PhotoError
from fitting.frame import GRID, NET, Frame
from fitting.person import find_person, locate, understand_person
from fitting.person_net import PersonMaps, PersonNet

# A figure 100 wide and 200 high, from the front: the person's left is on the picture's right.
FIGURE = {
    Joint.NOSE: (50, 20),
    Joint.LEFT_EYE: (54, 16),
    Joint.RIGHT_EYE: (46, 16),
    Joint.LEFT_SHOULDER: (70, 50),
    Joint.RIGHT_SHOULDER: (30, 50),
    Joint.LEFT_ELBOW: (80, 80),
    Joint.RIGHT_ELBOW: (20, 80),
    Joint.LEFT_WRIST: (84, 106),
    Joint.RIGHT_WRIST: (16, 106),
    Joint.LEFT_HIP: (62, 110),
    Joint.RIGHT_HIP: (38, 110),
    Joint.LEFT_KNEE: (62, 150),
    Joint.RIGHT_KNEE: (38, 150),
    Joint.LEFT_ANKLE: (60, 192),
    Joint.RIGHT_ANKLE: (40, 192),
}
BOXES = (
    (Part.HAIR, 36, 2, 64, 12),
    (Part.FACE, 38, 12, 62, 34),
    (Part.SKIN, 44, 34, 56, 46),
    (Part.UPPER, 28, 44, 72, 114),
    (Part.ARMS, 10, 60, 27, 112),
    (Part.ARMS, 73, 60, 90, 112),
    (Part.LOWER, 34, 112, 66, 180),
    (Part.FOOTWEAR, 34, 180, 66, 198),
)


def draw(photo: Tensor, left: int, top: int, scale: float, joints: dict[Joint, tuple[float, float]]) -> Tensor:
    """Paint a figure; returns its joints (17, 2) in the photo, far away where the figure has none."""
    for part, x0, y0, x1, y1 in BOXES:
        x0, x1 = (max(round(left + scale * v), 0) for v in (x0, x1))
        y0, y1 = (max(round(top + scale * v), 0) for v in (y0, y1))
        photo[:, y0:y1, x0:x1] = torch.from_numpy(PALETTE[part])[:, None, None]
    points = torch.full((17, 2), -1e4)
    for joint, (x, y) in joints.items():
        points[joint] = torch.tensor([left + scale * x, top + scale * y])
    return points


class Reads(nn.Module):
    """Stands in for PersonNet: parts are read from colours, joints are told."""

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1))
        self.points = points
        self.frame: Frame | None = None

    def forward(self, image: Tensor) -> PersonMaps:
        seen = (image + 1) * 127.5
        distance = torch.stack([(seen - torch.tensor(c).view(1, 3, 1, 1)).abs().sum(1) for c in PALETTE.tolist()], 1)
        parts = F.avg_pool2d(F.one_hot(distance.argmin(1), len(Part)).permute(0, 3, 1, 2).float(), 2) * 16 - 8
        person = F.avg_pool2d((distance.argmin(1, keepdim=True) != 0).float(), 2) * 16 - 8
        joints = torch.full((2, 17, image.shape[-2] // 4, image.shape[-1] // 4), -4.0)
        visible = torch.full_like(joints, -6.0)
        for joint, (x, y) in enumerate(self.view()):
            column, row = int(x // 4), int(y // 4)
            if 0 <= row < joints.shape[-2] and 0 <= column < joints.shape[-1]:
                joints[0, joint, row, column] = 12.0
                visible[0, joint, row, column] = 6.0
                joints[1, MIRRORED[joint], row, -1 - column] = 12.0
                visible[1, MIRRORED[joint], row, -1 - column] = 6.0
        return PersonMaps(parts, person, torch.full_like(person, -8.0), joints, visible)

    def view(self) -> list[list[float]]:
        """Where the joints lie in the view through the frame that is being looked through."""
        assert self.frame is not None
        scale = torch.tensor([NET[1] / GRID[1], NET[0] / GRID[0]])
        return (self.frame.to_grid(self.points) * scale).tolist()


@pytest.fixture(autouse=True)
def tell_frames(monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """Tell the stand-in what it is looking through, which a real network reads from the picture."""
    look, frames = person_module._look, []

    def told(net: nn.Module, unit: Tensor, frame: Frame) -> object:
        frames.append(frame)
        if isinstance(net, Reads):
            net.frame = frame
        return look(net, unit, frame)

    monkeypatch.setattr(person_module, "_look", told)
    return frames


def standing(
    height: int = 480,
    width: int = 360,
    left: int = 80,
    top: int = 30,
    scale: float = 2.0,
    without: tuple[Joint, ...] = (),
) -> tuple[Reads, Tensor]:
    photo = torch.zeros(3, height, width, dtype=torch.uint8)
    joints = {joint: place for joint, place in FIGURE.items() if joint not in without}
    points = draw(photo, left, top, scale, joints)
    return Reads(points), photo


def test_a_person_is_read_part_by_part_and_joint_by_joint() -> None:
    net, photo = standing()
    person = understand_person(net, photo)
    back = person.frame.to_photo(person.keypoints[:, :2])
    for joint in FIGURE:
        assert (back[joint] - net.points[joint]).abs().max() < 6, joint
        assert person.keypoints[joint, 2] > 0.9
    x, y = person.frame.to_grid(torch.tensor([80 + 2 * 50.0, 30 + 2 * 80.0])).long()
    assert person.parsing[y, x] == Part.UPPER
    assert person.image.shape == (3, *GRID) and person.parsing.shape == GRID
    assert person.notes == ()
    assert person.photo is photo


def test_a_small_figure_is_looked_at_again_from_near() -> None:
    net, photo = standing(1000, 900, 300, 400, 1.2)
    person = understand_person(net, photo)
    assert person.frame.height < 400
    assert (person.matte > 0.5).any(1).sum() > 0.7 * GRID[0]


def test_a_figure_seen_whole_has_its_upper_body_looked_at_closer(tell_frames: list[Frame]) -> None:
    net, photo = standing()
    understand_person(net, photo)
    whole, closer = tell_frames
    assert closer.height < 0.75 * whole.height
    head, hips = 30, 30 + 2 * 110
    assert closer.top < head + 20 and closer.top + closer.height > hips


def test_nobody_there() -> None:
    photo = torch.zeros(3, 400, 300, dtype=torch.uint8)
    photo[:, :, 150:] = 3
    with pytest.raises(PhotoError, match="could not find a person"):
        understand_person(Reads(torch.full((17, 2), -1e4)), photo)


def test_too_small() -> None:
    net, photo = standing(480, 360, 100, 100, 0.6)
    with pytest.raises(PhotoError, match="too small"):
        understand_person(net, photo)


def test_torso_cut_off_below() -> None:
    net, photo = standing(480, 720, 60, 160, 5.0)  # ends just below the shoulders
    with pytest.raises(PhotoError, match="outside this photo"):
        understand_person(net, photo)


def test_shoulders_outside() -> None:
    net, photo = standing(without=(Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER))
    with pytest.raises(PhotoError, match="shoulders"):
        understand_person(net, photo)


def test_from_behind() -> None:
    net, photo = standing()
    photo[:, 30 + 24 : 30 + 68, 80 + 72 : 80 + 128] = torch.from_numpy(PALETTE[Part.HAIR])[:, None, None]
    net.points = net.points.clone()
    for left, right in ((5, 6), (7, 8), (9, 10), (11, 12)):
        net.points[[left, right]] = net.points[[right, left]]
    with pytest.raises(PhotoError, match="from behind"):
        understand_person(net, photo)


def test_the_largest_of_several_is_dressed_and_told() -> None:
    net, photo = standing(480, 700, 80, 30, 2.0)
    draw(photo, 480, 200, 1.3, FIGURE)
    person = find_person(net, photo)
    assert any("several people" in note for note in person.notes)
    small = person.frame.to_grid(torch.tensor([480 + 1.3 * 50, 200 + 1.3 * 80])).long()
    inside = 0 <= small[0] < GRID[1] and 0 <= small[1] < GRID[0]
    assert not inside or person.parsing[small[1], small[0]] == Part.BACKGROUND


def test_an_arm_outside_the_picture_is_told() -> None:
    net, photo = standing(480, 250, 80, 30, 2.0)
    person = understand_person(net, photo[:, :, :228].contiguous())
    assert "Your left hand is outside the picture." in person.notes or (
        "Your left arm is outside the picture." in person.notes
    )
    assert not any("right" in note for note in person.notes)


def test_a_joint_lies_at_the_mean_of_its_cells() -> None:
    joints = torch.full((1, 17, 64, 48), -20.0)
    joints[..., 10, 20] = joints[..., 10, 21] = 10.0
    found = locate(joints, torch.full_like(joints, 5.0))
    assert torch.allclose(found[0, 0, :2], torch.tensor([21.0 * 8, 10.5 * 8]), atol=0.1)
    assert found[0, 0, 2] > 0.99


def test_the_network_is_small_and_its_maps_have_the_sizes_it_states() -> None:
    net = PersonNet().eval()
    assert sum(p.numel() for p in net.parameters()) <= 6_000_000
    with torch.inference_mode():
        maps = net(torch.zeros(1, 3, 128, 96))
    assert maps.parts.shape == (1, 11, 64, 48) and maps.matte.shape == (1, 1, 64, 48)
    assert maps.joints.shape == maps.visible.shape == (1, 17, 32, 24)
