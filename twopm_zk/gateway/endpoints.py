"""The list of endpoints, of which routes and the OpenAPI document are made: neither can have what the other lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

JSON, HTML, STREAM, BYTES = "application/json", "text/html", "text/event-stream", "application/octet-stream"
_WHOLE = {"type": "integer"}
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_BIG = {"type": "string", "pattern": "^[0-9]+$", "description": "An integer of any size, in decimal."}
_ADDRESS = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
_ROW = {
    "type": "object",
    "description": "A value for each column of the data: a number, a category, or null for a missing one.",
    "additionalProperties": {"type": ["number", "string", "null"]},
}
_PUBLIC = {"type": "array", "items": _BIG, "minItems": 3, "maxItems": 3}


def _object(required: dict[str, Any], *, more: bool = True, **optional: Any) -> dict[str, Any]:
    properties = {**required, **optional}
    return {"type": "object", "required": list(required), "properties": properties, "additionalProperties": more}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_SUMMARY = {
    "id": _WHOLE,
    "title": _or_null(_TEXT),
    "purpose": _or_null(_TEXT),
    "metadata_state": {"enum": ["verified", "missing", "mismatch"]},
    "model": {"enum": ["hlr", "hfl"]},
    "task": _WHOLE,
    "family": {"enum": ["logistic", "gaussian", None]},
    "closed": _FLAG,
    "certified": _FLAG,
    "phase": _TEXT,
    "operators": _WHOLE,
    "insecure": {"type": "boolean", "description": "A key's secret may be known: then nothing is proven."},
    "fee": _BIG,
    "token": {"type": "boolean", "description": "Fees are in the deployment's token, else in ETH."},
    "rows": _or_null(_WHOLE),
    "updates": _WHOLE,
}
_TASK = {
    "id": _WHOLE,
    "phase": _TEXT,
    "round": _WHOLE,
    "attempt": _WHOLE,
    "deadline": _or_null(_WHOLE),
    "specification": _TEXT,
    "coordinator": _ADDRESS,
    "certified": _FLAG,
    "insecure": _FLAG,
    "network": _or_null(_WHOLE),
    "updates": _WHOLE,
}
_PREDICTION = {
    "expected": {"type": "number"},
    "units": _WHOLE,
    "proof": {"type": "object"},
    "public": _PUBLIC,
    "insecure_keys": {"type": "array", "items": _TEXT},
    "verification_key": {"type": ["object", "null"]},
}
_REQUEST = {
    "id": _WHOLE,
    "network": _WHOLE,
    "task": _WHOLE,
    "state": {"enum": ["asked", "accepted", "answered", "late", "refunded"]},
    "user": _ADDRESS,
    "operator": _ADDRESS,
    "deadline": _WHOLE,
    "fee": _BIG,
    "token": _FLAG,
    "model_commitment": _BIG,
    "input_commitment": _BIG,
    "prediction": _or_null(_WHOLE),
    "verifier": _ADDRESS,
    "verifier_id": _WHOLE,
    "insecure": _FLAG,
    "proof": {"type": ["object", "null"]},
    "public": _or_null(_PUBLIC),
}
_STALE = {"stale": {"type": "boolean", "description": "The chain does not answer: this is what was last known."}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": _object({"error": _TEXT, "message": _TEXT}, more=False),
    "Status": _object(
        {
            "version": _TEXT,
            "chain": _object({"id": _WHOLE, "block": _WHOLE, "time": _WHOLE, "development": _FLAG}),
            "contracts": {"type": "object", "additionalProperties": _ADDRESS},
            "token": _or_null(_object({"address": _ADDRESS, "symbol": _TEXT, "decimals": _WHOLE})),
            "insecure": _FLAG,
            "proving": _FLAG,
            "conversation": _or_null(
                _object(
                    {
                        "network": _WHOLE,
                        "operator": _ADDRESS,
                        "model": _or_null(_TEXT),
                        "digest": _or_null(_TEXT),
                        "sealed_only": _FLAG,
                    }
                )
            ),
            **_STALE,
        }
    ),
    "NetworkSummary": _object(_SUMMARY),
    "Networks": _object({"networks": _list("NetworkSummary"), **_STALE}),
    "Network": _object(
        {
            **_SUMMARY,
            "owner": _ADDRESS,
            "uri": _TEXT,
            "metadata_hash": _TEXT,
            "metadata": {"type": ["object", "null"]},
            "terms": {"type": "object"},
            "owners_share": _WHOLE,
            "enrolled": _WHOLE,
            "complete": _FLAG,
            "specification": {"type": "object"},
            "weights": {"type": ["object", "null"]},
            "coefficients": {"type": ["object", "null"]},
            "certificate": {"type": ["object", "null"]},
            "predict": {"type": ["object", "null"]},
            "operators": {"type": "array", "items": {"type": "object"}},
            **_STALE,
        }
    ),
    "Metadata": _object({"format": _WHOLE, "title": _TEXT, "specification": _TEXT}),
    "Form": _object(
        {
            "network": _WHOLE,
            "task": _WHOLE,
            "instance": _TEXT,
            "features": _WHOLE,
            "x_bits": _WHOLE,
            "x_frac": _WHOLE,
            "family": _TEXT,
            "clip": _or_null({"type": "number"}),
            "context": _BIG,
            "weights": {"type": "array", "items": _TEXT},
            "model_commitment": _BIG,
            "inputs": {"type": "array", "items": {"type": "object"}},
            "columns": {"type": "array", "items": {"type": "object"}},
            "output": {"type": "object"},
            "insecure": _FLAG,
        }
    ),
    "Audit": _object(
        {
            "state": {"enum": ["none", "running", "done", "failed"]},
            "step": _TEXT,
            "progress": _TEXT,
            "report": {"type": ["object", "null"]},
            "texts": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
    "Tasks": _object({"tasks": {"type": "array", "items": _object({**_TASK, "rounds": _WHOLE})}, **_STALE}),
    "Task": _object(
        {
            **_TASK,
            "withdrawn_since": {"type": "object"},
            "rounds": {"type": "array", "items": {"type": "object"}},
            "gas": _or_null(_WHOLE),
            **_STALE,
        }
    ),
    "Account": _object(
        {
            "account": _ADDRESS,
            "member": _FLAG,
            "stake": _BIG,
            "locked_until": _or_null(_WHOLE),
            "obligations": _BIG,
            "requests": _list("Request"),
            "owed": _object({"eth": _BIG, "token": _BIG}),
            "claims": {"type": "array", "items": {"type": "object"}},
            "asked": {"type": "array", "items": {"type": "object"}},
        }
    ),
    "Request": _object(_REQUEST),
    "Nonce": _object({"nonce": _TEXT}),
    "SignIn": _object({"message": _TEXT, "signature": _TEXT}, more=False),
    "Session": _object({"token": _TEXT, "account": _ADDRESS, "expires": _WHOLE}),
    "Question": {
        "oneOf": [
            _object({"input": _ROW}, more=False),
            _object({"inputs": {"type": "array", "items": _ROW, "minItems": 1, "maxItems": 16}}, more=False),
        ]
    },
    "Predictions": _object({"predictions": {"type": "array", "items": _object(_PREDICTION)}}),
    "ProofToVerify": _object({"network": _WHOLE, "proof": {"type": "object"}, "public": _PUBLIC}, more=False),
    "Verdict": _object({"valid": _FLAG, "matches": _object({"model": _FLAG})}),
    "Envelope": _object({"header": {"type": "object"}, "ephemeral": _TEXT, "ciphertext": _TEXT, "signature": _TEXT}),
    "Receipt": _object({"header": {"type": "object"}, "signature": _TEXT}),
    "Chat": _object(
        {},
        model=_TEXT,
        messages={"type": "array", "items": _object({"role": {"enum": ["system", "user", "assistant"]}})},
        temperature={"type": "number", "minimum": 0, "maximum": 10},
        max_tokens=_WHOLE,
        seed={"type": ["string", "integer"]},
        stream=_FLAG,
        sealed=_ref("Envelope"),
    ),
    "Completion": _object(
        {
            "id": _TEXT,
            "object": {"enum": ["chat.completion"]},
            "created": _WHOLE,
            "model": _TEXT,
            "choices": {"type": "array", "items": {"type": "object"}},
            "usage": {"type": "object"},
            "receipt": {"type": "object"},
        }
    ),
    "Models": _object({"object": {"enum": ["list"]}, "data": {"type": "array", "items": {"type": "object"}}}),
    "Openapi": _object({"openapi": _TEXT, "paths": {"type": "object"}}),
    "Abi": {"type": "array", "items": {"type": "object"}},
}


@dataclass(frozen=True)
class Endpoint:
    """One of the API: what it is called here, and what it says of itself."""

    method: str
    path: str
    name: str
    """Of its handler, and in the OpenAPI document."""
    summary: str
    schema: str | None = None
    """Of its answer."""
    media: str = JSON
    body: str | None = None
    """The schema of what it is sent."""
    refusals: tuple[int, ...] = ()
    """Besides those that any request may meet."""
    signed_in: bool = False
    cost: float = 1.0
    """What it takes of the bucket of an address."""
    status: int = 200

    @property
    def parameters(self) -> list[str]:
        """Names in braces of the path."""
        return re.findall(r"\{(\w+)\}", self.path)


ENDPOINTS = (
    Endpoint("GET", "/v1/status", "status", "The server, its chain and its contracts", "Status"),
    Endpoint("GET", "/v1/networks", "networks", "All networks", "Networks"),
    Endpoint(
        "GET", "/v1/networks/{id}", "network", "One network, with its model and operators", "Network", refusals=(404,)
    ),
    Endpoint(
        "GET",
        "/v1/networks/{id}/metadata",
        "metadata",
        "The metadata document's bytes, as they were found",
        "Metadata",
        refusals=(404,),
    ),
    Endpoint(
        "GET",
        "/v1/networks/{id}/form",
        "form",
        "What a form, and the circuit's inputs of it, are made of",
        "Form",
        refusals=(404, 409),
    ),
    Endpoint("GET", "/v1/networks/{id}/audit", "audit", "The audit of the network's task", "Audit", refusals=(404,)),
    Endpoint("GET", "/v1/networks/{id}/report", "report", "The audit as a page", media=HTML, refusals=(404,), cost=2),
    Endpoint(
        "GET",
        "/v1/networks/{id}/prover/{file}",
        "prover_file",
        "circuit.wasm, circuit.zkey or verification_key.json, to prove with",
        media=BYTES,
        refusals=(404, 409),
        cost=2,
    ),
    Endpoint("GET", "/v1/tasks", "tasks", "All tasks", "Tasks"),
    Endpoint("GET", "/v1/tasks/{id}", "task", "One task, with every attempt of every round", "Task", refusals=(404,)),
    Endpoint(
        "GET",
        "/v1/accounts/{address}",
        "account",
        "An account: stake, requests, fees, and what is asked of it now",
        "Account",
        refusals=(422,),
        cost=4,
    ),
    Endpoint(
        "GET",
        "/v1/requests/{id}",
        "request",
        "A request, with its proof once it is answered",
        "Request",
        refusals=(404,),
        cost=2,
    ),
    Endpoint("GET", "/v1/events", "events", "Live news, as server-sent events", media=STREAM, cost=5),
    Endpoint("GET", "/v1/session/nonce", "nonce", "A nonce to sign in with", "Nonce"),
    Endpoint(
        "POST",
        "/v1/session",
        "sign_in",
        "Sign in with an Ethereum account (ERC-4361)",
        "Session",
        body="SignIn",
        refusals=(401, 422),
        cost=5,
    ),
    Endpoint("DELETE", "/v1/session", "sign_out", "End the session", refusals=(401,), signed_in=True, status=204),
    Endpoint(
        "POST",
        "/v1/networks/{id}/predictions",
        "predict",
        "Proven predictions that this server makes; it sees the input, and keeps nothing of it",
        "Predictions",
        body="Question",
        refusals=(401, 403, 404, 409, 422),
        signed_in=True,
        cost=5,
    ),
    Endpoint(
        "POST",
        "/v1/verify",
        "verify",
        "Whether a proof holds, and is of the network's model",
        "Verdict",
        body="ProofToVerify",
        refusals=(404, 409, 422),
        cost=5,
    ),
    Endpoint(
        "POST",
        "/v1/deliveries",
        "deliver",
        "Pass a sealed input on to an operator; the operator's receipt",
        "Receipt",
        body="Envelope",
        refusals=(401, 403, 404, 409, 422),
        cost=5,
    ),
    Endpoint("GET", "/v1/models", "models", "The language models that are answered with here", "Models"),
    Endpoint(
        "POST",
        "/v1/chat/completions",
        "chat",
        "Answer a conversation, with a receipt; as server-sent events where `stream` is true, and where it is sealed",
        "Completion",
        body="Chat",
        refusals=(401, 403, 404, 409, 422),
        signed_in=True,
        cost=5,
    ),
    Endpoint("GET", "/v1/openapi.json", "openapi", "This document", "Openapi"),
    Endpoint("GET", "/v1/abi/{contract}.json", "abi", "A contract's ABI", "Abi", refusals=(404,)),
)
_USUAL = {
    429: "Too many requests; Retry-After says when to come back.",
    500: "The server has failed at this.",
    503: "Not at present; Retry-After says when to come back.",
}
_OF_BODIES = {
    408: "The body came too slowly.",
    413: "The body is too large.",
    415: "The body is compressed, or not application/json.",
}
_REASONS = {
    401: "Not signed in, or not signed.",
    403: "The account may not, such as for want of a stake.",
    404: "There is no such thing.",
    409: "Not as things stand.",
    422: "The request is not one that can be answered; it says why, and quotes none of it.",
}


def openapi(version: str) -> dict[str, Any]:
    """The OpenAPI document of all endpoints."""
    paths: dict[str, dict[str, Any]] = {}
    for one in ENDPOINTS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "twopm-zk gateway",
            "version": version,
            "summary": "Networks, predictions and proofs.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(one: Endpoint) -> dict[str, Any]:
    content = {"schema": _ref(one.schema) if one.schema else {"type": "string"}}
    good: dict[str, Any] = {"description": one.summary}
    if one.status != 204:
        good["content"] = {one.media: content}
    reasons = _USUAL | (_OF_BODIES if one.body else {}) | {status: _REASONS[status] for status in one.refusals}
    answers = {str(one.status): good}
    for status, why in sorted(reasons.items()):
        answers[str(status)] = {"description": why, "content": {JSON: {"schema": _ref("Error")}}}
    found: dict[str, Any] = {"operationId": one.name, "summary": one.summary, "responses": answers}
    if one.parameters:
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": _WHOLE if name == "id" else _TEXT}
            for name in one.parameters
        ]
    if one.body:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _ref(one.body)}}}
    if one.signed_in:
        found["security"] = [{"session": []}]
    return found
