"""Bring-up of the parts CFTRay stands on: on this machine (`python -m cluster up`), and on real clusters.

The embedded stack is a Ray head, an MLflow server and the API as child processes, all of them on
loopback, all their state in one folder (`.cftray`, or `CFTRAY_HOME`).
"""
