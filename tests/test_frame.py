"""The frame: what is cut out comes back to where it was."""

import pytest
import torch

from fitting.frame import GRID, Frame


def test_whole_holds_the_photo_and_is_three_to_four() -> None:
    for height, width in ((1600, 1200), (400, 900), (900, 300)):
        frame = Frame.whole(height, width)
        assert frame.left <= 0 and frame.top <= 0
        assert frame.left + frame.width >= width and frame.top + frame.height >= height
        assert abs(frame.width / frame.height - 0.75) < 0.01


def test_cut_then_place_restores_a_smooth_photo() -> None:
    y, x = torch.meshgrid(torch.linspace(0, 1, 300), torch.linspace(0, 1, 260), indexing="ij")
    photo = torch.stack([x, y, (x + y) / 2])
    frame = Frame.whole(300, 260)
    back = frame.place(frame.cut(photo), 300, 260)
    assert back.shape == photo.shape
    assert (back - photo).abs()[:, 2:-2, 2:-2].max() < 0.01


def test_place_leaves_everything_outside_the_frame_at_fill() -> None:
    frame = Frame(50, 40, 60, 80)
    placed = frame.place(torch.ones(1, *GRID), 200, 200, fill=-1.0)
    assert torch.allclose(placed[0, 40:120, 50:110], torch.ones(80, 60))
    assert int((placed == -1).sum()) == 200 * 200 - 60 * 80


def test_points_go_to_the_grid_and_back() -> None:
    frame = Frame(-13, 7, 300, 400)
    points = torch.tensor([[0.0, 0.0], [100.5, 220.25], [-13.0, 7.0]])
    assert torch.allclose(frame.to_photo(frame.to_grid(points)), points, atol=1e-4)
    assert torch.equal(frame.to_grid(torch.tensor([-13.0, 7.0])), torch.zeros(2))


def test_a_frame_beside_the_photo_is_refused() -> None:
    with pytest.raises(ValueError, match="does not touch"):
        Frame(500, 500, 30, 40).cut(torch.zeros(3, 100, 100))


def test_outside_the_photo_repeats_its_edge_or_takes_the_fill() -> None:
    photo = torch.zeros(1, 40, 30)
    photo[:, 0] = 1.0
    frame = Frame(0, -40, 60, 80)
    assert frame.cut(photo, (80, 60))[0, 0, 10] == 1
    assert frame.cut(photo, (80, 60), fill=0.5)[0, 0, 10] == 0.5
