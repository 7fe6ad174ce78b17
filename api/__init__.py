"""The control plane: REST over HTTP, a database of intent and attempts, and a reconciler.

It plans, stores, submits jobs through Ray's REST API and reads what they tell in the store. It never
imports torch, ray or transformers, so it starts in a second and runs where no worker could.
"""
