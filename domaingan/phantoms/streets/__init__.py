"""Streets as a car's camera sees them: what ``phantom:driving`` is made with.

A street is a strip along ``s`` (metres ahead), ``d`` (metres right of its middle) and ``y`` (metres above the ground).
:mod:`street_plan` draws what a sequence is like, :mod:`traffic` says what stands where at a time, the models
(:mod:`vehicles`, :mod:`people`, :mod:`scenery`) turn that into flat polygons, :mod:`lens` projects them into maps of
what each pixel sees, :mod:`surfaces` colours these, and :mod:`light` and :mod:`camera` light and photograph them.
"""
