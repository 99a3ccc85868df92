"""Database triggers: an entry of the audit trail is never changed, deleted or emptied out."""

from django.db import migrations

from audit import walls

TABLE = "audit_auditevent"


def raise_wall(apps, schema_editor):
    for statement in walls.raised(schema_editor.connection.vendor, TABLE):
        schema_editor.execute(statement)


def lower_wall(apps, schema_editor):
    for statement in walls.lowered(schema_editor.connection.vendor, TABLE):
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunPython(raise_wall, lower_wall)]
