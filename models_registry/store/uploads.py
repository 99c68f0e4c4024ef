"""The upload handler that stops oversized uploads before they fill the disk."""

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler

BESIDE = 32 * 1024**2
"""The bytes allowed beside a model file: training configuration, reference data, text."""


class SizeLimitHandler(FileUploadHandler):
    """The handler of uploads. Passes on slightly more than the limit of one file, and of the whole
    request, and drops the rest: the reader of the file then finds it over the limit and reports
    that."""

    received = received_of_all = 0

    def new_file(self, *args: object, **kwargs: object) -> None:
        self.received = 0
        super().new_file(*args, **kwargs)  # type: ignore[arg-type]

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        most = settings.ARTIFACT_MAX_BYTES
        if self.received > most or self.received_of_all > most + BESIDE:
            return None
        self.received += len(raw_data)
        self.received_of_all += len(raw_data)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
