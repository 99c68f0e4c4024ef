"""The web server's worker with timeouts so short that a test need not wait for them."""

from config.web import answer, front

front.PATIENCE_SECONDS = 1.0
answer.TAKING_SECONDS = 1.0
front.LINGER_SECONDS = 0.5

Worker = front.Worker
