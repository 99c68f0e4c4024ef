"""Addresses of a person's own pages that allauth does not provide."""

from django.urls import path, re_path

from accounts import views
from accounts.invitations import views as invitations
from accounts.single_sign_on import views as single_sign_on

app_name = "accounts"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("resend/", views.resend_confirmation, name="resend_confirmation"),
    path("data/", views.data, name="data"),
    re_path(r"^data/(?P<kind>json|csv)/$", views.download_data, name="download_data"),
    path("close/", views.close_account, name="close"),
    path("invitation/<str:secret>/", invitations.accept, name="invitation"),
    path("oidc/begin/", single_sign_on.begin, name="single_sign_on"),
    path("oidc/callback/", single_sign_on.callback, name="single_sign_on_callback"),
    path("oidc/link/", single_sign_on.link, name="single_sign_on_link"),
]
