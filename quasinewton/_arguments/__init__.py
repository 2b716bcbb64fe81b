"""What users pass as data: starts, points and `args`, converted once or refused in one line."""
