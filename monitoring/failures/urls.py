"""Addresses of failures."""

from django.urls import path

from monitoring.failures import acts, contact, replays, views

urlpatterns = [
    path("monitoring/failures/", views.failure_list, name="failures"),
    path("monitoring/failures/selection/", acts.review_groups, name="review_groups"),
    path("monitoring/failures/<int:pk>/", views.failure_group, name="failure"),
    path("monitoring/failures/<int:pk>/review/", acts.review, name="review"),
    path("monitoring/failures/<int:pk>/resolve/", acts.resolve, name="resolve"),
    path("monitoring/failures/<int:pk>/reopen/", acts.reopen, name="reopen"),
    path("monitoring/failures/<int:pk>/note/", acts.note, name="note"),
    path("monitoring/failures/<int:pk>/failures/", acts.review_failures, name="review_failures"),
    path("monitoring/predictions/<uuid:pk>/failure/", views.failure_of, name="failure_of"),
    path("monitoring/predictions/<uuid:pk>/replay/", replays.start, name="replay_start"),
    path("monitoring/predictions/<uuid:pk>/contact/", contact.contact, name="contact"),
    path("monitoring/replays/<uuid:pk>/", replays.replay, name="replay"),
    path("monitoring/replays/<uuid:pk>/bundle/", replays.bundle, name="replay_bundle"),
]
