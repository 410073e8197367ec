"""The recommender's measured numbers as tables.

python benchmarks/recommender_table.py                             # prints them
python benchmarks/recommender_table.py --page docs/recommender.md  # and puts them between the page's two marks
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BEGIN, END = "<!-- tables: made by benchmarks/recommender_table.py -->", "<!-- end of the tables -->"
TITLES = {
    "ml100k_cfgan": "MovieLens 100K, CFGAN's split",
    "ciao_cfgan": "Ciao, CFGAN's split",
    "ml100k_irgan": "MovieLens 100K, IRGAN's split",
    "ml1m": "MovieLens 1M",
    "amazon_clothing": "Amazon Clothing",
    "sample_shop": "The sample shop",
}
ROWS = ("popularity", "content", "itemknn", "walk", "ease", "ials", "untrained", "cgan", "blend")
METRICS = {
    "ml100k_irgan": ("P@3", "P@5", "P@10", "NDCG@5", "MRR"),
    "amazon_clothing": ("R@10", "NDCG@10", "R@20", "NDCG@20", "coverage@20"),
    "sample_shop": tuple(
        f"{group} {metric}"
        for group in ("newcomers", "browsers", "regulars", "cold items")
        for metric in ("HR@10", "NDCG@10")
    ),
}
USUAL = ("P@5", "NDCG@5", "P@20", "R@20", "MRR@20", "NDCG@20", "coverage@20")


def main() -> None:
    """Print the tables, and put them into a page where one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=HERE / "recommender.json", dest="report")
    parser.add_argument("--games", type=Path, default=HERE / "recommend_objectives.json")
    parser.add_argument("--page", type=Path, help="a page with both marks")
    given = parser.parse_args()
    numbers = json.loads(given.report.read_text(encoding="utf-8"))
    text = "\n\n".join(table(name, numbers[name]) for name in TITLES if name in numbers)
    if given.games.exists():
        text += "\n\n" + games(json.loads(given.games.read_text(encoding="utf-8")))
    sys.stdout.write(text + "\n")
    if given.page is not None:
        page = given.page.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        after = rest.split(END)[1]
        given.page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def table(name: str, rows: dict[str, Any]) -> str:
    """A set's rows, each number with half its interval's width; what validation chose below."""
    shown = METRICS.get(name, USUAL)
    lines = [f"| | {' | '.join(shown)} |", f"|---|{'---|' * len(shown)}"]
    for row in ROWS:
        if row in rows:
            cells = (number(rows[row].get(metric)) for metric in shown)
            lines.append(f"| `{row}` | {' | '.join(cells)} |")
    chosen = rows.get("chosen")
    below = ""
    if chosen:
        parts = ", ".join(f"{part} {weight:g}" for part, weight in chosen["blend"].items() if weight)
        below = f"\n\n{chosen['seeds']} seeds; {chosen['steps']} steps of training; blend: {parts}."
    return f"### {TITLES[name]}\n\n" + "\n".join(lines) + below


def number(value: dict[str, float] | None) -> str:
    if value is None:
        return ""
    return f"{value['mean']:.4f} ± {(value['high'] - value['low']) / 2:.4f}"


def games(found: dict[str, Any]) -> str:
    """Objectives side by side, on validation data."""
    parts = []
    for name, rows in found.items():
        lines = ["| objective, weight | seeds | start | best look | last look |", "|---|---|---|---|---|"]
        for game, row in rows.items():
            cells = (f"{row[at]['mean']:.4f} ± {row[at]['between_seeds']:.4f}" for at in ("start", "best", "last"))
            lines.append(f"| {game} | {len(row['runs'])} | {' | '.join(cells)} |")
        parts.append(f"### What the game adds: {TITLES[name]}, validation NDCG@20\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
