"""FHIR R4 over HTTP: the portal's rows, read and searched, with the permissions of the API."""
