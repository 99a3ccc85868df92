from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnosis.analyses import classifiers
from diagnosis.api.serializers.classifier import ClassifierSerializer, EnsembleSerializer
from diagnosis.api.views.problems import problems


class Classifiers(APIView):
    """The classifiers that are active here. Loads no weights."""

    @extend_schema(operation_id="classifiers_list", responses={200: ClassifierSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        return Response(ClassifierSerializer(classifiers.active_specs(), many=True).data)


class Ensembles(APIView):
    """What combines the classifiers' answers here; it speaks only while exactly its members are active."""

    @extend_schema(operation_id="ensembles_list", responses={200: EnsembleSerializer(many=True), **problems()})
    def get(self, request: Request) -> Response:
        return Response(EnsembleSerializer(classifiers.ensembles(), many=True).data)
