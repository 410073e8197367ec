"""FlowNet, generator and discriminator, the room that uses them, and the batches they learn from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from dressing import garment, person, without
from torch import Tensor, nn

from fitting.conditions import (
    GARMENT_CHANNELS,
    SCENE_CHANNELS,
    garment_condition,
    joint_maps,
    of_scene,
    small_view,
)
from fitting.engine import Drawing, Engine, disagreement, spread
from fitting.flow_net import FlowNet, FlowNetConfig
from fitting.frame import NET
from fitting.gan import Game, GanConfig
from fitting.garment import GarmentNet
from fitting.generator import INPUTS, Discriminator, Generator, GeneratorConfig, generator_input
from fitting.painting import paint
from fitting.person import Joint, Part, Person, PersonNet
from fitting.room import MISFIT, UNSURE, FittingRoom
from fitting.scene import dress
from fitting.training.garment_data import GarmentTables
from fitting.training.loop import Stage
from fitting.training.tryon_choice import wearers
from fitting.training.tryon_data import TryOnBatches, depth_of
from fitting.training.tryon_flow import flow_loss, losses_of, outline, outline_loss
from fitting.training.tryon_game import lay_on
from fitting.training.tryon_tables import TryOnTables
from fitting.training.tryon_views import Deformation, grid_of, recoloured, sampled, view_of_person
from fitting.underlay import undress
from fitting.warp import warp

SMALL = FlowNetConfig(widths=(8, 8, 8, 16), layers=1, heads=2)


def engine() -> Engine:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Engine(FlowNet(SMALL), Generator(GeneratorConfig((8, 8, 8, 8))))


@pytest.fixture(scope="module")
def someone() -> Person:
    return person()


class Sure(Engine):
    """An engine whose flow is the identity and whose misfit is what the test says."""

    def __init__(self, misfit: float) -> None:
        self.misfit = misfit

    def draw(self, scene, under, garment, generate=True):  # type: ignore[no-untyped-def]
        inside = torch.ones(NET)
        blank = torch.zeros(2, *NET), inside, torch.zeros(11, *NET), torch.zeros(3, *NET), inside, inside
        return Drawing(*blank, self.misfit)


# --- networks -------------------------------------------------------------------------------------------------


def test_flow_net_answers_in_the_shapes_it_promises() -> None:
    net = FlowNet(SMALL).eval()
    with torch.no_grad():
        found = net(torch.rand(2, SCENE_CHANNELS, *NET), torch.rand(2, GARMENT_CHANNELS, *NET))
        coarse = net(torch.rand(2, SCENE_CHANNELS, *NET), torch.rand(2, GARMENT_CHANNELS, *NET), fine=False)
    assert found.flow.shape == coarse.flow.shape == (2, 2, *NET)
    assert found.mask.shape == (2, 1, 128, 96) and found.parts.shape == (2, len(Part), 128, 96)
    assert coarse.mask.shape == (2, 1, 64, 48)
    assert [flow.shape[-1] for flow in found.levels] == [12, 24, 48, 96]


def test_an_untrained_flow_leads_into_the_garments_view() -> None:
    """Places are a mean of the view's cells: from the first step on no colour is looked for outside."""
    net = FlowNet(SMALL).eval()
    with torch.no_grad():
        flow = net(torch.rand(1, SCENE_CHANNELS, *NET), torch.rand(1, GARMENT_CHANNELS, *NET)).flow
    torch.testing.assert_close(warp(torch.ones(1, 1, *NET), flow), torch.ones(1, 1, *NET))


def test_shipped_sizes_are_small() -> None:
    count = sum(p.numel() for net in (FlowNet(), Generator(), Discriminator()) for p in net.parameters())
    assert count < 4e6


def test_the_generator_starts_as_the_bare_warp() -> None:
    told = torch.rand(2, INPUTS, *NET)
    under, warped, mask = told[:, :3], told[:, 3:6], told[:, 7:8]
    drawn = Generator(GeneratorConfig((8, 8, 8, 8))).eval()(told)
    assert drawn.change.abs().max() == 0 and torch.equal(drawn.shade, torch.ones_like(drawn.shade))
    torch.testing.assert_close(drawn.alpha, mask.clamp(0.02, 0.98))
    out = drawn.over(under, warped, torch.ones_like(mask))
    torch.testing.assert_close(out, torch.lerp(under, warped, drawn.alpha))


def test_where_nothing_may_change_the_generator_changes_nothing() -> None:
    net = Generator(GeneratorConfig((8, 8, 8, 8)))
    nn.init.normal_(net.last.weight, generator=torch.Generator().manual_seed(0))
    under = torch.rand(1, 3, *NET)
    edit = torch.zeros(1, 1, *NET)
    edit[..., 100:150, 60:90] = 1
    out = net.eval()(torch.rand(1, INPUTS, *NET)).over(under, torch.rand(1, 3, *NET), edit)
    assert torch.equal(out[:, :, :100], under[:, :, :100])
    assert not torch.equal(out[:, :, 100:150, 60:90], under[:, :, 100:150, 60:90])


def test_a_discriminator_step_moves_the_discriminator_alone() -> None:
    generator, discriminator = Generator(GeneratorConfig((8, 8, 8, 8))), Discriminator()
    before = [p.clone() for p in generator.parameters()]
    told, scene = torch.rand(1, INPUTS, *NET), torch.rand(1, 4, *NET)
    game = Game(generator, discriminator, GanConfig("hinge"))
    held = discriminator.body[0].parametrizations.weight.original.clone()  # type: ignore[union-attr]
    game.discriminator_step(
        torch.rand(1, 3, *NET),
        lambda: generator(told).over(told[:, :3], told[:, 3:6], told[:, 8:9]),
        lambda picture: discriminator(picture, scene),
    )
    assert all(p.grad is None for p in generator.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, generator.parameters(), strict=True))
    assert not torch.equal(held, discriminator.body[0].parametrizations.weight.original)  # type: ignore[union-attr]


def test_the_discriminators_verdict_depends_on_the_scene() -> None:
    net, picture = Discriminator().eval(), torch.rand(1, 3, *NET)
    assert not torch.allclose(net(picture, torch.zeros(1, 4, *NET)), net(picture, torch.ones(1, 4, *NET)))


# --- conditions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tee", "trousers", "dress"])
def test_what_flow_net_is_told_does_not_depend_on_the_old_garments_colour(someone: Person, kind: str) -> None:
    scene = dress(someone, garment(kind).category)
    image = someone.image.clone()
    image[:, scene.hidden] = torch.rand(3, int(scene.hidden.sum()), generator=torch.Generator().manual_seed(0))
    other = dress(replace(someone, image=image), garment(kind).category)
    inside = scene.hidden & other.hidden
    assert torch.equal(scene.agnostic[:, inside], other.agnostic[:, inside])
    first, second = of_scene(scene, undress(scene)), of_scene(other, undress(other))
    assert first.shape == (1, SCENE_CHANNELS, *NET)
    assert (first != second).any(1).float().mean() < 0.02  # believed to lie beneath, to a few cells of skin


def test_flow_net_sees_a_body_where_the_old_garment_was(someone: Person) -> None:
    scene = dress(someone, garment("tee").category)
    parsing = of_scene(scene, undress(scene))[0, 20 : 20 + len(Part)].argmax(0)
    old = scene.old[1::2, 1::2]
    assert old.sum() > 2000 and not bool((parsing[old] == Part.UPPER).any())
    assert bool((parsing[old] == Part.ARMS).any()) and bool((parsing[old] == Part.SKIN).any())


def test_a_joint_that_was_not_seen_gives_no_spot(someone: Person) -> None:
    points = someone.keypoints.clone()[None]
    points[0, 5, 2] = 0
    maps = joint_maps(points)
    assert maps[0, 5].max() == 0
    row, column = divmod(int(maps[0, 6].argmax()), NET[1])
    assert abs(column + 0.5 - float(points[0, 6, 0]) / 2) < 1 and abs(row + 0.5 - float(points[0, 6, 1]) / 2) < 1


# --- drawing and painting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tee", "trousers", "dress"])
def test_a_painted_picture_is_the_photo_outside_the_edit_region(kind: str) -> None:
    large = person(size=(900, 1200))
    worn = garment(kind)
    scene = dress(large, worn.category)
    under = undress(scene)
    result = paint(scene, under, worn, engine().draw(scene, under, worn))
    outside = large.frame.enlarge((scene.edit_region > 0)[None].float())[0] == 0
    assert outside.float().mean() > 0.3
    assert torch.equal(result.picture[:, outside], large.photo[:, outside])
    assert torch.equal(result.picture[:, result.changed == 0], large.photo[:, result.changed == 0])


def test_the_same_photo_and_garment_give_the_same_picture(someone: Person) -> None:
    scene, worn, networks = dress(someone, garment("tee").category), garment("tee"), engine()
    under = undress(scene)
    first, second = (paint(scene, under, worn, networks.draw(scene, under, worn)).picture for _ in "ab")
    assert torch.equal(first, second)


def test_a_painted_garment_keeps_its_own_colours(someone: Person) -> None:
    """With the identity as flow, what shows is the garment's picture itself, pixel by pixel."""
    worn = garment("tee")
    scene = dress(someone, worn.category)
    result = paint(scene, undress(scene), worn, Sure(0.0).draw(scene, None, worn))
    solid = (result.warped[3] > 0.99).numpy()
    assert solid.sum() > 500
    picture = result.picture.permute(1, 2, 0).numpy()[solid].astype(int)
    colour = worn.image[:, worn.mask > 0.99].median(1).values * 255
    assert np.median(np.abs(picture - colour.numpy()).max(1)) < 6


# --- the room -------------------------------------------------------------------------------------------------


def test_the_room_falls_back_on_geometry_and_says_so(someone: Person) -> None:
    nets = PersonNet().eval(), GarmentNet().eval()
    doubtful = FittingRoom(*nets, Sure(MISFIT + 0.1)).try_on(someone, garment("tee"))
    plain = FittingRoom(*nets).try_on(someone, garment("tee"))
    sure = FittingRoom(*nets, Sure(0.0)).try_on(someone, garment("tee"))
    assert doubtful.picture.tobytes() == plain.picture.tobytes() != sure.picture.tobytes()
    assert UNSURE in doubtful.notes and UNSURE not in sure.notes


def test_a_picture_that_ends_above_the_knees_is_left_to_geometry(someone: Person) -> None:
    cut_short = without((Joint.LEFT_KNEE, Joint.RIGHT_KNEE), someone)
    nets = PersonNet().eval(), GarmentNet().eval()
    with_gan, plain = FittingRoom(*nets, Sure(0.0)), FittingRoom(*nets)
    for kind, geometric in (("trousers", True), ("dress", True), ("tee", False)):
        one, other = (room.try_on(cut_short, garment(kind)).picture.tobytes() for room in (with_gan, plain))
        assert (one == other) is geometric, kind
    whole = [room.try_on(someone, garment("trousers")).picture.tobytes() for room in (with_gan, plain)]
    assert whole[0] != whole[1]


def test_a_scene_is_prepared_once_for_all_who_want_it(someone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    room, prepared = FittingRoom(PersonNet().eval(), GarmentNet().eval()), []
    monkeypatch.setattr("fitting.wearers.undress", lambda scene: prepared.append(scene) or undress(scene))
    with ThreadPoolExecutor(4) as painters:
        worn = list(painters.map(lambda kind: room.try_on(someone, garment(kind)), ("tee", "trousers") * 2))
    assert sorted(scene.category.value for scene in prepared) == ["lower", "upper"]
    assert worn[0].picture.tobytes() == worn[2].picture.tobytes() != worn[1].picture.tobytes()
    alone = FittingRoom(PersonNet().eval(), GarmentNet().eval())
    for kind in ("tee", "trousers"):
        alone.try_on(someone, garment(kind))
    assert prepared[-1].body is prepared[-2].body, "one body, whatever it wears"


def test_a_caller_can_choose_the_engine(someone: Person) -> None:
    room = FittingRoom(PersonNet().eval(), GarmentNet().eval(), Sure(1.0))
    chosen = {name: room.try_on(someone, garment("tee"), engine=name).picture for name in ("gan", "geometric")}
    assert chosen["gan"].tobytes() != chosen["geometric"].tobytes()
    with pytest.raises(ValueError, match="engine must be one of"):
        room.try_on(someone, garment("tee"), engine="magic")
    with pytest.raises(ValueError, match="no engine"):
        FittingRoom(PersonNet().eval(), GarmentNet().eval()).try_on(someone, garment("tee"), engine="gan")


# --- what they learn from -------------------------------------------------------------------------------------


def test_a_deformation_knows_where_its_points_went() -> None:
    rng = np.random.default_rng(3)
    y, x = torch.meshgrid(torch.arange(NET[0]) + 0.5, torch.arange(NET[1]) + 0.5, indexing="ij")
    own = torch.stack([x / NET[1], y / NET[0]])
    mask = torch.zeros(NET)
    mask[60:200, 40:150] = 1
    for flip in (False, True):
        deformation = Deformation.random(rng, mask, flip, 1.0)
        moved = deformation.picture(torch.cat([own, mask[None]]))  # a picture whose colours are its own places
        there = deformation.where(own[:, 80:180:9, 60:130:7])
        seen = nn.functional.grid_sample(
            moved[None, :2], there.permute(1, 2, 0)[None] * 2 - 1, "bilinear", align_corners=False
        )
        inside = ((there > 0.03) & (there < 0.97)).all(0)
        assert inside.float().mean() > 0.8
        difference = (seen[0] - own[:, 80:180:9, 60:130:7]).abs().amax(0)
        assert float(difference[inside].max()) < 0.004


def test_joints_follow_the_view_of_the_person() -> None:
    from fitting.training.tryon_data import _seen_joints

    rng = np.random.default_rng(0)
    points = torch.tensor([[x * 14.0 + 70, 100 + 15.0 * x, 1.0] for x in range(17)])
    view = view_of_person(rng, False)
    moved = joint_maps(_seen_joints(points.numpy(), view, False)[None])[0]
    spots = sampled(joint_maps(points[None])[0], grid_of(view), "bilinear")
    for one, other in zip(moved, spots, strict=True):
        first, second = divmod(int(one.argmax()), NET[1]), divmod(int(other.argmax()), NET[1])
        assert abs(first[0] - second[0]) <= 1 and abs(first[1] - second[1]) <= 1


def test_dye_colours_garment_and_wearer_alike() -> None:
    rng = np.random.default_rng(1)
    colour = torch.rand(3, 1, 1).expand(3, *NET)
    cloth = torch.cat([colour, torch.ones(1, *NET)])
    cover = torch.zeros(1, *NET)
    cover[:, :100] = 1
    dyed, picture = recoloured(rng, cloth, colour.clone(), cover)
    torch.testing.assert_close(picture[:, :100], dyed[:3, :100])
    torch.testing.assert_close(picture[:, 100:], colour[:, 100:])


BODY = np.array(  # standing in the middle of the grid, the torso where the made-up garments are
    [
        *[(192, 70), (200, 64), (184, 64), (208, 70), (176, 70), (240, 150), (144, 150), (264, 230), (120, 230)],
        *[(268, 300), (116, 300), (220, 330), (164, 330), (220, 420), (164, 420), (220, 500), (164, 500)],
    ],
    np.float32,
)
BODY = np.concatenate([BODY, np.ones((17, 1), np.float32)], 1)


def people(count: int, laid: int, seed: int) -> TryOnTables:
    rng = np.random.default_rng(seed)
    shape = (count, *NET)
    worn = np.zeros(shape, np.uint8)
    worn[:, 80:180, 50:140] = 255
    places = np.full((count, *NET, 2), np.nan, np.float16)
    places[:, 80:180, 50:140] = rng.random((count, 100, 90, 2)) * 0.5 + 0.25
    hidden = np.zeros(shape, np.uint8)
    hidden[:, 60:200, 30:160] = 255
    parsing = np.where(worn > 0, int(Part.UPPER), 0).astype(np.uint8)
    product = np.zeros((count, *NET, 4), np.uint8)
    product[:, 60:200, 40:150] = 255
    photo = np.full((count, *NET, 3), 128, np.uint8)
    return TryOnTables(
        photo=photo,
        under=photo,
        edit=hidden,
        hidden=hidden,
        seen=parsing,
        truth=parsing,
        bare=parsing,
        worn=worn,
        keypoints=np.repeat(BODY[None], count, 0),
        category=np.zeros(count, np.int32),
        group=np.arange(count, dtype=np.int32) // 2,
        source=np.zeros(count, np.int32),
        places=places,
        product=product,
        laid_person=np.arange(laid, dtype=np.int32) % count,
        laid_garment=np.zeros(laid, np.int32),
        laid_places=places[:laid],
        laid_cover=worn[:laid],
    )


@pytest.fixture(scope="module")
def batches() -> TryOnBatches:
    picture, one = np.full((1, 256, 256, 3), 90, np.uint8), np.zeros(1, np.int32)
    mask = np.zeros((1, 256, 256), np.uint8)
    mask[:, 60:200, 60:200] = 255
    box = np.array([[60, 60, 200, 200]], np.int32)
    small = np.full((2, 128, 128, 3), 70, np.uint8)
    garments = GarmentTables(picture, mask, box, box, one, one, one, picture, small, small)
    tables = {"synthetic": people(4, 0, 0), "luma": people(4, 2, 1), "ccp": people(2, 2, 2)}
    return TryOnBatches(tables, garments)


def test_a_batch_depends_on_its_step_alone(batches: TryOnBatches) -> None:
    stage = Stage(10, 4, NET)
    first, again, other = batches(3, stage), batches(3, stage), batches(4, stage)
    for name, value in first.items():
        assert torch.equal(value.nan_to_num(), again[name].nan_to_num())
    assert not torch.equal(first["scene"], other["scene"])


def test_a_batch_shows_nothing_of_the_old_garment(batches: TryOnBatches) -> None:
    batch = batches(0, Stage(10, 6, NET))
    inside = batch["edit"][:, 0] > 0.99  # of the made-up people all of it is hidden
    assert bool((batch["scene"][:, :3].abs() < 0.02).all(1)[inside].all())


def test_flow_net_learns_one_batch(batches: TryOnBatches) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = FlowNet(SMALL)
    batch = batches(0, Stage(10, 2, (128, 96)))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    totals = []
    for _ in range(12):
        loss = torch.stack(list(losses_of(net, batch).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        totals.append(loss.item())
    assert totals[-1] < 0.75 * totals[0]


def test_scraps_and_what_is_worn_elsewhere_are_no_garments() -> None:
    table = people(4, 0, 0)
    table.worn[1, :, 85:115] = table.worn[1, 110:140] = 0  # in four pieces
    table.worn[2] = np.roll(table.worn[2], 70, 1)  # beside the body
    table.worn[3] = 0
    assert wearers(table) == [0]


def test_a_flow_is_drawn_towards_the_outline_that_is_seen() -> None:
    """A garment laid on too high: the loss must fall as it comes down, also where no flow is known."""
    mask = torch.zeros(NET)
    mask[60:160, 50:140] = 1
    depth = depth_of(mask)[None]
    cover = torch.zeros(1, 1, *NET)
    cover[..., 70:170, 50:140] = 1
    parts = torch.where(cover[:, 0] > 0.5, int(Part.UPPER), int(Part.LEGS))
    batch = {"depth": depth, "parts": parts, "edit": torch.ones(1, 1, *NET)}

    def loss(up: float) -> float:
        flow = torch.zeros(1, 2, *NET)
        flow[:, 1] = up
        return float(outline_loss(outline(depth, flow, 2), cover[..., ::2, ::2], batch))

    losses = [loss(up) for up in (0.0, -5.0, -10.0)]
    assert losses[0] > losses[1] > losses[2]


def test_misfit_is_what_two_maps_do_not_share() -> None:
    one, other = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    one[..., :2, :], other[..., 1:3, :] = 1, 1
    assert disagreement(one, one) == 0
    assert disagreement(one, other) == pytest.approx(2 / 3)


def test_flow_loss_is_nothing_for_the_truth_and_ignores_what_is_unknown(batches: TryOnBatches) -> None:
    truth = torch.zeros(1, 2, *NET)
    truth[..., :40] = float("nan")
    net = FlowNet(SMALL).eval()
    with torch.no_grad():
        found = net(torch.rand(1, SCENE_CHANNELS, *NET), torch.rand(1, GARMENT_CHANNELS, *NET))
    still = replace(found, levels=tuple(torch.zeros_like(flow) for flow in found.levels))
    assert float(flow_loss(still, truth, torch.ones(1))) == pytest.approx(0, abs=1e-6)
    wild = replace(still, levels=tuple(flow.clone() for flow in still.levels))
    for flow in wild.levels:
        flow[..., : flow.shape[-1] // 6] = 1e3
    assert float(flow_loss(wild, truth, torch.ones(1))) == pytest.approx(0, abs=1e-6)


def test_what_is_laid_on_in_training_is_what_the_engine_lays_on(someone: Person) -> None:
    """Training and the app must tell the generator the same of the same scene and garment."""
    worn, networks = garment("tee"), engine()
    scene = dress(someone, worn.category)
    under = undress(scene)
    told: list[Tensor] = []
    networks.generator.register_forward_pre_hook(lambda module, given: told.append(given[0]))
    networks.draw(scene, under, worn)
    view = small_view(worn)
    before = nn.functional.avg_pool2d(torch.lerp(someone.image, under.image, under.change)[None], 2)
    batch = {
        "scene": of_scene(scene, under),
        "garment": garment_condition(view[:, :3], view[:, 3:]),
        "cloth": spread(view),
        "under": before,
        "edit": nn.functional.avg_pool2d(scene.edit_region[None, None], 2),
    }
    laid = lay_on(networks.flow_net, batch)
    assert (laid.told - told[0]).abs().mean() < 0.02  # one of them in half precision
    assert generator_input(*[torch.zeros(1, n, *NET) for n in (3, 4, 1, 1, 11, 17)]).shape[1] == INPUTS
