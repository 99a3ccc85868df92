from django.urls import path, re_path

from fhir.catalogue import KINDS
from fhir.resources.orders import SERVICE_REQUEST
from fhir.views import Metadata, Nowhere, Read, Search, SearchForm
from fhir.writing import OneOrder, Orders

app_name = "fhir"

urlpatterns = [path("metadata", Metadata.as_view(), name="metadata")]
for _name, _kind in KINDS.items():
    _all, _one = (Orders, OneOrder) if _kind is SERVICE_REQUEST else (Search, Read)
    urlpatterns += [
        path(_name, _all.as_view(kind=_kind), name=f"{_name}-search"),
        path(f"{_name}/_search", SearchForm.as_view(kind=_kind), name=f"{_name}-form"),
        path(f"{_name}/<str:key>", _one.as_view(kind=_kind), name=_name),
    ]
urlpatterns.append(re_path("", Nowhere.as_view()))
