"""The locked side: the processes that open model files, and the rights that they give up before."""
