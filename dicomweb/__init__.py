"""DICOMweb (PS3.18): studies that are here, found and fetched by other programs, such as a viewer or an archive."""
