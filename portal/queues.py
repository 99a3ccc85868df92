"""The queues of the broker: what takes seconds does not stand behind what takes minutes.

A worker that names none takes from both by turns. Where two workers run, the one for short jobs loads no classifier.
"""

from __future__ import annotations

from kombu.entity import Exchange, Queue

# Celery's own default, so that what an older version left in the broker goes to a worker that has the classifiers.
ANALYSES = "celery"
SHORT = "short"
# With an exchange for each. Celery names the queue in what it sends. Whoever sends to an exchange would reach both, if
# they shared one and its key, as Celery binds them by default.
QUEUES = [
    Queue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]
    for name in (ANALYSES, SHORT)
]
ROUTES = {
    f"diagnosis.tasks.{task}": {"queue": ANALYSES}
    for task in ("run_analysis", "answer_ahead", "ask_those_on_trial", "draw_attention", "send_again")
}
