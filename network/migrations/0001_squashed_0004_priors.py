import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import network.models.remote_entity
import uuid
from django.conf import settings
from django.db import migrations, models

from audit.tables import CreateModels


class Migration(migrations.Migration):
    """A new database's tables at once; an older one goes through those that this replaces, which stay (ADR 0305)."""

    replaces = [
        ('network', '0001_initial'),
        ('network', '0002_erased_study'),
        ('network', '0003_commitment'),
        ('network', '0004_priors'),
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
                name='RemoteEntity',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('title', models.CharField(help_text='By which it calls; case counts.', max_length=16, validators=[network.models.remote_entity.validate_title], verbose_name='AE title')),
                    ('networks', models.TextField(help_text='Addresses or networks from which it calls, one a line: 192.0.2.17 or 192.0.2.0/24.', max_length=2000, validators=[network.models.remote_entity.validate_networks], verbose_name='addresses')),
                    ('description', models.CharField(blank=True, max_length=120, verbose_name='description')),
                    ('is_active', models.BooleanField(default=True, help_text='Only then are its associations accepted.', verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('account', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='remote_entity', to=settings.AUTH_USER_MODEL)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='remote_entities', to='accounts.clinic', verbose_name='clinic')),
                    ('report_port', models.PositiveIntegerField(blank=True, help_text='Where it listens, at the address from which it asked, to be told that its images are kept (storage commitment). Empty: only while its association is open.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)], verbose_name='port for reports')),
                    ('patient_issuer', models.CharField(blank=True, db_default='', default='', help_text='Whose record numbers are this clinic’s, as the archive says in Issuer of Patient ID. A study that names another issuer is not fetched. Empty: it is not compared.', max_length=64, verbose_name='issuer of record numbers')),
                    ('priors_by', models.CharField(blank=True, choices=[('', 'It is not asked'), ('get', 'C-GET: on the association that asks'), ('move', 'C-MOVE: it sends them to the listener')], db_default='', default='', help_text='Whether earlier studies of a patient are asked for there (C-FIND) when a new one comes, and how.', max_length=4, verbose_name='priors')),
                    ('priors_most', models.PositiveSmallIntegerField(db_default=3, default=3, help_text='Of each patient, the newest earlier studies; those that are here count.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)], verbose_name='most priors')),
                    ('query_host', models.CharField(blank=True, db_default='', default='', help_text='Name or address at which it is asked.', max_length=253, verbose_name='host for queries')),
                    ('query_port', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)], verbose_name='port for queries')),
                    ('query_tls', models.BooleanField(db_default=False, default=False, verbose_name='queries encrypted (TLS)')),
                ],
                options={
                    'verbose_name': 'remote application entity',
                    'verbose_name_plural': 'remote application entities',
                    'ordering': ['clinic__name', 'title'],
                    'constraints': [models.UniqueConstraint(fields=('clinic', 'title'), name='one_remote_entity_per_title_and_clinic', violation_error_message='This clinic already has an entity with this AE title.')],
                },
            ),
            migrations.CreateModel(
                name='ReceivedStudy',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('key', models.CharField(editable=False, max_length=64)),
                    ('status', models.CharField(choices=[('waiting', 'Waiting for a person'), ('attached', 'Attached'), ('rejected', 'Rejected')], default='waiting', max_length=8, verbose_name='status')),
                    ('study_instance_uid', models.CharField(blank=True, max_length=64, verbose_name='study instance UID')),
                    ('accession_number', models.CharField(blank=True, max_length=64, verbose_name='accession number')),
                    ('record_number', models.CharField(blank=True, max_length=64, verbose_name='record number')),
                    ('patient_name', models.CharField(blank=True, max_length=400, verbose_name='name')),
                    ('person', models.JSONField(blank=True, default=list)),
                    ('birth_date', models.DateField(blank=True, null=True, verbose_name='birth date')),
                    ('sex', models.CharField(blank=True, max_length=1)),
                    ('modality', models.CharField(blank=True, max_length=16, verbose_name='modality')),
                    ('description', models.CharField(blank=True, max_length=64, verbose_name='description')),
                    ('examined_at', models.DateTimeField(blank=True, null=True, verbose_name='examined')),
                    ('received_at', models.DateTimeField(auto_now_add=True, verbose_name='received')),
                    ('decided_at', models.DateTimeField(blank=True, null=True)),
                    ('comparison', models.CharField(blank=True, editable=False, max_length=64)),
                    ('reason', models.CharField(blank=True, max_length=400, verbose_name='reason')),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='received_studies', to='accounts.clinic')),
                    ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ('patient', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='diagnosis.patient')),
                    ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='studies', to='network.remoteentity')),
                ],
                options={
                    'verbose_name': 'received study',
                    'verbose_name_plural': 'received studies',
                    'ordering': ['-received_at', '-id'],
                    'indexes': [models.Index(fields=['clinic', 'status', '-received_at'], name='received_study_waiting')],
                    'constraints': [models.UniqueConstraint(fields=('clinic', 'entity', 'key'), name='one_received_study_per_sender_and_key')],
                },
            ),
            migrations.CreateModel(
                name='ReceivedInstance',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('sop_class_uid', models.CharField(max_length=64)),
                    ('sop_instance_uid', models.CharField(max_length=64)),
                    ('transfer_syntax_uid', models.CharField(max_length=64)),
                    ('sha256', models.CharField(help_text='of the data set, without the head of the file', max_length=64, verbose_name='SHA-256')),
                    ('byte_size', models.PositiveBigIntegerField(verbose_name='bytes')),
                    ('address', models.GenericIPAddressField(verbose_name='address')),
                    ('received_at', models.DateTimeField(verbose_name='received')),
                    ('status', models.CharField(choices=[('received', 'Received'), ('waiting', 'Waiting for a person'), ('filed', 'Filed'), ('kept', 'Kept, not shown'), ('rejected', 'Rejected')], default='received', max_length=8, verbose_name='status')),
                    ('held_until', models.DateTimeField(blank=True, null=True)),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('reason_code', models.CharField(blank=True, help_text='a code of diagnosis.messages', max_length=40)),
                    ('reason_params', models.JSONField(blank=True, default=dict)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='received_instances', to='accounts.clinic')),
                    ('scan', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='diagnosis.scan')),
                    ('study', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='instances', to='network.receivedstudy')),
                    ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instances', to='network.remoteentity')),
                    ('retrieval', models.ForeignKey(blank=True, help_text='for which it was fetched; empty: somebody sent it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='instances', to='network.priorretrieval')),
                ],
                options={
                    'verbose_name': 'received instance',
                    'verbose_name_plural': 'received instances',
                    'ordering': ['received_at', 'id'],
                    'indexes': [models.Index(fields=['status', 'received_at'], name='received_instance_line')],
                    'constraints': [models.UniqueConstraint(fields=('clinic', 'sop_instance_uid', 'sha256'), name='one_instance_per_bytes')],
                },
            ),
            migrations.CreateModel(
                name='ErasedStudy',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(help_text='SHA-256 of its study instance UID', max_length=64)),
                    ('erased_at', models.DateTimeField(auto_now_add=True)),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.clinic')),
                ],
                options={
                    'verbose_name': 'deleted study',
                    'verbose_name_plural': 'deleted studies',
                    'constraints': [models.UniqueConstraint(fields=('clinic', 'digest'), name='one_erased_study_per_uid')],
                },
            ),
            migrations.CreateModel(
                name='CommitmentRequest',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('transaction_uid', models.CharField(max_length=64)),
                    ('instances', models.JSONField()),
                    ('address', models.GenericIPAddressField(verbose_name='address')),
                    ('requested_at', models.DateTimeField()),
                    ('status', models.CharField(choices=[('waiting', 'Waiting'), ('reported', 'Reported'), ('given_up', 'Given up')], default='waiting', max_length=8, verbose_name='status')),
                    ('held_until', models.DateTimeField(blank=True, null=True)),
                    ('next_try_at', models.DateTimeField()),
                    ('attempts', models.PositiveSmallIntegerField(default=0)),
                    ('ended_at', models.DateTimeField(blank=True, null=True)),
                    ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='commitments', to='network.remoteentity')),
                ],
                options={
                    'verbose_name': 'storage commitment request',
                    'verbose_name_plural': 'storage commitment requests',
                    'indexes': [models.Index(fields=['status', 'next_try_at'], name='commitment_line')],
                    'constraints': [models.UniqueConstraint(fields=('entity', 'transaction_uid'), name='one_commitment_per_transaction')],
                },
            ),
            migrations.CreateModel(
                name='PriorRetrieval',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('status', models.CharField(choices=[('wanted', 'To be asked for'), ('fetching', 'Being fetched'), ('done', 'Done'), ('failed', 'Failed')], default='wanted', max_length=8, verbose_name='status')),
                    ('found', models.JSONField(blank=True, default=list)),
                    ('wanted_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='wanted')),
                    ('attempts', models.PositiveIntegerField(default=0, verbose_name='attempts')),
                    ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='next attempt')),
                    ('held_until', models.DateTimeField(blank=True, null=True)),
                    ('begun_at', models.DateTimeField(blank=True, null=True, verbose_name='last begun')),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended')),
                    ('last_answer', models.TextField(blank=True, default='', verbose_name='last answer')),
                    ('message_id', models.PositiveIntegerField(blank=True, null=True)),
                    ('entity', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='retrievals', to='network.remoteentity', verbose_name='archive')),
                    ('study', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='prior_retrievals', to='diagnosis.study', verbose_name='study')),
                ],
                options={
                    'verbose_name': 'retrieval of priors',
                    'verbose_name_plural': 'retrievals of priors',
                    'ordering': ['-wanted_at', '-id'],
                    'indexes': [models.Index(condition=models.Q(('status__in', ('wanted', 'fetching'))), fields=['next_attempt_at'], name='retrieval_line'), models.Index(fields=['entity', '-wanted_at', '-id'], name='retrieval_of_archive')],
                    'constraints': [models.UniqueConstraint(fields=('entity', 'study'), name='one_retrieval_per_archive_and_study'), models.CheckConstraint(condition=models.Q(('status__in', ['wanted', 'fetching', 'done', 'failed'])), name='retrieval_status_known')],
                },
            ),
        ]),
    ]
