"""The same search in Milvus: a file (Milvus Lite), a server or a cluster, by its URI alone.

Milvus holds copies; the database is what counts. `MilvusIndex.sync` makes the copies equal, changing only what
differs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from fitting.errors import ShopError
from fitting.garment import Category
from fitting.vectors import Hit, batches

AT_ONCE = 1000  # rows a request
MOST = 16_384  # hits that Milvus gives for a query
SOON = 5.0  # seconds in which a search must be answered: a visitor waits
LATE = 60.0  # seconds for anything else
REST = 20.0  # seconds for which it is not asked again after it did not answer
Entry = tuple[str, np.ndarray, Category, bool]  # an item's id, its embedding (D,), its category, whether in stock


class MilvusIndex:
    """A collection in Milvus. See `fitting.vectors.Index`.

    After it did not answer, searches are refused at once until `sync` found it again, so that nobody waits in vain.
    Every method may raise `ShopError`: it does not answer.
    """

    def __init__(self, uri: str, token: str = "", collection: str = "fitting_items") -> None:
        """
        Args:
            uri: a file's path ending in `.db`, or `http://HOST:PORT` of a server, cluster or service.
            token: `USER:PASSWORD` or an API key, where one is needed.
            collection: letters, digits and underscores; shops that share a server need different ones.

        Raises:
            ShopError: pymilvus is not installed, or nothing answers.
        """
        try:
            from pymilvus import MilvusClient, MilvusException
        except ModuleNotFoundError:
            raise ShopError("Milvus needs its client. Install it with: pip install 'fitting-room[milvus]'") from None
        self.uri = uri
        self._collection = collection
        self._failed: float | None = None  # when it last did not answer
        self._held = False  # whether it was seen to hold items
        try:
            self._client = MilvusClient(uri=uri, token=token)
        except (MilvusException, ValueError, OSError) as error:
            raise ShopError(f"The vector store cannot be opened: {_first_line(error)}") from None

    def close(self) -> None:
        """Let go of the connection, or of the file."""
        self._client.close()

    @property
    def wants_sync(self) -> bool:
        """Whether it did not answer, and it is time to look whether it is back."""
        return self._failed is not None and time.monotonic() - self._failed > REST

    def count(self) -> int:
        """How many items it holds."""
        with self._answering():
            if not self._exists():
                return 0
            self._client.load_collection(self._collection, timeout=LATE)  # a server that was started anew has not
            held = self._client.query(self._collection, output_fields=["count(*)"], timeout=LATE)[0]["count(*)"]
            self._held, self._failed = int(held) > 0, None
            return int(held)

    def sync(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """Hold these items and no others; returns how many were put in or replaced, and how many removed."""
        with self._answering():
            changed = self._sync(entries)
            self._held, self._failed = self._exists(), None
        return changed

    def _sync(self, entries: Iterable[Entry]) -> tuple[int, int]:
        old: dict[str, str] | None = None
        put = 0
        for batch in batches(entries, AT_ONCE):
            if old is None:
                old = self._open(len(batch[0][1]))
            rows = []
            for item_id, vector, category, in_stock in batch:
                # Milvus puts keys into expressions without escaping them, so a shop's own ids cannot be keys.
                key = hashlib.sha256(item_id.encode()).hexdigest()[:32]
                stamp = _stamp(vector, category, in_stock)
                if old.pop(key, None) != stamp:
                    rows.append(
                        {
                            "key": key,
                            "item": item_id,
                            "embedding": np.asarray(vector, np.float32).tolist(),
                            "category": category.value,
                            "in_stock": in_stock,
                            "stamp": stamp,
                        }
                    )
            if rows:
                self._client.upsert(self._collection, rows, timeout=LATE)
                put += len(rows)
        if old is None:  # an empty shop
            if self._exists():
                self._client.drop_collection(self._collection, timeout=LATE)
            return 0, 0
        for keys in batches(old, AT_ONCE):
            self._client.delete(self._collection, ids=keys, timeout=LATE)
        if put or old:
            # Milvus Lite searches what was not flushed many times more slowly.
            self._client.flush(self._collection, timeout=LATE)
            self._client.load_collection(self._collection, timeout=LATE)
        return put, len(old)

    def search(
        self, queries: np.ndarray, count: int, category: Category | None = None, in_stock: bool = True
    ) -> list[list[Hit]]:
        """See `Index.search`; a large collection may be searched approximately."""
        if self._failed is not None:
            raise ShopError("The vector store did not answer a while ago")
        with self._answering():
            if count <= 0 or not self._exists(SOON):
                if count > 0 and self._held:
                    raise OSError("it has lost what it held")
                return [[] for _ in queries]
            conditions = []
            if category is not None:
                conditions.append(f'category == "{category.value}"')
            if in_stock:
                conditions.append("in_stock == true")
            found = self._client.search(
                self._collection,
                data=np.asarray(queries, np.float32).tolist(),
                limit=min(count, MOST),
                filter=" and ".join(conditions),
                output_fields=["item"],
                anns_field="embedding",
                timeout=SOON,
            )
        return [[(hit["entity"]["item"], float(hit["distance"])) for hit in hits] for hits in found]

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """What goes wrong with the store within is a `ShopError`, and remembered."""
        from grpc import FutureTimeoutError, RpcError
        from pymilvus import MilvusException

        try:
            yield
        except (MilvusException, RpcError, FutureTimeoutError, OSError) as error:
            self._failed = time.monotonic()
            raise ShopError(f"The vector store does not answer: {_first_line(error)}") from error

    def _exists(self, patience: float = LATE) -> bool:
        return bool(self._client.has_collection(self._collection, timeout=patience))

    def _open(self, dimensions: int) -> dict[str, str]:
        """Make the collection if it is not there, or is of another length; returns key -> stamp of what it holds."""
        from pymilvus import DataType

        client = self._client
        if self._exists():
            fields = {field["name"]: field for field in client.describe_collection(self._collection)["fields"]}
            if int(fields["embedding"]["params"]["dim"]) == dimensions:
                return self._stamps()
            client.drop_collection(self._collection)
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=32)
        schema.add_field("item", DataType.VARCHAR, max_length=1000)
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimensions)
        schema.add_field("category", DataType.VARCHAR, max_length=16)
        schema.add_field("in_stock", DataType.BOOL)
        schema.add_field("stamp", DataType.VARCHAR, max_length=32)
        index = client.prepare_index_params()
        index.add_index("embedding", index_type="AUTOINDEX", metric_type="IP")  # of unit vectors: the cosine
        client.create_collection(
            self._collection, schema=schema, index_params=index, consistency_level="Strong"
        )  # an import must be seen at once
        return {}

    def _stamps(self) -> dict[str, str]:
        self._client.load_collection(self._collection)
        pages = self._client.query_iterator(self._collection, batch_size=AT_ONCE, output_fields=["key", "stamp"])
        held: dict[str, str] = {}
        try:
            while page := pages.next():
                held |= {row["key"]: row["stamp"] for row in page}
        finally:
            pages.close()
        return held


def _stamp(vector: np.ndarray, category: Category, in_stock: bool) -> str:
    """Differs when anything that Milvus holds of an item does."""
    digest = hashlib.sha256(np.ascontiguousarray(vector, "<f4").tobytes())
    digest.update(f"{category.value} {in_stock}".encode())
    return digest.hexdigest()[:32]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
