"""Keeps an upload that is far too large from filling the disk."""

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


class SizeLimitHandler(FileUploadHandler):
    """Passes on what one file may hold and a little more, and swallows the rest: whoever reads the
    file then finds it over the limit and says so in words."""

    received = 0

    def new_file(self, *args: object, **kwargs: object) -> None:
        self.received = 0
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.received > settings.ARTIFACT_MAX_BYTES:
            return None
        self.received += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
