"""Mail: how one is written from a notification, and the outbox of every mail of the product."""
