"""How the gate is fitted and measured. Imports Keras; nothing that serves imports this."""
