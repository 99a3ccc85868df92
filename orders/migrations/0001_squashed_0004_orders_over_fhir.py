import django.core.validators
import django.db.models.deletion
import network.models.remote_entity
import uuid
from django.conf import settings
from django.db import migrations, models
from importlib import import_module

from audit.tables import CreateModels

messages = import_module("orders.migrations.0001_initial")


class Migration(migrations.Migration):
    """A new database's tables at once; an older one goes through those that this replaces, which stay (ADR 0305)."""

    replaces = [
        ('orders', '0001_initial'),
        ('orders', '0002_texts_of_all_orders'),
        ('orders', '0003_order_changed_at'),
        ('orders', '0004_orders_over_fhir'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0011_api_token_scopes'),
        ('diagnosis', '0001_squashed_0048_newest_first'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='OrderPolicy',
                fields=[
                    ('clinic', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='order_policy', serialize=False, to='accounts.clinic')),
                    ('overdue_hours', models.PositiveSmallIntegerField(default=24, help_text='after its time, or after it was ordered where it has none, without images', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(8784)], verbose_name='overdue after (hours)')),
                ],
                options={
                    'verbose_name': 'order policy',
                    'verbose_name_plural': 'order policies',
                },
            ),
            migrations.CreateModel(
                name='OrderSource',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('name', models.CharField(help_text='As people of the clinic know the system.', max_length=120, verbose_name='name')),
                    ('is_active', models.BooleanField(default=True, help_text='Only then is it listened to, and asked for its worklist.', verbose_name='active')),
                    ('assigning_authority', models.CharField(blank=True, help_text='Whose record numbers are this clinic’s, as its messages say in PID-3. Empty: they say none, or one only.', max_length=120, verbose_name='assigning authority')),
                    ('networks', models.TextField(blank=True, help_text='Addresses or networks from which it sends HL7 messages, one a line. Empty: it sends none.', max_length=2000, validators=[network.models.remote_entity.validate_networks], verbose_name='addresses')),
                    ('worklist_host', models.CharField(blank=True, help_text='Name or address. Empty: it has none.', max_length=120, verbose_name='host of the worklist')),
                    ('worklist_port', models.PositiveIntegerField(default=104, validators=[django.core.validators.MaxValueValidator(65535)], verbose_name='port of the worklist')),
                    ('worklist_title', models.CharField(blank=True, max_length=16, validators=[network.models.remote_entity.validate_title], verbose_name='AE title of the worklist')),
                    ('asked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='worklist last asked')),
                    ('failure', models.CharField(blank=True, editable=False, help_text='of the worklist; empty: none', max_length=120, verbose_name='last failure')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('account', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='order_source', to=settings.AUTH_USER_MODEL)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='order_sources', to='accounts.clinic', verbose_name='clinic')),
                    ('fhir_system', models.CharField(blank=True, db_default='', default='', help_text='The URI that an order’s identifier names. Empty: it places no orders over FHIR.', max_length=200, validators=[django.core.validators.RegexValidator('\\A[A-Za-z][A-Za-z0-9+.-]*:[^\\s|,]+\\Z', 'Write a URI, such as urn:oid:2.999.1.')], verbose_name='system of its order numbers in FHIR')),
                ],
                options={
                    'verbose_name': 'ordering system',
                    'verbose_name_plural': 'ordering systems',
                    'ordering': ['clinic__name', 'name'],
                    'constraints': [models.UniqueConstraint(fields=('clinic', 'name'), name='one_order_source_per_name_and_clinic', violation_error_message='This clinic already has an ordering system of this name.'), models.UniqueConstraint(condition=models.Q(('fhir_system', ''), _negated=True), fields=('clinic', 'fhir_system'), name='one_order_source_per_fhir_system_and_clinic', violation_error_message='Another ordering system of this clinic has these order numbers.')],
                },
            ),
            migrations.CreateModel(
                name='Order',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('placer_number', models.CharField(blank=True, max_length=64, verbose_name='placer order number')),
                    ('filler_number', models.CharField(blank=True, max_length=64, verbose_name='filler order number')),
                    ('accession_number', models.CharField(blank=True, max_length=64, verbose_name='accession number')),
                    ('study_instance_uid', models.CharField(blank=True, max_length=64, verbose_name='study instance UID')),
                    ('procedure_code', models.CharField(blank=True, max_length=64, verbose_name='procedure code')),
                    ('procedure_description', models.CharField(blank=True, max_length=200, verbose_name='procedure')),
                    ('modality', models.CharField(blank=True, help_text='as DICOM writes it: CR, DX, CT; empty: not said', max_length=16, verbose_name='modality')),
                    ('clinical_question', models.TextField(blank=True, max_length=2000, verbose_name='clinical question')),
                    ('referring_physician', models.CharField(blank=True, max_length=200, verbose_name='referring physician')),
                    ('ward', models.CharField(blank=True, max_length=120, verbose_name='ward')),
                    ('priority', models.CharField(blank=True, choices=[('routine', 'Routine'), ('urgent', 'Urgent')], max_length=7, verbose_name='priority')),
                    ('requested_at', models.DateTimeField(verbose_name='requested')),
                    ('scheduled_at', models.DateTimeField(blank=True, null=True, verbose_name='scheduled')),
                    ('expected_at', models.DateTimeField(editable=False, help_text='when scheduled, else requested', verbose_name='expected')),
                    ('status', models.CharField(choices=[('ordered', 'Ordered'), ('scheduled', 'Scheduled'), ('acquired', 'Images are here'), ('reported', 'Reported, not signed'), ('authorised', 'Report signed'), ('cancelled', 'Cancelled')], default='ordered', editable=False, max_length=10, verbose_name='status')),
                    ('cancelled_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='cancelled')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='received')),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='accounts.clinic', verbose_name='clinic')),
                    ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='diagnosis.patient', verbose_name='patient')),
                    ('placed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='placed by')),
                    ('study', models.ForeignKey(blank=True, editable=False, help_text='its images; empty: they are not here', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='diagnosis.study', verbose_name='study')),
                    ('source', models.ForeignKey(blank=True, help_text='empty: a person placed it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='orders.ordersource', verbose_name='ordering system')),
                    ('former_study', models.ForeignKey(blank=True, editable=False, help_text='the images that it had and let go of, until it has others', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.study')),
                    ('changed_at', models.DateTimeField(editable=False, help_text='when the ordering system last changed its words; empty: never', null=True)),
                ],
                options={
                    'verbose_name': 'order',
                    'verbose_name_plural': 'orders',
                    'ordering': ['expected_at', 'id'],
                    'indexes': [models.Index(fields=['clinic', 'status', 'expected_at', 'id'], name='order_waiting'), models.Index(fields=['clinic', 'accession_number'], name='order_by_accession')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('placer_number', ''), _negated=True), fields=('source', 'placer_number'), name='one_order_per_placer_number_and_source'), models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('ordered', 'scheduled', 'cancelled')), ('study', None)), models.Q(('study__isnull', False), models.Q(('status__in', ('ordered', 'scheduled', 'cancelled')), _negated=True)), _connector='OR'), name='order_has_images_or_waits')],
                },
            ),
            migrations.CreateModel(
                name='MergeProposal',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('status', models.CharField(choices=[('waiting', 'Waiting for a person'), ('merged', 'Merged'), ('dropped', 'Not merged')], default='waiting', max_length=7, verbose_name='status')),
                    ('made_at', models.DateTimeField(auto_now_add=True, verbose_name='received')),
                    ('decided_at', models.DateTimeField(blank=True, null=True)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merge_proposals', to='accounts.clinic')),
                    ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('gone', models.ForeignKey(help_text='the record that the other system uses no more', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.patient')),
                    ('kept', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.patient')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merge_proposals', to='orders.ordersource')),
                    ('reason', models.CharField(blank=True, help_text='why it was not done', max_length=400, verbose_name='reason')),
                ],
                options={
                    'verbose_name': 'proposal to merge',
                    'verbose_name_plural': 'proposals to merge',
                    'ordering': ['made_at', 'id'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('status', 'waiting')), fields=('gone', 'kept'), name='one_waiting_merge_proposal')],
                },
            ),
            migrations.CreateModel(
                name='OrderTransition',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('source', models.CharField(blank=True, help_text='empty where the object began', max_length=12, verbose_name='from')),
                    ('target', models.CharField(max_length=12, verbose_name='to')),
                    ('at', models.DateTimeField(auto_now_add=True, verbose_name='time')),
                    ('by', models.CharField(max_length=400, verbose_name='by')),
                    ('note', models.TextField(blank=True, help_text='a code of diagnosis.messages; text in older rows')),
                    ('note_params', models.JSONField(blank=True, default=dict, help_text="what fills the code's sentence")),
                    ('order', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='transitions', to='orders.order')),
                ],
                options={
                    'verbose_name': 'step of an order',
                    'verbose_name_plural': 'steps of an order',
                    'ordering': ['at', 'id'],
                },
            ),
            migrations.CreateModel(
                name='ReceivedMessage',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('control_id', models.CharField(max_length=199, verbose_name='message control id')),
                    ('kind', models.CharField(help_text='code and event, as ORM^O01', max_length=20, verbose_name='message')),
                    ('sha256', models.CharField(help_text='of the message without the time at which it was sent', max_length=64)),
                    ('answer', models.CharField(choices=[('AA', 'Accepted'), ('AE', 'Could not be used'), ('AR', 'Rejected')], max_length=2, verbose_name='answer')),
                    ('reason_code', models.CharField(blank=True, help_text='a code of diagnosis.messages', max_length=40)),
                    ('reason_params', models.JSONField(blank=True, default=dict)),
                    ('acknowledgement', models.TextField(help_text='as it was sent')),
                    ('address', models.GenericIPAddressField(verbose_name='address')),
                    ('received_at', models.DateTimeField(auto_now_add=True, verbose_name='received')),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.clinic')),
                    ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='orders.ordersource')),
                ],
                options={
                    'verbose_name': 'received message',
                    'verbose_name_plural': 'received messages',
                    'ordering': ['-received_at', '-id'],
                    'indexes': [models.Index(fields=['clinic', 'answer', '-received_at'], name='message_refused')],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('answer', 'AA')), fields=('source', 'control_id', 'sha256'), name='one_accepted_message_per_control_id')],
                },
            ),
            migrations.CreateModel(
                name='MessageBody',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('raw', models.BinaryField()),
                    ('patient', models.ForeignKey(blank=True, help_text='empty: nobody known here', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.patient')),
                    ('message', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='body', to='orders.receivedmessage')),
                    ('orders', models.ManyToManyField(blank=True, related_name='messages', to='orders.order')),
                ],
                options={
                    'verbose_name': 'text of a message',
                    'verbose_name_plural': 'texts of messages',
                },
            ),
        ]),
        migrations.RunPython(messages.raise_wall, messages.lower_wall),
    ]
