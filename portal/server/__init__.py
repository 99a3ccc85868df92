"""The web server of a process: one thread receives every request whole, and only then takes a working thread for it.

gunicorn starts and watches the processes; waitress receives and sends. What is added here is who may send much, how
long a sender may take, and whose upload comes next.
"""
