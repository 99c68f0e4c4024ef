"""Results as people read them: answers, scales, rows of lists, and the pane beside a form."""
