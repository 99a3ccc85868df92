from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Files named by their content, in the `import … from "./…"` of our modules too, so that all are cached alike."""

    support_js_module_import_aggregation = True
