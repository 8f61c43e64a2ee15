"""Decides whether a payload passes a filter of Qdrant's form.

Reads a point's id, its payload and the filter; returns yes or no. Knows must,
should, must_not, min_should, match, range, values_count, is_empty, is_null,
has_id and nested filters; refuses what it does not know instead of passing it.
"""

import operator


class Unknown(ValueError):
    """A condition that this stand-in does not know."""


def values(payload, path):
    """Every value at a path such as `a.b` or `a[].b`; arrays count by element."""
    found = [payload]
    for key in path.replace("[]", "").split("."):
        found = [item[key] for item in found if isinstance(item, dict) and key in item]
        found = [element for item in found for element in (item if isinstance(item, list) else [item])]
    return found


def raw(payload, path):
    """The value at a path as it stands, or None where there is none."""
    for key in path.split("."):
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload


def matches(value, wanted):
    if "value" in wanted:
        return value == wanted["value"] and isinstance(value, bool) == isinstance(wanted["value"], bool)
    if "any" in wanted:
        return value in wanted["any"]
    if "except" in wanted:
        return value not in wanted["except"]
    if "text" in wanted:
        return isinstance(value, str) and all(word in value.lower() for word in wanted["text"].lower().split())
    raise Unknown(f"match {sorted(wanted)}")


def within(value, bounds):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    tests = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
    return all(tests[name](value, bound) for name, bound in bounds.items() if bound is not None)


def holds(condition, point_id, payload):
    if "key" in condition:
        key = condition["key"]
        if "match" in condition:
            return any(matches(value, condition["match"]) for value in values(payload, key))
        if "range" in condition:
            return any(within(value, condition["range"]) for value in values(payload, key))
        if "values_count" in condition:
            return within(len(values(payload, key)), condition["values_count"])
        raise Unknown(f"condition on {key}: {sorted(condition)}")
    if "is_empty" in condition:
        return raw(payload, condition["is_empty"]["key"]) in (None, [])
    if "is_null" in condition:
        path = condition["is_null"]["key"]
        parent, _, last = path.rpartition(".")
        holder = raw(payload, parent) if parent else payload
        return isinstance(holder, dict) and last in holder and holder[last] is None
    if "has_id" in condition:
        return point_id in condition["has_id"]
    if "nested" in condition:
        inner = condition["nested"]
        return any(passes(inner["filter"], point_id, item) for item in values(payload, inner["key"]))
    if condition.keys() & {"must", "should", "must_not", "min_should"}:
        return passes(condition, point_id, payload)
    raise Unknown(f"condition {sorted(condition)}")


def listed(conditions):
    return conditions if isinstance(conditions, list) else [conditions]


def passes(filter_, point_id, payload):
    """Whether the point passes; an absent filter passes everything."""
    if not filter_:
        return True
    unknown = filter_.keys() - {"must", "should", "must_not", "min_should"}
    if unknown:
        raise Unknown(f"filter {sorted(unknown)}")
    at_least = filter_.get("min_should") or {"conditions": [], "min_count": 0}
    if not all(holds(c, point_id, payload) for c in listed(filter_.get("must") or [])):
        return False
    if any(holds(c, point_id, payload) for c in listed(filter_.get("must_not") or [])):
        return False
    should = listed(filter_.get("should") or [])
    if should and not any(holds(c, point_id, payload) for c in should):
        return False
    return sum(holds(c, point_id, payload) for c in at_least["conditions"]) >= at_least["min_count"]
