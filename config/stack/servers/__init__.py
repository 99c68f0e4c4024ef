"""The servers of the embedded stack, each as a part, and the ports and programs they need."""
