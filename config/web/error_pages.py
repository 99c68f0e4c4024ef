"""Error pages of the site."""

import errno
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error as plain_server_error


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while the database is away or the disk is full: then waiting helps, and
    nothing was lost."""
    error = sys.exc_info()[1]
    is_full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    if is_full or isinstance(error, OperationalError | InterfaceError):
        response = plain_server_error(request, template_name="503.html")
        response.status_code = 503
        response["Retry-After"] = "10"
        return response
    return plain_server_error(request)
