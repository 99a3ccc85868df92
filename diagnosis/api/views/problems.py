"""The answers that are not results, for the schema."""

from drf_spectacular.utils import OpenApiResponse

from diagnosis.api.serializers.problem import ProblemSerializer

TITLES = {
    400: "The request is malformed.",
    401: "There is no token or session, or it no longer counts.",
    403: "Your role does not allow this.",
    404: "There is no such thing here, or you may not see it.",
    409: "The state of the thing forbids this now.",
    413: "The file is larger than what is accepted.",
    422: "The file was refused.",
    429: "Too many attempts; wait as long as Retry-After says.",
    503: "Not at the moment; try again.",
    507: "The server's disk is full; nothing was stored.",
}


def problems(*codes: int) -> dict[int, OpenApiResponse]:
    return {code: OpenApiResponse(ProblemSerializer, TITLES[code]) for code in (401, *codes)}
