"""From files of any layout to rows: what a file is, its records, the rules, languages, the draw.

`opening` and `records` know files, `reader` turns records into rows under the spec's rules and counts
what it leaves out; they need nothing but Python, so the service looks at small files while a request
waits. `stage` adds what only a worker has: Parquet, sets of the hub, and the detection of languages.
"""
