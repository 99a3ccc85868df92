from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from diagnosis.actions.withdrawal import take_back
from diagnosis.api.idempotency import idempotent
from diagnosis.api.scope import person, visible
from diagnosis.api.serializers.withdrawal import TakeBackSerializer, WithdrawalSerializer
from diagnosis.api.strict import Strict
from diagnosis.api.views.problems import problems
from diagnosis.models import Study


class TakeBack(Strict, generics.GenericAPIView[Any]):
    """An upload of one's own that was a mistake."""

    serializer_class = WithdrawalSerializer

    def get_queryset(self) -> QuerySet[Study]:
        return visible(Study.objects.select_related("clinic", "patient"), self.request)

    @extend_schema(
        summary="Take back an upload",
        request=TakeBackSerializer,
        responses={200: WithdrawalSerializer, **problems(403, 404, 409, 422)},
    )
    @idempotent
    def post(self, request: Request, pk: str) -> Response:
        """Take back images that you uploaded, while nobody has begun to read the study.

        They are in no list any more, and neither is a study of which nothing is left. What remains is analysed anew.
        The files stay stored: the clinic's administrator can restore them, and you may upload them again.
        """
        body = TakeBackSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields: dict[str, Any] = body.validated_data
        made = take_back(by=person(request), study=self.get_object(), **fields)
        return Response(WithdrawalSerializer(made, context=self.get_serializer_context()).data)
