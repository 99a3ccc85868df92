"""Encrypted, incremental copies of the database and the files, made while the portal runs, and the way back."""
