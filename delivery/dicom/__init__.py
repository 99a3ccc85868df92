"""Results and reports as DICOM objects in the study that they are about, and the way to an archive.

highdicom is imported where something is built, never when the web process starts.
"""
