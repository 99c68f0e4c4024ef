"""`prefect`, with Python's search for garbage as rare as in our own processes.

An eighth of the processor time of each call and of the start went into searching. Run by its path:
`python deploy/prefect_server.py server start`.
"""

import gc
import runpy

gc.set_threshold(50_000, 20, 20)
runpy.run_module("prefect", run_name="__main__", alter_sys=True)
