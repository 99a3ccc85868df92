"""The answers that are not results, for the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from diagnosis.api.errors import PROBLEM, TITLES
from diagnosis.api.serializers.problem import ProblemSerializer


def problems(*codes: int) -> dict[int, OpenApiResponse]:
    return {code: OpenApiResponse(ProblemSerializer, TITLES[code]) for code in (401, *codes)}


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
