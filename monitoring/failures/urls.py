"""Addresses of failures."""

from django.urls import path

from monitoring.failures import bound_views, contact, replay_views, review_views, views

urlpatterns = [
    path("monitoring/failures/", views.failure_list, name="failures"),
    path("monitoring/failures/selection/", review_views.review_groups, name="review_groups"),
    path("monitoring/failures/<int:pk>/", views.failure_group, name="failure"),
    path("monitoring/failures/<int:pk>/review/", review_views.review, name="review"),
    path("monitoring/failures/<int:pk>/resolve/", review_views.resolve, name="resolve"),
    path("monitoring/failures/<int:pk>/reopen/", review_views.reopen, name="reopen"),
    path("monitoring/failures/<int:pk>/note/", review_views.note, name="note"),
    path(
        "monitoring/failures/<int:pk>/failures/",
        review_views.review_failures,
        name="review_failures",
    ),
    path("monitoring/predictions/<uuid:pk>/failure/", views.failure_of, name="failure_of"),
    path("monitoring/predictions/<uuid:pk>/replay/", replay_views.start, name="replay_start"),
    path("monitoring/predictions/<uuid:pk>/contact/", contact.contact, name="contact"),
    path("monitoring/predictions/<uuid:pk>/bound/", bound_views.set_bound, name="set_bound"),
    path("monitoring/replays/<uuid:pk>/", replay_views.replay, name="replay"),
    path("monitoring/replays/<uuid:pk>/bundle/", replay_views.bundle, name="replay_bundle"),
]
