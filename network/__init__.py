"""The DICOM network: what modalities and archives send, until it is a patient's image or a person turned it away."""
