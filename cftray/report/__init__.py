"""What an experiment found: results, tables and the HTML page, all views of records.

Reads plans and records and knows no stage, so the control plane can show what any job has left.
"""
