"""The plant as its people describe it: lines, stations, views, takt, shifts, and which images are kept.

plant.py        Plant, Line, Shift, Retention: frozen, checked
plant_toml.py   reads them from inspector.toml; what is not known there is refused with a hint
shifts.py       which shift a moment belongs to, and from when to when that shift is
"""
