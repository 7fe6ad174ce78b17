"""Rows in other languages: what must stay stays, what can't be translated is left out, what went wrong is set aside."""
