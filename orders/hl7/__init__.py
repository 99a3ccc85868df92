"""HL7 version 2: messages that order and register, the answers to them, and results as messages."""
