"""A fitting room whose work is done elsewhere: the same results, and what happens when nothing answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import torch
from fakes import FakeRoom, recommender, wardrobe
from PIL import Image, ImageChops
from safetensors.torch import save

from fitting.cluster import wire
from fitting.cluster.answering import answered, dressing, looking
from fitting.cluster.calling import MARK, Line
from fitting.cluster.recommending import Advice, RemoteRecommender
from fitting.cluster.remote_room import RemoteRoom
from fitting.cluster.wire import Message
from fitting.errors import AwayError, GarmentError, PhotoError, ShopError
from fitting.events import Event, EventKind
from fitting.frame import GRID, Frame
from fitting.garment import Category, Garment
from fitting.images import to_tensor, to_unit
from fitting.person import Person
from fitting.recommender import Request
from fitting.room import AWAY, FittingRoom, TryOn

ASSETS = Path(__file__).resolve().parent.parent / "assets"


class Service:
    """Services in this process, behind a line. `lost` answers are lost on the way; `status` stands in front."""

    def __init__(self, answers: dict[str, Callable[[Message], Message]]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.lost = 0
        self.status = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.lost:
            self.lost -= 1
            raise httpx.RemoteProtocolError("the connection was closed", request=request)
        if self.status:
            return httpx.Response(self.status, text="Internal Server Error")
        status, content = answered(self.answers, request.url.path.rpartition("/")[2], request.content)
        return httpx.Response(status, content=content, headers={MARK: "1"})

    def line(self) -> Line:
        return Line("http://room.test", transport=httpx.MockTransport(self))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitting.cluster.calling.PAUSE", 0.0)


@pytest.fixture
def service() -> Service:
    room = FakeRoom()
    return Service({**looking(room), **dressing(room)})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def real() -> FittingRoom:
    return FittingRoom.load(remembered=0)


@pytest.fixture
def photo() -> Image.Image:
    with Image.open(sorted((ASSETS / "people").glob("*.jpg"))[0]) as image:
        return image.convert("RGB")


@pytest.fixture
def picture() -> Image.Image:
    with Image.open(sorted((ASSETS / "garments").glob("*.jpg"))[0]) as image:
        return image.convert("RGB")


def same(one: TryOn, other: TryOn) -> bool:
    pictures = [(one.picture, other.picture), (one.edit_region, other.edit_region)]
    laid = (one.warped.getchannel("A"), other.warped.getchannel("A"))
    return one.notes == other.notes and not any(ImageChops.difference(*pair).getbbox() for pair in [*pictures, laid])


def test_the_same_room_elsewhere_gives_the_same_pictures(
    real: FittingRoom, photo: Image.Image, picture: Image.Image
) -> None:
    away = RemoteRoom(Service({**looking(real), **dressing(real)}).line())  # type: ignore[dict-item]
    person, there = real.understand_person(photo), away.understand_person(photo)
    for name, value in vars(person).items():
        found = getattr(there, name)
        assert torch.equal(value, found) if isinstance(value, torch.Tensor) else value == found, name
    garment, known = real.understand_garment(picture), away.understand_garment(picture)
    assert torch.equal(garment.image, known.image) and torch.equal(garment.embedding, known.embedding)
    made = away.try_on(there, known, "outer", engine="gan", over=True)
    assert same(made, real.try_on(person, garment, "outer", engine="gan", over=True))
    assert made.warped.size == photo.size and made.category is Category.OUTER
    assert not real.wearers, "whoever works for others remembers nobody"


def test_stages_are_told_and_every_part_is_shown(service: Service, photo: Image.Image, picture: Image.Image) -> None:
    away, stages = RemoteRoom(service.line()), list[str]()
    made = away.try_on(photo, picture, progress=stages.append)
    assert stages == ["person", "garment", "warp", "compose"] and set(made.seconds) == {*stages, "network"}
    here = FakeRoom()
    assert same(made, here.try_on(photo, picture))
    for name, shown in here.explain(photo, picture).items():
        assert not ImageChops.difference(shown, away.explain(photo, picture)[name]).getbbox()


def test_a_photo_is_sent_once_until_it_is_forgotten(service: Service, photo: Image.Image) -> None:
    away = RemoteRoom(service.line())
    first = away.understand_person(photo)
    assert away.understand_person(photo) is first and service.asked == ["/understand/person"]
    away.forget(first)
    away.understand_person(photo)
    assert len(service.asked) == 2


def test_what_a_visitor_can_mend_is_told_as_it_was(service: Service, photo: Image.Image) -> None:
    away = RemoteRoom(service.line())
    with pytest.raises(PhotoError, match="No person was found"):
        away.understand_person(Image.new("RGB", (300, 400)))
    with pytest.raises(GarmentError, match="shows no garment"):
        away.understand_garment(Image.new("RGB", (300, 400)))
    with pytest.raises(RuntimeError, match="its log says why") as broke:
        away.understand_person(Image.new("RGB", (300, 400), "white"))
    assert "secret" not in str(broke.value)
    with pytest.raises(ValueError, match="engine must be one of"):
        away.try_on(photo, photo, engine="steam")
    with pytest.raises(PhotoError, match="cannot be opened"):
        away.understand_person(b"nonsense")
    assert service.asked == ["/understand/person", "/understand/garment", "/understand/person"]


def test_what_was_lost_is_asked_once_more_and_then_a_sentence_is_said(service: Service, photo: Image.Image) -> None:
    away = RemoteRoom(service.line())
    service.lost = 1
    away.understand_person(photo)
    assert len(service.asked) == 2 and away.line.asked_again == 1
    service.lost = 2
    with pytest.raises(AwayError, match=AWAY):
        away.understand_garment(photo)
    assert len(service.asked) == 4
    service.lost, service.status = 0, 500  # said by what stands in front of the replicas
    with pytest.raises(AwayError, match=AWAY):
        away.understand_garment(photo)
    assert len(service.asked) == 6
    service.status = 503  # too many are waiting: asking again would make it worse
    with pytest.raises(AwayError, match=AWAY):
        away.understand_garment(photo)
    assert len(service.asked) == 7


def test_a_room_that_cannot_be_used_is_said_at_the_start(service: Service) -> None:
    service.line().check()
    service.status = 404
    with pytest.raises(ShopError, match=r"fitting room at http://room.test cannot be used: The fitting room does not"):
        service.line().check()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        save({"about": torch.zeros(3, dtype=torch.uint8)}),
        save({"about": torch.frombuffer(bytearray(b"[1]"), dtype=torch.uint8)}),
        Message({"pixels": torch.zeros(3, 4, 5)}).to_bytes(),
        Message({"pixels": torch.zeros(0, 4, 5, dtype=torch.uint8)}).to_bytes(),
        Message(about={"person": 1}).to_bytes(),
    ],
)
def test_a_message_that_is_none_is_refused(service: Service, content: bytes) -> None:
    for question in ("person", "garment", "try-on", "explain"):
        status, answer = answered(service.answers, question, content)
        assert status == 400 and Message.from_bytes(answer).about["kind"] == ""
    assert answered(service.answers, "secrets", content)[0] == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image", torch.full((3, *GRID), torch.nan)),
        ("matte", torch.zeros(3, 4)),
        ("parsing", torch.full(GRID, 77, dtype=torch.uint8)),
        ("keypoints", None),
        ("frame", [0, 0, 10**9, 10**9]),
        ("frame", [0, 0, 300, 300]),
        ("frame", [0, 0, 3.5]),
    ],
)
def test_a_person_that_cannot_be_is_refused(name: str, value: object) -> None:
    empty = torch.zeros(GRID)
    pixels = torch.zeros(3, 400, 300, dtype=torch.uint8)
    person = Person(pixels, Frame(0, 0, 300, 400), torch.zeros(3, *GRID), empty.long(), torch.zeros(17, 3), empty)
    good = wire.of_person(person)
    assert torch.equal(wire.person_of(Message.from_bytes(good.to_bytes())).photo, pixels)
    tensors, about = dict(good.tensors), dict(good.about)
    if isinstance(value, torch.Tensor):
        tensors[name] = value
    elif value is None:
        del tensors[name]
    else:
        about[name] = value
    with pytest.raises(ValueError, match="the message's"):
        wire.person_of(Message(tensors, about))


def test_a_garment_of_8_bits_travels_in_8_bits_and_no_other_loses_any() -> None:
    grey = to_unit(torch.randint(0, 256, (3, 40, 30), dtype=torch.uint8))
    shop = Garment(grey, grey[0], Category.OUTER, torch.ones(128), True, ("A note.",))
    own = Garment(torch.rand(3, 40, 30), torch.rand(40, 30), Category.UPPER, torch.ones(128))
    for garment, kind in ((shop, torch.uint8), (own, torch.float32)):
        message = Message.from_bytes(wire.of_garment(garment).to_bytes())
        assert message.tensors["image"].dtype is message.tensors["mask"].dtype is kind
        back = wire.garment_of(message)
        assert torch.equal(back.image, garment.image) and torch.equal(back.mask, garment.mask)
        assert (back.category, back.worn, back.notes) == (garment.category, garment.worn, garment.notes)


def test_of_a_try_on_only_what_changed_travels() -> None:
    photo = Image.effect_noise((300, 400), 90).convert("RGB")
    picture, region, laid = photo.copy(), Image.new("L", photo.size), Image.new("RGBA", photo.size)
    picture.paste("#c22020", (100, 120, 180, 200))
    region.paste(255, (100, 120, 180, 200))
    laid.paste((194, 32, 32, 128), (90, 130, 120, 150))
    whole = TryOn(picture, region, laid, Category.UPPER, ("A note.",), {"warp": 0.5})
    content = wire.of_try_on(whole).to_bytes()
    assert len(content) < 90 * 80 * 8 + 1000
    back = wire.try_on_of(Message.from_bytes(content), to_tensor(photo))
    assert same(whole, back) and back.seconds == whole.seconds
    assert not ImageChops.difference(whole.warped, back.warped).getbbox()
    with pytest.raises(ValueError, match="larger than the photo"):
        wire.try_on_of(Message.from_bytes(content), to_tensor(photo)[:, :150])


class _OneShop:
    """A shop of one catalogue, in which anna bought something before."""

    def __init__(self, folder: Path) -> None:
        self.now = wardrobe(folder)
        self.store = self
        self.known = [Event("anna", "upper-1", EventKind.BOUGHT, 1.0)]

    def catalogue(self) -> object:
        return self.now

    def events(self, shopper: str | None = None) -> list[Event]:
        return [event for event in self.known if shopper in (None, event.shopper)]


@pytest.fixture
def advice(tmp_path: Path) -> Iterator[tuple[_OneShop, Service]]:
    shop = _OneShop(tmp_path)
    yield shop, Service(dict(Advice(shop, lambda catalogue, events: recommender(catalogue)).answers()))  # type: ignore[arg-type]


def test_the_same_recommender_elsewhere_gives_the_same_shelves(advice: tuple[_OneShop, Service]) -> None:
    shop, service = advice
    here, away = recommender(shop.now), RemoteRecommender(service.line(), shop.now)
    for known in (here, away):
        known.note(Event("bob", "upper-2", EventKind.TRIED, 5.0))
        known.note(Event("bob", "dress-1", EventKind.LIKED, 6.0))
        known.note(Event("bob", "nothing", EventKind.LIKED, 6.0))
    asked = Request("bob", "upper-3", None, 4)
    assert away.shelves(asked, 9.0) == here.shelves(asked, 9.0)
    assert away.recommend(asked, 9.0) == here.recommend(asked, 9.0)
    assert away.attended(asked, 9.0) == here.attended(asked, 9.0)
    assert torch.equal(away.drawn(asked, 3, 9.0), here.drawn(asked, 3, 9.0))
    with pytest.raises(KeyError):
        away.recommend(Request("bob", "nothing"))
    away.forget("bob")
    here.forget("bob")
    assert away.recommend(asked, 9.0) == here.recommend(asked, 9.0)
    assert "upper-1" not in [entry.item.id for entry in away.recommend(Request("anna", count=50))], "bought before"


def test_nothing_of_a_visitor_stays_with_the_recommender(advice: tuple[_OneShop, Service]) -> None:
    shop, service = advice
    built = Advice(shop, lambda catalogue, events: recommender(catalogue))  # type: ignore[arg-type]
    service.answers = dict(built.answers())
    away = RemoteRecommender(service.line(), shop.now)
    away.note(Event("bob", "upper-2", EventKind.TRIED, 5.0))
    away.recommend(Request("bob"))
    assert built.recommender()._histories == {}
    assert json.dumps(dict(away._ask("items", Request("bob"), None, explain=True).about)).count("bob") == 0
