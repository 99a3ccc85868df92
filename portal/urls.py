"""Every address of the portal."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from accounts.openid import is_on
from accounts.urls import entrance, single_sign_on
from diagnosis.api.urls import urlpatterns as api_of_diagnosis
from orders.api.urls import urlpatterns as api_of_orders
from portal.health import healthz, readyz
from portal.views import admin_entrance, contact, pages, script_catalogue

# allauth can keep several addresses for an account; here the account has one, and no page for others. What the
# administration may do with a second factor is to reset it.
for model in (EmailAddress, Authenticator):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

public: list[URLPattern] = [
    path("", pages.home, name="home"),
    path("about/", pages.about, name="about"),
    path("questions/", pages.questions, name="questions"),
    path("contact/", contact.write, name="contact"),
    path("contact/thanks/", contact.thanks, name="contact_thanks"),
    path("styleguide/", pages.styleguide, name="styleguide"),
]

# The last of diagnosis answers every other address below.
api: list[URLPattern | URLResolver] = [*api_of_orders, *api_of_diagnosis]

# One sign-in for pages and admin: the admin's own would know neither the limit on failures nor our look.
admin_doors: list[URLPattern] = [
    path("login/", admin_entrance.sign_in),
    path("logout/", login_not_required(RedirectView.as_view(pattern_name="account_logout"))),
    path("password_change/", RedirectView.as_view(pattern_name="account_change_password")),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((public, "portal"))),
    path("accounts/", include(entrance)),
    path("accounts/", include("accounts.urls")),
    path("admin/", include(admin_doors)),
    path("admin/", admin.site.urls),
    path("api/v1/", include((api, "api"))),
    path("api/dicom-web/", include("dicomweb.urls")),
    path("", include("diagnosis.urls")),
    path("", include("network.urls")),
    path("", include("orders.urls")),
    path("fhir/", include("fhir.urls")),
    path("", include("diagnosis.api.predecessor.urls")),
    path("", include("delivery.urls")),
    path("jsi18n/<str:language>/<str:digest>.js", script_catalogue.show, name="script_catalogue"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]

if is_on():
    urlpatterns.insert(1, path("accounts/", include(single_sign_on)))

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.permission_denied"
handler404 = "portal.views.errors.page_not_found"
handler429 = "portal.views.errors.too_many_requests"
handler500 = "portal.views.errors.server_error"
