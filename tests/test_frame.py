"""The frame: what is cut out comes back to where it was."""

import pytest
import torch
from torch.nn import functional as F

from fitting.frame import GRID, NET, Frame, Window


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


def test_a_large_photo_cut_in_bands_is_what_padding_it_whole_would_give() -> None:
    photo = torch.rand(3, 700, 500, generator=torch.Generator().manual_seed(4))
    for frame in (Frame.whole(700, 500), Frame(-60, 90, 600, 800), Frame(120, -200, 480, 640)):
        rows, columns, view = frame.part_of(700, 500)
        for fill in (None, 0.25):
            pads = view[1].start, frame.width - view[1].stop, view[0].start, frame.height - view[0].stop
            mode = "replicate" if fill is None else "constant"
            whole = F.pad(photo[None, :, rows, columns], pads, mode=mode, value=fill or 0.0)
            wanted = F.interpolate(whole, size=NET, mode="bilinear", align_corners=False, antialias=True)[0]
            assert torch.allclose(frame.cut(photo, NET, fill), wanted, atol=1e-5)


def test_bytes_are_cut_as_floats_are() -> None:
    photo = torch.randint(0, 256, (3, 500, 420), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    frame = Frame.whole(500, 420)
    for size in (NET, GRID):
        assert torch.allclose(frame.cut(photo, size) / 255, frame.cut(photo.float() / 255, size), atol=1e-5)


def test_inside_is_the_share_of_a_cell_that_shows_the_photo() -> None:
    for frame in (Frame.whole(300, 280), Frame(-33, 51, 300, 400), Frame(40, 30, 60, 80)):
        wanted = frame.cut(torch.ones(1, 300, 280), fill=0.0)[0]
        assert torch.allclose(frame.inside(300, 280), wanted, atol=1e-5)


FRAMES = (
    Frame(-13, 7, 900, 1200),
    Frame(-30, -40, 960, 1280),
    Frame(40, -60, 780, 1040),
    Frame(10, 20, 150, 200),
    Frame(0, 0, 384, 512),
)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{frame.width} wide")
def test_a_window_is_enlarged_as_the_whole_is(frame: Frame) -> None:
    maps = torch.rand(2, *GRID, generator=torch.Generator().manual_seed(6))
    region = torch.zeros(GRID)
    region[130:300, 90:210] = 1
    window = frame.window(region, 900, 700)
    assert window is not None
    wanted = frame.place(maps, 900, 700)[:, window.rows, window.columns]
    assert torch.allclose(window.enlarge(maps), wanted, atol=1e-4)
    bands = list(window.bands(9000))
    assert torch.allclose(torch.cat([band.enlarge(maps) for band in bands], 1), wanted, atol=1e-4)
    assert all(band.size[0] * band.size[1] <= 9000 for band in bands)
    enlarged = window.enlarger(maps)
    assert torch.allclose(torch.cat([enlarged(band) for band in bands], 1), wanted, atol=1e-4)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{frame.width} wide")
@pytest.mark.parametrize("size", [GRID, NET, (61, 45)])
def test_a_window_holds_whatever_is_not_nought(frame: Frame, size: tuple[int, int]) -> None:
    region = torch.zeros(size)
    region[size[0] // 3, size[1] // 4] = 0.5
    region[size[0] // 2, size[1] // 3] = 1e-3
    window = frame.window(region, 900, 700)
    assert window is not None
    placed = frame.place(region[None], 900, 700)[0] > 0
    rows, columns = placed.any(1).nonzero().flatten(), placed.any(0).nonzero().flatten()
    cell = max(frame.height / size[0], 1)
    for side, found in ((window.rows, rows), (window.columns, columns)):
        assert side.start <= found[0] and found[-1] < side.stop
        assert found[0] - side.start <= cell + 2 and side.stop - found[-1] <= cell + 3


def test_no_region_no_window() -> None:
    frame = Frame(0, -400, 600, 800)
    region = torch.zeros(GRID)
    assert frame.window(region, 800, 600) is None
    region[:200] = 1  # above the photo's upper edge
    assert frame.window(region, 800, 600) is None


def test_windows_meet() -> None:
    frame = Frame(5, 5, 60, 80)
    one, other = Window(frame, slice(10, 40), slice(20, 60)), Window(frame, slice(30, 70), slice(50, 65))
    both = one.meet(other)
    assert both == Window(frame, slice(30, 40), slice(50, 60))
    assert both.place_in(one) == (slice(20, 30), slice(30, 40))
    assert one.meet(Window(frame, slice(40, 50), slice(20, 60))) is None
