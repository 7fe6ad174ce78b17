"""Figures from plain numbers, each as PNG and SVG, the same bytes every time.

Readable in print and without colour: whatever a colour tells, a marker, a line's dashes, a hatch or a label tells
too. Nothing here loads a model or knows a stage; matplotlib is loaded when a figure is drawn.
"""
