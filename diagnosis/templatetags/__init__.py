"""Tags and filters of the clinical templates: formats, rights, the viewer."""
