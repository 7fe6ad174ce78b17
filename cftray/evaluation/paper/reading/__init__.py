"""From published files to documents: which file, which rows, which fields."""
