"""A package whose import leaves a thread behind: such a process cannot be locked as a whole."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
