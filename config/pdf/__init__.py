"""Pages as PDF: the documents, and the process that makes one."""
