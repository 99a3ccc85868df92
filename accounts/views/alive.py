from __future__ import annotations

import math

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import idle


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alive(request: HttpRequest) -> HttpResponse:
    """How many seconds are left until the person is signed out, 0 once they are; POST says that they act."""
    if not request.user.is_authenticated:
        return JsonResponse({"seconds": 0})
    if request.method == "POST":
        idle.touch(request.session)
    return JsonResponse({"seconds": math.ceil(idle.seconds_left(request.session))})
