"""Who asks, what the document's own formats look like, and what only a running service can know."""

import base64
import hashlib
import json
import os
import struct
import zlib

import schemathesis
from hypothesis import strategies as st
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse, UseAfterFree

GIVEN = json.loads(os.environ["DESCROW_TOKENS"])
TOKENS = GIVEN["tokens"]
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@schemathesis.auth(refresh_interval=None)
class ByRole:
    """A token of a role that the operation names. Logging out ends a session of its own."""

    def get(self, case, context):
        operation = context.operation.definition.raw
        if operation.get("operationId") == "auth_logout":
            return TOKENS["leaver"]
        roles = operation.get("x-descrow-roles", [])
        return next((TOKENS[role] for role in ("seller", "buyer", "admin") if role in roles), None)

    def set(self, case, data, context):
        if data is not None:
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"


def ss58(key: bytes) -> str:
    """An account with the generic prefix: base58 of prefix, key and checksum."""
    body = bytes([42]) + key
    number = int.from_bytes(body + hashlib.blake2b(b"SS58PRE" + body, digest_size=64).digest()[:2], "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = BASE58[digit] + digits
    return digits


KEYS = st.binary(min_size=32, max_size=32)
# An account has a checksum, which a pattern cannot say.
schemathesis.openapi.format("descrow-account", st.one_of(KEYS.map(ss58), KEYS.map(lambda key: "0x" + key.hex())))
# A text is counted without the white space around it, and has no control characters.
schemathesis.openapi.format(
    "descrow-text",
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40).map(lambda text: text.strip()),
)
# A CID names content by its hash: version 1, raw bytes, sha2-256, in base32. Half of those that are named are pinned.
schemathesis.openapi.format(
    "descrow-cid",
    st.one_of(
        st.sampled_from(GIVEN["pictures"]),
        KEYS.map(lambda digest: "b" + base64.b32encode(bytes([1, 0x55, 0x12, 0x20]) + digest).decode().lower().rstrip("=")),
    ),
)


def png(colour: int) -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + colour.to_bytes(3, "big"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


# Half of the ids that are asked for are there.
schemathesis.openapi.format("uuid", st.one_of(st.sampled_from(GIVEN["ids"]), st.uuids().map(str)))
# The only bytes that the API takes are pictures.
schemathesis.openapi.format("binary", st.integers(0, 2**24 - 1).map(png))


def unknowable(case, field: str) -> bool:
    """Whether only the running service can judge this field of a product or of its images."""
    match case.operation.path:
        case "/api/products/upload":
            return field.startswith("uploads[")
        case "/api/products" | "/api/products/{id}":
            alone = isinstance(case.body, dict) and case.body.get("priceUsd") is None
            return field.startswith("images[") or (field == "priceDot" and alone)
    return False


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is no fault of the API. Nothing else may be added here."""
    # A cursor is what the API gave out a moment ago, signed: one that is made up has the right form and is refused as such.
    if isinstance(failure, RejectedPositiveData) and "cursor" in (case.query or {}):
        return response.status_code != 400 or response.json().get("code") != "invalid_cursor"
    # Of two good days the second may be the earlier one, which no schema can say.
    if isinstance(failure, RejectedPositiveData) and {"from", "to"} <= set(case.query or {}):
        return response.status_code != 400 or [d["field"] for d in response.json().get("details", [])] != ["to"]
    # Documents differ in kind, and make up an identity together: what a list's items have in common no schema can say.
    if isinstance(failure, RejectedPositiveData) and case.operation.path == "/api/auth/kyc/uploads":
        return response.status_code != 400 or {d["field"] for d in response.json().get("details", [])} != {"documents"}
    # What we have of what is named by its hash, and what a DOT costs today, no schema can know.
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        details = response.json().get("details", [])
        if details and all(unknowable(case, detail["field"]) for detail in details):
            return False
    # A form's description is of its file. A rule that says so has files in it, and schemathesis cannot negate bytes.
    if isinstance(failure, RejectedPositiveData) and case.operation.path == "/api/orders/{id}/dispute":
        return response.status_code != 400 or [d["field"] for d in response.json().get("details", [])] != ["file"]
    # The same key came with another body before, which no schema can know.
    if isinstance(failure, RejectedPositiveData) and response.status_code == 422:
        return response.json().get("code") != "idempotency_key_reused"
    # Orders refer to a product for ever, so that one which was deleted can still be read, and says that it is off the catalogue.
    if isinstance(failure, UseAfterFree) and case.operation.path == "/api/products/{id}":
        return response.json().get("status") != "inactive"
    # What has no route never reaches a function. API Gateway answers by the template's MISSING_AUTHENTICATION_TOKEN; the local
    # AWS knows no gateway responses and answers 403 in its own words. The edge's 405 is tested in shared/web.
    if isinstance(failure, UnsupportedMethodResponse):
        return response.status_code != 403 or response.json().get("message") != "Missing Authentication Token"
    return True
