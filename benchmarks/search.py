"""How long the catalogue's search takes, beside alternatives, at 1,000 to 1,000,000 items.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/search.py --json benchmarks/search.json

Every row answers the same queries in turn, so that whatever else the machine does slows all of them alike; where it
does much, `median_cpu_ms` tells more than the clock. The embeddings are 128 numbers long and lie in clusters, as
those of garments do; a query is an item with some noise. Rows whose package is not installed, or that would take too
long to build at a size, say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fitting.catalogue import Catalogue
from fitting.garment import Category
from fitting.item import Item
from fitting.milvus import MilvusIndex

DIMENSIONS = 128
COUNT = 10  # items wanted
BATCH = 16  # queries at once, as a recommendation asks them
KINDS = tuple(Category)
Search = Callable[[np.ndarray], list[int]]  # (D,) -> places of the nearest items, best first


@dataclass(frozen=True)
class Row:
    """A way to search.

    Attributes:
        build: the search of a catalogue; what it opens is closed with the stack.
        needs: a module that it imports.
        most: items beyond which building it is not worth the wait here.
    """

    build: Callable[[Catalogue, ExitStack], Search]
    needs: str = "numpy"
    most: int = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the numbers go")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=200, help="of every row at every size")
    options = parser.parse_args()
    numbers: dict[str, Any] = {
        "count": COUNT,
        "dimensions": DIMENSIONS,
        "queries": options.queries,
        "batch": BATCH,
        "cpus": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "load_before": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "items": {},
    }
    for size in options.sizes:
        numbers["items"][str(size)] = measure(size, options.queries)
        options.json.write_text(json.dumps(numbers, indent=2) + "\n")


def measure(size: int, queries: int) -> dict[str, Any]:
    """Every row at one size."""
    random = np.random.default_rng(size)
    vectors = clustered(size, random)
    asked = noisy(vectors[random.integers(0, size, queries)], random)
    catalogue = catalogue_of(vectors)
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        searches: dict[str, Search] = {}
        for name, row in ROWS.items():
            if importlib.util.find_spec(row.needs) is None:
                found[name] = {"left_out": f"{row.needs} is not installed"}
            elif size > row.most:
                found[name] = {"left_out": f"not built beyond {row.most} items"}
            else:
                start = time.perf_counter()
                searches[name] = row.build(catalogue, stack)
                found[name] = {"build_seconds": round(time.perf_counter() - start, 2)}
        for name, result in race(searches, asked).items():
            found[name] |= result
    found["process_peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def race(searches: dict[str, Search], asked: np.ndarray) -> dict[str, dict[str, float]]:
    """Milliseconds by the clock and of processor time, and recall, of every search; they take turns."""
    for search in searches.values():
        search(asked[0])
    spent: dict[str, list[float]] = {name: [] for name in searches}
    worked: dict[str, list[float]] = {name: [] for name in searches}
    hits = dict.fromkeys(searches, 0)
    for query in asked:
        truth: set[int] = set()
        for name, search in searches.items():
            start, begun = time.perf_counter(), time.process_time()
            places = search(query)
            spent[name].append(1000 * (time.perf_counter() - start))
            worked[name].append(1000 * (time.process_time() - begun))
            truth = truth or set(places)  # of the first row, which is exact
            hits[name] += len(truth & set(places))
    return {
        name: {
            "median_ms": round(float(np.median(times)), 3),
            "p99_ms": round(float(np.quantile(times, 0.99)), 3),
            "median_cpu_ms": round(float(np.median(worked[name])), 3),
            **({} if name in ALIKE else {"recall": round(hits[name] / (COUNT * len(asked)), 4)}),
        }
        for name, times in spent.items()
    }


def clustered(count: int, random: np.random.Generator) -> np.ndarray:
    """(N, D) float32, unit length, around a centre for every thousand items or so."""
    centres = random.normal(size=(max(count // 1000, 8), DIMENSIONS)).astype(np.float32)
    vectors = centres[random.integers(0, len(centres), count)]
    for start in range(0, count, 100_000):
        part = vectors[start : start + 100_000]
        part += random.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def noisy(vectors: np.ndarray, random: np.random.Generator) -> np.ndarray:
    moved = vectors + 0.05 * random.standard_normal(vectors.shape, dtype=np.float32)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def catalogue_of(vectors: np.ndarray) -> Catalogue:
    picture = Path("picture.jpg")
    items = (Item(str(n), "", KINDS[n % len(KINDS)], picture, stock=int(n % 10 > 0)) for n in range(len(vectors)))
    return Catalogue(items, vectors=vectors)


def exact(catalogue: Catalogue, stack: ExitStack) -> Search:
    catalogue.nearest(catalogue.vectors[0], 1)  # sorts the items by category and stock
    return lambda query: [int(name) for name, _ in catalogue.nearest(query, COUNT, in_stock=False)]


def filtered(catalogue: Catalogue, stack: ExitStack) -> Search:
    return lambda query: [int(name) for name, _ in catalogue.nearest(query, COUNT, KINDS[0])]


def batch(catalogue: Catalogue, stack: ExitStack) -> Search:
    random = np.random.default_rng(0)

    def search(query: np.ndarray) -> list[int]:
        queries = noisy(np.repeat(query[None], BATCH, 0), random)
        return [int(name) for name, _ in catalogue.nearest_to_each(queries, COUNT, in_stock=False)[0]]

    return search


def plain(catalogue: Catalogue, stack: ExitStack) -> Search:
    vectors = catalogue.vectors

    def search(query: np.ndarray) -> list[int]:
        scores = vectors @ query
        best = np.argpartition(scores, -COUNT)[-COUNT:]
        return [int(place) for place in best[np.argsort(-scores[best])]]

    return search


def faiss_flat(catalogue: Catalogue, stack: ExitStack) -> Search:
    import faiss

    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(catalogue.vectors)
    return lambda query: index.search(query[None], COUNT)[1][0].tolist()


def faiss_hnsw(catalogue: Catalogue, stack: ExitStack) -> Search:
    import faiss

    index = faiss.IndexHNSWFlat(DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efSearch = 64
    index.add(catalogue.vectors)
    return lambda query: index.search(query[None], COUNT)[1][0].tolist()


def milvus(catalogue: Catalogue, stack: ExitStack) -> Search:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    index = MilvusIndex(str(Path(folder) / "vectors.db"))
    stack.callback(index.close)

    def entries() -> Iterator[tuple[str, np.ndarray, Category, bool]]:
        for place, vector in enumerate(catalogue.vectors):
            yield str(place), vector, KINDS[place % len(KINDS)], place % 10 > 0

    index.sync(entries())
    return lambda query: [int(name) for name, _ in index.search(query[None], COUNT, in_stock=False)[0]]


ROWS = {
    "exact": Row(exact),
    "exact_in_a_category_and_in_stock": Row(filtered),
    f"exact_{BATCH}_queries_at_once": Row(batch),
    "numpy_plain": Row(plain),
    "faiss_flat": Row(faiss_flat, "faiss"),
    "faiss_hnsw": Row(faiss_hnsw, "faiss", 100_000),
    "milvus_lite": Row(milvus, "milvus_lite", 10_000),
}
ALIKE = ("exact", "exact_in_a_category_and_in_stock", f"exact_{BATCH}_queries_at_once")  # whose recall says nothing


if __name__ == "__main__":
    main()
