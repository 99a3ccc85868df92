"""What importing a network trained elsewhere takes, whatever its file: statements, proof, numbers, papers. ADR 0207."""
