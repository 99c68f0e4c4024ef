"""The locked side: the processes that open model files, and all that is taken from them before."""
