"""The contract between the worker, which has credentials, and the host, which opens model files.

Both sides import this package; it imports neither Django, Prefect nor scikit-learn.

A message is a big-endian unsigned 32-bit length and that many bytes of UTF-8 JSON: a request is at
most ``MAX_MESSAGE`` bytes, a reply at most ``MAX_REPLY``. A ``load`` request is followed by the
artifact's bytes: an unsigned 64-bit length, then the bytes. Every request gets exactly one reply.
Nothing pickled ever crosses.

Requests, one JSON object each:

``{"op": "origin"}`` and the artifact's bytes, as for ``load``
    the reply is an ``Origin``; nothing is opened.
``{"op": "load", "format": "joblib", "approved": [["package.module", "Name"], ...]}`` and the bytes
    opens the artifact; the reply is a ``LoadReport``.
``{"op": "examine", "names": [name, ...], "named_by": "config"}``
    the reply is an ``Examination``. ``names`` are those of the inputs, for a model that does not
    tell them.
``{"op": "predict", "layout": InputLayout, "inputs": {name: value}}``
    the reply is ``Outputs``. ``value`` is None (missing), a bool, an int, a finite float or a str.
``{"op": "predict_many", "layout", "rows": [[value, ...], ...], "seconds": 2.0}``
    the values of each row in the layout's order; the reply is ``ManyOutputs`` of the first rows, at
    least one: as many as are answered in about so many seconds and fit into a reply.
``{"op": "trace", "level": "steps", "hidden": [name, ...], "layout": …, "inputs": …}``
    the same prediction, watched; the reply is ``Traced``. Values of ``hidden`` inputs, and what
    was made of them, stay out of the trace.
``{"op": "explain", "layout", "inputs", "typical": {name: value}, "seed": 1, "seconds": 2.0}``
    the reply is an ``Explanation`` of the answer to these inputs.
``{"op": "curve", "layout", "inputs", "name": name, "points": [value, ...]}``
    the reply is a ``Curve``.

Replies: ``{"ok": true, "result": {...}}`` or ``{"ok": false, "error": {...}}`` with the fields of
``HostError``.

The modules of this package hold the dataclasses that these messages carry, a noun each, and their
JSON form (``codec``); ``model_host.wire`` turns messages into bytes and back.
"""

MAX_MESSAGE = 16 * 1024 * 1024
MAX_REPLY = 4 * 1024 * 1024
"""Smaller than a request: parsed JSON takes up to twenty times its bytes in the worker's memory."""
