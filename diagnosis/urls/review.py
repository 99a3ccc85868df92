"""The reading room and what it tells."""

from django.urls import path

from diagnosis.views import authorisation, notification, signing
from diagnosis.views.review import claim as hold
from diagnosis.views.review import detail as review
from diagnosis.views.review import phrases, policy, preference, queue, saved_filter, second_look, unsigned

urlpatterns = [
    path("reading/", queue.index, name="queue"),
    path("reading/next/", queue.take_next, name="review-next"),
    path("reading/filters/", saved_filter.save, name="queue-filter-save"),
    path("reading/filters/<int:pk>/delete/", saved_filter.delete, name="queue-filter-delete"),
    path("reading/second-looks/", second_look.index, name="second-looks"),
    path("reading/second-looks/of/<uuid:pk>/", second_look.take, name="second-look-take"),
    path("reading/second-looks/<uuid:pk>/", second_look.detail, name="second-look"),
    path("reading/second-looks/<uuid:pk>/return/", second_look.give_back, name="second-look-return"),
    path("reading/unsigned/", unsigned.index, name="reading-unsigned"),
    path("reading/unsigned/signature/", unsigned.sign, name="reading-sign"),
    path("reading/authorisation/", authorisation.index, name="reading-authorisation"),
    path("reading/phrases/", phrases.index, name="phrases"),
    path("reading/phrases/new/", phrases.add, name="phrase-add"),
    path("reading/phrases/<uuid:pk>/", phrases.change, name="phrase-change"),
    path("reading/phrases/<uuid:pk>/removal/", phrases.remove, name="phrase-remove"),
    path("reading/proof/", signing.prove_it, name="reading-proof"),
    path("reading/preferences/", preference.edit, name="reading-preference"),
    path("reading/policy/", policy.edit, name="reading-policy"),
    path("reading/<uuid:pk>/", review.detail, name="review"),
    path("reading/<uuid:pk>/result/", review.result, name="review-result"),
    path("reading/<uuid:pk>/neighbours/", review.neighbours, name="review-neighbours"),
    path("reading/<uuid:pk>/claim/", hold.claim, name="review-claim"),
    path("reading/<uuid:pk>/renew/", hold.renew, name="review-renew"),
    path("reading/<uuid:pk>/draft/", hold.draft, name="review-draft"),
    path("reading/<uuid:pk>/leave/", hold.leave, name="review-leave"),
    path("reading/<uuid:pk>/release/", hold.release, name="review-release"),
    path("reading/<uuid:pk>/impression/", review.impression, name="review-impression"),
    path("reading/<uuid:pk>/decision/", review.decide, name="review-decide"),
    path("reading/<uuid:pk>/second-opinion/", review.second_opinion, name="review-second"),
    path("reading/<uuid:pk>/urgent/", queue.urgent, name="review-urgent"),
    path("notifications/", notification.index, name="notifications"),
    path("notifications/unread/", notification.unread, name="notifications-unread"),
    path("notifications/read/", notification.read_all, name="notifications-read"),
    path("notifications/<int:pk>/", notification.open_one, name="notification"),
]
