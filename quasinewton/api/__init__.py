"""What users call: one public function a file, named after it. Each reads its arguments, runs a
driver and returns.

Private: the public names are those of `quasinewton` itself.
"""
