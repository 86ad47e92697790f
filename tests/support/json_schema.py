"""As much of JSON Schema as our OpenAPI document uses; anything else in a schema is an error."""

import re

_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "number": (int, float),
    "integer": int,
}
_KNOWN = {
    *("type", "required", "properties", "additionalProperties", "items", "enum", "anyOf", "oneOf", "pattern"),
    *("description", "minItems", "maxItems", "$ref"),
}


def problems(value, schema, schemas, place="$"):
    """What is wrong with a value, as lines."""
    assert schema.keys() <= _KNOWN, schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return problems(value, schemas[name], schemas, place)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            fits = [one for one in schema[word] if not problems(value, one, schemas, place)]
            return [] if fits else [f"{place} fits none of {word}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{place} is {value!r}"]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        return [f"{place} is a {type(value).__name__}, not {kinds}"]
    found = []
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{place} does not match {schema['pattern']}")
    if isinstance(value, list):
        for number, item in enumerate(value):
            found += problems(item, schema.get("items", {}), schemas, f"{place}[{number}]")
    if isinstance(value, dict):
        found += [f"{place} lacks {name}" for name in schema.get("required", []) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name, more)
            if inner is False:
                found.append(f"{place} has {name}")
            elif inner is not True:
                found += problems(item, inner, schemas, f"{place}.{name}")
    return found


def _is(value, kind):
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
