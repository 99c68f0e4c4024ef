"""The execution log for admins: list, filters, detail page and downloads."""
