"""One machine, one command: starts the broker, the web server and the worker, and keeps them running.

`manage.py serve` and `manage.py demo` are the two doors. In production each process has its own container (docker/).
"""
