from django.urls import path, re_path

from fhir.catalogue import KINDS
from fhir.views import Metadata, Nowhere, Read, Search, SearchForm

app_name = "fhir"

urlpatterns = [path("metadata", Metadata.as_view(), name="metadata")]
for _name, _kind in KINDS.items():
    urlpatterns += [
        path(_name, Search.as_view(kind=_kind), name=f"{_name}-search"),
        path(f"{_name}/_search", SearchForm.as_view(kind=_kind), name=f"{_name}-form"),
        path(f"{_name}/<str:key>", Read.as_view(kind=_kind), name=_name),
    ]
urlpatterns.append(re_path("", Nowhere.as_view()))
