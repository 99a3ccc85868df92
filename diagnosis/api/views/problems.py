"""The answers that are not results, for the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from diagnosis.api import examples
from diagnosis.api.errors import PROBLEM, TITLES
from diagnosis.api.serializers.problem import ProblemSerializer
from diagnosis.api.strict import KNOWN, UnknownParameter

# Any address may be asked with a parameter that it does not know, and without a token.
ALWAYS = (400, 401)
TAG = {"schema": {"type": "string"}, "description": "changes with what is answered; for `If-None-Match`"}
NAMES = {
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    409: "already_open",
    412: "changed_since",
    413: "file_too_large",
    422: "not_an_image",
    429: "too_many_failures",
    503: "intake_unavailable",
    507: "disk_full",
}


def problems(*codes: int) -> dict[int, OpenApiResponse]:
    return {code: OpenApiResponse(ProblemSerializer, TITLES[code], [_example(code)]) for code in (*ALWAYS, *codes)}


def _example(code: int) -> OpenApiExample:
    if code == 400:
        unknown = UnknownParameter("q", ["search", "medical_record_number"])
        return examples.problem(code, TITLES[code], unknown.code, KNOWN % unknown.params, **unknown.details)
    return examples.problem(code, TITLES[code], NAMES[code], TITLES[code])


def as_conditional(result: dict[str, Any], **_more: object) -> dict[str, Any]:
    """A hook of drf-spectacular: what a client that has the thing already is answered."""
    for operations in result["paths"].values():
        for operation in operations.values():
            if any(one["name"] == "If-None-Match" for one in operation.get("parameters", ())):
                operation["responses"]["304"] = {"description": "You have it already; there is no body."}
                operation["responses"]["200"].setdefault("headers", {})["ETag"] = TAG
    return result


def as_problems(result: dict[str, Any], **_more: object) -> dict[str, Any]:
    """A hook of drf-spectacular: refusals are sent under the media type of RFC 9457.

    Here and not where they are declared: a key of code and media type makes drf-spectacular take a refusal for the
    main answer.
    """
    for operations in result["paths"].values():
        for operation in operations.values():
            for code, response in operation["responses"].items():
                if code >= "400" and "content" in response:
                    response["content"] = {PROBLEM: next(iter(response["content"].values()))}
    return result
