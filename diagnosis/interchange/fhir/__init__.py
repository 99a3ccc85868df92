"""Rows as resources of FHIR R4. A resource is plain JSON values; `link` says how resources point at each other.

What R4 asks for and the portal does not know is left out with the optional element around it: no ImagingStudy lists its
instances, because their SOP classes are not kept.
"""
