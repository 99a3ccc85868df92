"""What DICOMweb's addresses answer."""
