"""What the portal's rows are in the words of other systems: one mapping for files, messages and addresses."""
