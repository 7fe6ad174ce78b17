"""What turns models into findings: how they differ in weights and representations, and pictures of it.

No module here loads torch when it is imported, but those that only workers import.
"""
