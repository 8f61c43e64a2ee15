"""Keeps collections and points: in memory to search, in SQLite on the volume.

Every change is committed to disk before it is answered. Vectors are searched
exactly, one by one. Raises Missing, Exists or Wrong; never guesses.
"""

import gzip
import hashlib
import json
import math
import pathlib
import re
import sqlite3
import threading
import time
import uuid

from .filters import passes

FORMAT = "aictl qdrant stand-in snapshot 1"


class Missing(Exception):
    pass


class Exists(Exception):
    pass


class Wrong(Exception):
    pass


def dot(a, b):
    return sum(map(float.__mul__, a, b))


def cosine(a, b):
    norms = math.hypot(*a) * math.hypot(*b)
    return dot(a, b) / norms if norms else 0.0


# Name of Qdrant → (score of two vectors, whether the largest is the best).
DISTANCES = {
    "Cosine": (cosine, True),
    "Dot": (dot, True),
    "Euclid": (math.dist, False),
    "Manhattan": (lambda a, b: sum(abs(x - y) for x, y in zip(a, b)), False),
}


def checked_id(value):
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise Wrong(f"{value!r} is not a valid point ID, valid values are either an unsigned integer or a UUID") from None


def id_order(point_id):
    return (isinstance(point_id, str), point_id)


class Collection:
    def __init__(self, name, config):
        self.name, self.config, self.points = name, config, {}
        vectors = config["vectors"]
        # One unnamed vector is a named one with no name.
        self.spaces = {"": vectors} if "size" in vectors else vectors
        for space in self.spaces.values():
            if space.get("distance") not in DISTANCES or not isinstance(space.get("size"), int) or space["size"] < 1:
                raise Wrong(f"vectors need a size and a distance of {', '.join(DISTANCES)}")

    def vectors(self, given):
        named = given if isinstance(given, dict) else {"": given}
        result = {}
        for name, vector in named.items():
            space = self.spaces.get(name)
            if space is None:
                raise Wrong(f"Not existing vector name error: {name}")
            if not isinstance(vector, list) or len(vector) != space["size"]:
                raise Wrong(f"Vector dimension error: expected dim: {space['size']}, got {len(vector or [])}")
            result[name] = [float(x) for x in vector]
        return result

    def record(self, point_id, with_payload=True, with_vector=False):
        vectors, payload = self.points[point_id]
        shown = {"id": point_id, "payload": None}
        if isinstance(with_payload, list):
            shown["payload"] = {key: payload[key] for key in with_payload if key in payload}
        elif isinstance(with_payload, dict):
            only, without = with_payload.get("include"), with_payload.get("exclude") or []
            shown["payload"] = {k: v for k, v in payload.items() if (only is None or k in only) and k not in without}
        elif with_payload:
            shown["payload"] = payload
        if with_vector:
            shown["vector"] = vectors[""] if set(vectors) == {""} else vectors
        return shown

    def selected(self, filter_):
        return [i for i, (_, payload) in self.points.items() if passes(filter_, i, payload)]

    def search(self, vector, name="", filter_=None, limit=10, offset=0, threshold=None):
        """(id, score) of the best points, best first."""
        wanted = self.vectors({name: vector})[name]
        score, larger = DISTANCES[self.spaces[name]["distance"]]
        found = [(i, score(wanted, self.points[i][0][name])) for i in self.selected(filter_) if name in self.points[i][0]]
        if threshold is not None:
            found = [(i, s) for i, s in found if (s >= threshold if larger else s <= threshold)]
        found.sort(key=lambda hit: ((-hit[1] if larger else hit[1]), id_order(hit[0])))
        return found[offset : offset + limit]


class Store:
    def __init__(self, storage, snapshots):
        self.lock = threading.RLock()
        self.operations = 0
        self.snapshots = pathlib.Path(snapshots)
        pathlib.Path(storage).mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(f"{storage}/standin.sqlite", check_same_thread=False)
        # An answered write must survive a power cut.
        self.db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY, config TEXT NOT NULL);"
            "CREATE TABLE IF NOT EXISTS points (collection TEXT, id TEXT, vectors TEXT NOT NULL, payload TEXT NOT NULL,"
            " PRIMARY KEY (collection, id)) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS aliases (alias TEXT PRIMARY KEY, collection TEXT NOT NULL);"
        )
        self.collections = {}
        for name, config in self.db.execute("SELECT name, config FROM collections"):
            self.collections[name] = Collection(name, json.loads(config))
        self.aliases = dict(self.db.execute("SELECT alias, collection FROM aliases"))
        for name, point_id, vectors, payload in self.db.execute("SELECT * FROM points"):
            self.collections[name].points[json.loads(point_id)] = (json.loads(vectors), json.loads(payload))

    def close(self):
        self.db.close()

    def resolved(self, name):
        """The collection behind a name or an alias."""
        return self.aliases.get(name, name)

    def change_aliases(self, actions):
        """All of them or none, as in Qdrant."""
        with self.lock:
            aliases = dict(self.aliases)
            for action in actions:
                ((kind, what),) = action.items()
                if kind == "create_alias":
                    self.get(what["collection_name"])
                    if what["alias_name"] in self.collections:
                        raise Exists(f"Collection `{what['alias_name']}` already exists!")
                    aliases[what["alias_name"]] = what["collection_name"]
                elif kind == "delete_alias":
                    aliases.pop(what["alias_name"], None)
                elif kind == "rename_alias":
                    if what["old_alias_name"] not in aliases:
                        raise Missing(f"Alias {what['old_alias_name']} does not exists!")
                    aliases[what["new_alias_name"]] = aliases.pop(what["old_alias_name"])
                else:
                    raise Wrong(f"unknown action {kind}")
            self.keep_aliases(aliases)

    def keep_aliases(self, aliases):
        with self.db:
            self.db.execute("DELETE FROM aliases")
            self.db.executemany("INSERT INTO aliases VALUES (?, ?)", aliases.items())
        self.aliases = aliases

    def get(self, name):
        name = self.resolved(name)
        if name not in self.collections:
            raise Missing(f"Collection `{name}` doesn't exist!")
        return self.collections[name]

    def create(self, name, config):
        with self.lock, self.db:
            if name in self.collections or name in self.aliases:
                raise Exists(f"Collection `{name}` already exists!")
            if not re.fullmatch(r"[^<>:\"/\\|?*\0\x1f]{1,255}", name):
                raise Wrong(f"collection name {name!r} is not allowed")
            collection = Collection(name, config)
            self.db.execute("INSERT INTO collections VALUES (?, ?)", (name, json.dumps(config)))
            self.collections[name] = collection

    def drop(self, name):
        """Its aliases go with it, and so do its snapshots."""
        with self.lock:
            self.keep_aliases({alias: of for alias, of in self.aliases.items() if of != name})
            for snapshot in (self.snapshots / name).glob("*.snapshot"):
                snapshot.unlink()
            return self.remove(name)

    def remove(self, name):
        with self.lock, self.db:
            self.db.execute("DELETE FROM points WHERE collection = ?", (name,))
            self.db.execute("DELETE FROM collections WHERE name = ?", (name,))
            return self.collections.pop(name, None) is not None

    def write(self, name, points):
        """Upserts (id, vectors, payload) of checked points, all or none."""
        collection = self.get(name)
        name = collection.name
        with self.lock:
            ready = [(checked_id(i), collection.vectors(vector), payload or {}) for i, vector, payload in points]
            with self.db:
                self.db.executemany(
                    "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?)",
                    [(name, json.dumps(i), json.dumps(v), json.dumps(p)) for i, v, p in ready],
                )
            collection.points.update({i: (v, p) for i, v, p in ready})
            self.operations += 1
            return self.operations

    def delete(self, name, ids):
        collection = self.get(name)
        name = collection.name
        with self.lock:
            with self.db:
                rows = [(name, json.dumps(i)) for i in ids]
                self.db.executemany("DELETE FROM points WHERE collection = ? AND id = ?", rows)
            for i in ids:
                collection.points.pop(i, None)
            self.operations += 1
            return self.operations

    def change_payload(self, name, ids, change):
        """Rewrites the payload of each point that is there: `change` gets the old one."""
        points = self.get(name).points
        found = [i for i in ids if i in points]
        return self.write(name, [(i, points[i][0], change(dict(points[i][1]))) for i in found])

    def snapshot_folder(self, name):
        folder = self.snapshots / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def snapshot(self, name):
        collection = self.get(name)
        with self.lock:
            stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
            path = self.snapshot_folder(name) / f"{name}-{uuid.uuid4().int % 10**16}-{stamp}.snapshot"
            part = path.with_suffix(".part")
            with gzip.open(part, "wt", compresslevel=1) as out:
                print(json.dumps({"format": FORMAT, "config": collection.config, "points": len(collection.points)}), file=out)
                for i, (vectors, payload) in collection.points.items():
                    print(json.dumps([i, vectors, payload]), file=out)
            part.rename(path)
        return describe(path)

    def snapshots_of(self, name):
        return [describe(path) for path in sorted(self.snapshot_folder(name).glob("*.snapshot"))]

    def snapshot_path(self, name, file):
        path = self.snapshot_folder(name) / pathlib.PurePath(file).name
        if not path.is_file():
            raise Missing(f"Snapshot {file} not found")
        return path

    def recover(self, name, data, checksum=None, priority=None):
        """Puts a snapshot's collection in the place of the present one. It is
        read to its end before anything is replaced. Aliases are not in it, and
        those of the present collection stay."""
        if checksum and checksum != hashlib.sha256(data).hexdigest():
            raise Wrong(f"Snapshot checksum mismatch: expected {checksum}, got {hashlib.sha256(data).hexdigest()}")
        if priority not in (None, "replica", "snapshot", "no_sync"):
            raise Wrong(f"unknown variant `{priority}`, expected one of `no_sync`, `snapshot`, `replica`")
        try:
            head, *lines = gzip.decompress(data).decode().splitlines()
            head = json.loads(head)
            points = [json.loads(line) for line in lines]
        except (OSError, EOFError, ValueError) as error:
            raise Wrong(f"not a snapshot of this stand-in, or a damaged one: {error}") from None
        if head.get("format") != FORMAT or head.get("points") != len(points):
            raise Wrong("not a complete snapshot of this stand-in")
        present = self.collections.get(name)
        if present and present.config["vectors"] != head["config"]["vectors"]:
            raise Wrong("Snapshot is not compatible with existing collection")
        Collection(name, head["config"])
        with self.lock:
            self.remove(name)
            self.create(name, head["config"])
            self.write(name, points)


def describe(path):
    stat = path.stat()
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stat.st_mtime))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": path.name, "creation_time": created, "size": stat.st_size, "checksum": checksum}
