"""What is kept of an execution beside its answer: its log, its search text, its failure's name;
what of it is hidden, and what is purged when."""
