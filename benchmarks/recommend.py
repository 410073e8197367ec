"""How long a recommendation takes in a catalogue of 100,000 items, and how training grows.

    python benchmarks/recommend.py --json benchmarks/recommend.json

Rows take turns on the same visitors, so that whatever else the machine does slows all of them alike; where it does
much, `median_cpu_ms` tells more than the clock. `recommendation` is everything from a visitor's id to a shelf of 8
items without reasons; `generation_and_search` is the part of it that makes the draws and looks up their nearest
items. Beside it: one exact search by NumPy (a product and a partial sort), and `implicit`'s recommend from 64 factors,
each for one visitor too. The embeddings lie in clusters, as those of garments do; shoppers are made up. Nothing here
measures quality, and the networks' time does not depend on what they have learned: without shipped weights they are
untrained.

`--growth` instead measures a training step, the making of the linear model, and peak memory at 1,000 items with 20,000
events, at 10 and at 100 times as much, each in a process of its own. `training_seconds` is a whole training reckoned
from them: all the plan's steps, twice (once for the weights of the blend), and two linear models.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.catalogue import Catalogue
from fitting.collaborative import collaborative
from fitting.condition import KINDS
from fitting.errors import WeightsError
from fitting.events import Event
from fitting.garment import Category
from fitting.histories import History, interactions
from fitting.item import Item
from fitting.ranking import draw
from fitting.recommend import Taste
from fitting.recommender import Recommender, Request
from fitting.training.choices import Visits
from fitting.training.recommend import RecommendGame
from fitting.training.recommend_shop import PLAN, SHAPE

ITEMS, SHOPPERS, EACH = 100_000, 10_000, 20
WARM_UP, ROUNDS = 10, 300
NOW = 1.8e9
SIZES = ((1_000, 20_000), (10_000, 200_000), (100_000, 2_000_000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the numbers go; without it they are only shown")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--weights", type=Path, default=None, help="of a recommender; the shipped ones by default")
    parser.add_argument("--growth", action="store_true", help="measure how training grows instead")
    parser.add_argument("--alone", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.alone:
        numbers = training(*options.alone)
    elif options.growth:
        numbers = {f"{items}_items_{events}_events": apart(items, events, options.threads) for items, events in SIZES}
    else:
        numbers = serving(options.items, options.rounds, options.weights)
    numbers |= {"threads": options.threads, "torch": torch.__version__, "machine": platform.machine()}
    text = json.dumps(numbers, indent=2) + "\n"
    if options.json:
        options.json.write_text(text)
    sys.stdout.write(text)


def embeddings(items: int) -> np.ndarray:
    """(N, 128) float32 of unit length, in clusters."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((200, 128)).astype(np.float32)
    found = centres[random.integers(200, size=items)] + 0.5 * random.standard_normal((items, 128)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def catalogue(items: int) -> Catalogue:
    kinds = tuple(Category)
    made = [Item(f"i{n}", f"Item {n}", kinds[n % len(kinds)], Path("i.jpg"), added=NOW) for n in range(items)]
    return Catalogue(made, "", embeddings(items))


def serving(items: int, rounds: int, weights: Path | None) -> dict[str, Any]:
    """Milliseconds of a recommendation and of what it is compared with."""
    random = np.random.default_rng(1)
    shop = catalogue(items)
    bought = random.integers(items, size=(SHOPPERS, EACH))
    kinds = random.integers(len(KINDS), size=(SHOPPERS, EACH))
    events = [
        Event(f"s{shopper}", f"i{bought[shopper, k]}", KINDS[kinds[shopper, k]], NOW - 86400.0 * (EACH - k))
        for shopper in range(SHOPPERS)
        for k in range(EACH)
    ]
    try:
        recommender = Recommender.load(shop, events, weights)
        trained = True
    except WeightsError:  # none have shipped: the time is the same
        recommender, trained = Recommender(_untrained(shop), shop, events), False
    work = rows(recommender, bought, items)
    clock: dict[str, list[float]] = {name: [] for name in work}
    cpu: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(WARM_UP + rounds):
        shopper = int(random.integers(SHOPPERS))
        for name, run in work.items():
            since, before = time.perf_counter(), time.process_time()
            run(shopper)
            if turn >= WARM_UP:
                clock[name].append(1000 * (time.perf_counter() - since))
                cpu[name].append(1000 * (time.process_time() - before))
    found = {
        name: {
            "median_ms": round(float(np.median(clock[name])), 2),
            "p99_ms": round(float(np.percentile(clock[name], 99)), 2),
            "median_cpu_ms": round(float(np.median(cpu[name])), 2),
        }
        for name in work
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"rows": found, "items": items, "rounds": rounds, "trained": trained, "peak_memory_mb": peak}


def _untrained(shop: Catalogue) -> Taste:
    taste = Taste(SHAPE)
    taste.learn_whitening(torch.from_numpy(shop.vectors[:5000]))
    return taste.eval()


def rows(recommender: Recommender, bought: np.ndarray, items: int) -> dict[str, Callable[[int], object]]:
    """What is timed: each does its work for one shopper."""
    vectors = recommender.catalogue.vectors
    random = np.random.default_rng(2)
    factors = random.standard_normal((items, 64)).astype(np.float32)
    shoppers = random.standard_normal((SHOPPERS, 64)).astype(np.float32)
    owner = np.repeat(np.arange(SHOPPERS), EACH)
    owned = sparse.csr_matrix((np.ones(owner.size, np.float32), (owner, bought.ravel())), shape=(SHOPPERS, items))

    @torch.inference_mode()
    def generate(shopper: int) -> object:
        request = Request(f"s{shopper}", f"i{shopper % items}", Category.UPPER)
        history = recommender._history(request)
        condition = recommender._condition(request, history, shopper % items, NOW)
        drawn = draw(recommender.taste, condition, recommender.serving.draws, 0)[0].numpy()
        return recommender._index.search(drawn, recommender.serving.near, Category.UPPER)

    def exact(shopper: int) -> object:
        scores = vectors @ vectors[shopper % items]
        near = np.argpartition(-scores, 20)[:20]
        return near[np.argsort(-scores[near])]

    found: dict[str, Callable[[int], object]] = {
        "recommendation": lambda n: recommender.recommend(Request(f"s{n}"), NOW, explain=False),
        "recommendation_of_a_category": lambda n: recommender.recommend(
            Request(f"s{n}", f"i{n % items}", Category.UPPER), NOW, explain=False
        ),
        "recommendation_with_reasons": lambda n: recommender.recommend(Request(f"s{n}"), NOW),
        "generation_and_search": generate,
        "numpy_exact_search": exact,
    }
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ImportError:
        return found
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    model = AlternatingLeastSquares(64, num_threads=1)
    model.user_factors, model.item_factors = shoppers, factors
    return found | {"implicit_recommend": lambda n: model.recommend(n, owned[n], N=20)}


def apart(items: int, events: int, threads: int) -> dict[str, Any]:
    """`training` in a process of its own, for its memory."""
    command = [sys.executable, __file__, "--alone", str(items), str(events), "--threads", str(threads)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def training(items: int, events: int) -> dict[str, Any]:
    """Seconds of a training step and of the linear model, and peak memory."""
    random = np.random.default_rng(3)
    found = []
    for _ in range(events // EACH):
        at = np.sort(NOW - random.random(EACH) * 3e7)
        found.append(History(random.integers(items, size=EACH), random.integers(len(KINDS), size=EACH), at))
    vectors = torch.from_numpy(embeddings(items))
    taste = Taste(SHAPE)
    taste.learn_whitening(vectors[:5000])
    source = Visits(found, taste.features(vectors), np.arange(items) % len(Category) + 1)
    game = RecommendGame(source, SHAPE, PLAN)
    game.step(0)
    since, before = time.perf_counter(), time.process_time()
    for step in range(1, 21):
        game.step(step)
    step_seconds, step_cpu = (time.perf_counter() - since) / 20, (time.process_time() - before) / 20
    since = time.perf_counter()
    collaborative(interactions(found, items))
    linear_seconds = time.perf_counter() - since
    return {
        "step_seconds": round(step_seconds, 4),
        "step_cpu_seconds": round(step_cpu, 4),
        "linear_model_seconds": round(linear_seconds, 2),
        "training_seconds": round(2 * (step_seconds * PLAN.plan.steps + linear_seconds)),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    main()
