"""Who asks, what the document's own formats look like, and what the local AWS does otherwise than AWS."""

import json
import os

import schemathesis

TOKENS = json.loads(os.environ["DESCROW_TOKENS"])
TOKEN = "token"


@schemathesis.auth()
class ByRole:
    """A token of a role that the operation names. Logging out ends its own session only."""

    def get(self, case, context):
        operation = context.operation.definition.raw
        if operation.get("operationId") == "auth_logout":
            return TOKENS["leaver"]
        roles = operation.get("x-descrow-roles", [])
        return TOKENS["seller"] if "seller" in roles else TOKENS[roles[0]] if roles else None

    def set(self, case, data, context):
        if data is not None:
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {data}"
