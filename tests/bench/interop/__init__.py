"""The portal and Debian's Orthanc at the same work, and results on their way from one to the other."""
