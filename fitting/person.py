"""A photo of a person, understood: photo -> `Person`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from fitting.anatomy import MIRRORED, Joint, Part
from fitting.errors import PhotoError
from fitting.frame import GRID, NET, Frame
from fitting.images import to_signed, to_unit
from fitting.person_net import PersonMaps, PersonNet
from fitting.precision import fetched, sent

__all__ = ["Joint", "Part", "Person", "PersonNet", "understand_person"]


@dataclass(frozen=True)
class Person:
    """What is known of the person in a photo. Maps and points are on the frame's 512x384 grid.

    Attributes:
        photo: (3, H, W) uint8, the decoded photo at its own size.
        frame: the window onto the photo that the maps describe.
        image: (3, 512, 384) float in [0, 1], the photo seen through the frame.
        parsing: (512, 384) int64 of `Part`.
        keypoints: (17, 3) float: x, y on the grid and visibility in [0, 1]; below 0.3 the joint was not seen
            (its position is then a guess, and may lie outside the grid).
        matte: (512, 384) float in [0, 1], how much of each cell is the person.
        notes: sentences for the visitor about what could not be seen.
    """

    photo: Tensor
    frame: Frame
    image: Tensor
    parsing: Tensor
    keypoints: Tensor
    matte: Tensor
    notes: tuple[str, ...] = field(default=())


CLOSER = 0.75  # head to hips fill less than this share of the frame: look at them again
LEAST_HEIGHT = 160  # photo pixels that a person must be high
SEEN = 0.3  # a joint below this visibility was not seen

NO_PERSON = (
    "We could not find a person in this photo. Use a photo of one person who faces the camera, "
    "with the upper body in the picture."
)
TOO_SMALL = (
    "The person is too small in this photo. Come closer to the camera, or use a larger photo, so that the "
    "person is at least 200 pixels tall."
)
CUT_OFF = (
    "Too much of the upper body is outside this photo. Use one that shows at least your shoulders, "
    "your chest and your waist."
)
FROM_BEHIND = "This photo shows the person from behind. Use one that faces the camera."
SEVERAL = "There are several people in this photo; we dress the largest one."


def understand_person(net: PersonNet, photo: Tensor) -> Person:
    """Find and understand a person who is to be dressed.

    Args:
        net: a trained network in evaluation mode; it is run where its weights are.
        photo: (3, H, W) uint8, upright.

    Raises:
        PhotoError: nobody there, too small, too much of the torso outside, or seen from behind; the message
            says what to do.
    """
    person = find_person(net, photo)
    _refuse_what_cannot_be_dressed(person)
    return replace(person, notes=person.notes + tuple(_notes(person)))


def find_person(net: PersonNet, photo: Tensor) -> Person:
    """The largest person in a photo, however little of them it shows.

    The whole photo is looked at first; where the person fills only a part of it, that part again.

    Raises:
        PhotoError: nobody there, or too small.
    """
    height, width = photo.shape[-2:]
    frame = Frame.whole(height, width)
    found = _look(net, photo, frame)
    box = found.box()
    if box is None:
        raise PhotoError(NO_PERSON)
    several = found.several()
    left, top, right, bottom = frame.to_photo(torch.tensor(box).view(2, 2)).flatten().tolist()
    if bottom - top < LEAST_HEIGHT:
        raise PhotoError(TOO_SMALL)
    near = Frame.around(left, top, right, bottom, margin=0.1)
    if near.height < 0.85 * frame.height:
        frame, found = near, _look(net, photo, near)
    found = _closer(net, photo, frame, found)
    parsing, notes = found.parsing(), (SEVERAL,) if several else ()
    return Person(photo, frame, to_unit(frame.cut(photo)), parsing, found.keypoints, found.matte, notes)


@dataclass(frozen=True)
class _Sight:
    """One look through a frame: (11, 512, 384) part probabilities, mattes of this and of other people."""

    parts: Tensor
    matte: Tensor
    others: Tensor
    keypoints: Tensor
    people: int

    def box(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom of the person on the grid; None where there is nobody."""
        inside = self.matte > 0.5
        if inside.sum() < 0.004 * inside.numel():
            return None
        rows = inside.any(1).nonzero().flatten()
        columns = inside.any(0).nonzero().flatten()
        return (
            float(columns[0]),
            float(rows[0]),
            float(columns[-1] + 1),
            float(rows[-1] + 1),
        )

    def several(self) -> bool:
        """Somebody else is at least an eighth as large as the person."""
        return self.people > 1 or bool((self.others > 0.5).sum() > 0.125 * (self.matte > 0.5).sum())

    def parsing(self) -> Tensor:
        """(512, 384) int64 of `Part`; whoever is not the person is background."""
        parsing = self.parts.max(0).indices  # what argmax gives, which takes nine times as long on a CPU
        return torch.where(self.matte > 0.25, parsing, int(Part.BACKGROUND))


@torch.inference_mode()
def _look(net: PersonNet, photo: Tensor, frame: Frame) -> _Sight:
    weight = next(net.parameters())
    view = sent(to_signed(to_unit(frame.cut(photo, NET)))[None].to(weight.dtype), weight.device)
    # The mean of the view and its mirror image errs less than either, and two at once cost less than twice one.
    views = torch.cat([view, view.flip(-1)])
    maps = _unmirrored(net(views))

    def full(logits: Tensor) -> Tensor:
        return F.interpolate(logits.float(), size=GRID, mode="bilinear", align_corners=False)[0]

    keypoints = locate(maps.joints.float(), maps.visible.float())[0]
    parts, mattes, keypoints = fetched(full(maps.parts), full(torch.cat([maps.matte, maps.others], 1)), keypoints)
    # Beyond the photo's edge the view repeats it, which can look like a limb.
    inside = frame.inside(*photo.shape[-2:])
    matte, others = mattes.sigmoid() * inside
    main, people = _main_person(matte)
    return _Sight(parts.softmax(0), matte * main, others, keypoints, people)


def _unmirrored(maps: PersonMaps) -> PersonMaps:
    """Maps of a view and of its mirror image (B = 2) -> their mean (B = 1)."""

    def mean(logits: Tensor, channels: list[int] | slice = slice(None)) -> Tensor:
        return (logits[:1] + logits[1:].flip(-1)[:, channels]) / 2

    return PersonMaps(
        parts=mean(maps.parts),
        matte=mean(maps.matte),
        others=mean(maps.others),
        joints=mean(maps.joints, MIRRORED),
        visible=mean(maps.visible, MIRRORED),
    )


def _closer(net: PersonNet, photo: Tensor, frame: Frame, found: _Sight) -> _Sight:
    """Look at head, torso and arms once more where they are small in the frame, and merge what is seen."""
    box = _upper_body(found.keypoints)
    if box is None:
        return found
    window = Frame.around(*box, margin=0.06)  # in cells of the grid
    if window.height > CLOSER * GRID[0]:
        return found
    corners = torch.tensor([[window.left, window.top], [window.left + window.width, window.top + window.height]])
    (left, top), (right, bottom) = frame.to_photo(corners.float()).round().int().tolist()
    near = _look(net, photo, Frame(left, top, right - left, bottom - top))
    maps = torch.cat([near.parts, near.matte[None]])
    # The close view counts fully inside and fades out towards its rim, where it knows less of what surrounds it.
    ramp = [torch.minimum(torch.arange(n) + 0.5, n - torch.arange(n) - 0.5) / (0.12 * n) for n in GRID]
    weight = torch.minimum(ramp[0][:, None], ramp[1][None]).clamp(max=1)
    placed = window.place(torch.cat([maps, weight[None]]), *GRID)
    share = placed[-1:]
    parts = found.parts + (placed[:-2] - found.parts) * share
    matte = found.matte + (placed[-2] - found.matte) * share[0]
    return replace(found, parts=parts, matte=matte, keypoints=_nearer(found.keypoints, near.keypoints, window))


def _upper_body(keypoints: Tensor) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom around head, arms and torso on the grid; None where the torso is not seen."""
    seen = keypoints[:, 2] > SEEN
    needed = [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP]
    if not seen[needed].all():
        return None
    upper = keypoints[: Joint.RIGHT_HIP + 1][seen[: Joint.RIGHT_HIP + 1]]
    torso = float(keypoints[needed[2:], 1].mean() - keypoints[needed[:2], 1].mean())
    if torso < 8:
        return None
    left, right = float(upper[:, 0].min()) - 0.25 * torso, float(upper[:, 0].max()) + 0.25 * torso
    top = float(keypoints[needed[:2], 1].mean()) - 0.85 * torso
    bottom = float(keypoints[needed[2:], 1].mean()) + 0.45 * torso
    return left, top, right, bottom


def _nearer(far: Tensor, near: Tensor, window: Frame) -> Tensor:
    """Keypoints of both looks: their mean where both see a joint, but hips, which need the legs' view, from afar."""
    scale = torch.tensor([window.width / GRID[1], window.height / GRID[0]])
    places = near[:, :2] * scale + torch.tensor([float(window.left), float(window.top)])
    margin = torch.tensor(GRID[::-1]) * 0.04
    inside = ((near[:, :2] > margin) & (near[:, :2] < torch.tensor(GRID[::-1]) - margin)).all(1)
    both = inside & (near[:, 2] > SEEN) & (torch.arange(len(Joint)) < Joint.LEFT_HIP)
    mean = (torch.cat([places, near[:, 2:]], 1) + far) / 2
    return torch.where(both[:, None], mean, far)


def locate(joints: Tensor, visible: Tensor) -> Tensor:
    """Heat maps -> keypoints on the grid.

    The maximum, refined by the mean of the cells around it, weighted by their probability.

    Args:
        joints: (B, 17, h, w) logits over all cells.
        visible: (B, 17, h, w) logits.

    Returns:
        (B, 17, 3): x in [0, 384], y in [0, 512], visibility in [0, 1].
    """
    rows, columns = joints.shape[-2:]
    chance = joints.flatten(2).softmax(-1)
    best = chance.argmax(-1)
    y = torch.arange(rows, device=joints.device).repeat_interleave(columns)
    x = torch.arange(columns, device=joints.device).repeat(rows)
    near = ((x - x[best][..., None]).abs() <= 2) & ((y - y[best][..., None]).abs() <= 2)
    local = chance * near
    local = local / local.sum(-1, keepdim=True)
    column, row = (local * (x + 0.5)).sum(-1), (local * (y + 0.5)).sum(-1)
    # Read as in training, so that a joint outside the picture, whose map is flat, counts as not seen.
    seen = (chance * visible.flatten(2)).sum(-1).sigmoid()
    return torch.stack([column * (GRID[1] / columns), row * (GRID[0] / rows), seen], -1)


def _main_person(matte: Tensor) -> tuple[Tensor, int]:
    """(512, 384) 1.0 around the largest connected figure, and how many figures of note there are."""
    pieces, count = ndimage.label(matte.numpy() > 0.4)
    if count < 2:
        return torch.ones_like(matte), count
    sizes = ndimage.sum_labels(np.ones_like(pieces), pieces, range(1, count + 1))
    largest = int(sizes.argmax()) + 1
    # Thin gaps (a bag's strap, a belt) cut a figure in pieces: what lies near the largest belongs to it.
    reach = ndimage.binary_dilation(pieces == largest, iterations=10)
    keep = reach | (pieces == 0)
    apart = 0
    for piece in range(1, count + 1):
        if piece == largest:
            continue
        if (reach & (pieces == piece)).any() and sizes[piece - 1] < 0.3 * sizes[largest - 1]:
            keep |= pieces == piece
        elif sizes[piece - 1] > 0.125 * sizes[largest - 1]:
            apart += 1
            keep &= pieces != piece
        else:
            keep &= pieces != piece
    return torch.from_numpy(keep.astype(np.float32)), 1 + apart


def _refuse_what_cannot_be_dressed(person: Person) -> None:
    seen = person.keypoints[:, 2] > SEEN
    x, y = person.keypoints[:, 0], person.keypoints[:, 1]
    left, right = Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER
    face = int((person.parsing == Part.FACE).sum())
    hair = int((person.parsing == Part.HAIR).sum())
    if not (seen[left] or seen[right]):
        raise PhotoError(CUT_OFF if seen.any() or face else NO_PERSON)
    turned = bool(x[left] < x[right])  # the person's own left is on the right of a photo from the front
    if (turned and face < 0.5 * hair) or (hair > 400 and face < 0.03 * hair and not seen[Joint.NOSE]):
        raise PhotoError(FROM_BEHIND)
    if not (seen[left] and seen[right]):
        raise PhotoError(CUT_OFF)
    bottom = person.frame.to_grid(torch.tensor([0.0, float(person.photo.shape[-2])]))[1]
    shown = float(bottom - (y[left] + y[right]) / 2)
    if shown < 0.9 * float((x[left] - x[right]).abs()):
        raise PhotoError(CUT_OFF)


def _notes(person: Person) -> list[str]:
    """What a visitor should know about what the photo does not show."""
    notes = []
    limits = torch.tensor([person.photo.shape[-1], person.photo.shape[-2]])
    places = person.frame.to_photo(person.keypoints[:, :2])
    inside = ((places > 2) & (places < limits - 2)).all(-1)
    seen = (person.keypoints[:, 2] > SEEN) & inside
    arms = {
        "left": (Joint.LEFT_ELBOW, Joint.LEFT_WRIST),
        "right": (Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST),
    }
    for side, (elbow, wrist) in arms.items():
        missing = "arm" if not (seen[elbow] or seen[wrist]) else "hand" if not seen[wrist] else None
        if missing:
            where = "hidden" if inside[wrist] else "outside the picture"
            notes.append(f"Your {side} {missing} is {where}.")
    if not seen[[Joint.LEFT_HIP, Joint.RIGHT_HIP]].any():
        notes.append("Your hips are outside the picture, so the hem of a top may be cut off.")
    return notes
