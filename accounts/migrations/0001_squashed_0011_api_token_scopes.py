import accounts.locale
import accounts.models.user
import accounts.roles
import accounts.scopes
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from audit.tables import CreateModels


class Migration(migrations.Migration):
    """A new database's tables at once; an older one goes through those that this replaces, which stay (ADR 0305)."""

    replaces = [
        ('accounts', '0001_initial'),
        ('accounts', '0002_api_token_name'),
        ('accounts', '0003_locale'),
        ('accounts', '0004_role_choices'),
        ('accounts', '0005_words'),
        ('accounts', '0006_letterhead'),
        ('accounts', '0007_second_factor_roles'),
        ('accounts', '0008_people'),
        ('accounts', '0009_single_sign_on'),
        ('accounts', '0010_provider_links_end'),
        ('accounts', '0011_api_token_scopes'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        CreateModels([
            migrations.CreateModel(
                name='Clinic',
                fields=[
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('name', models.CharField(max_length=120, unique=True, verbose_name='name')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('language', models.CharField(blank=True, help_text='For those who chose none themselves. Empty: as each browser asks.', max_length=16, validators=[accounts.locale.validate_language], verbose_name='language')),
                    ('time_zone', models.CharField(blank=True, help_text='For those who chose none themselves. Empty: the portal’s.', max_length=64, validators=[accounts.locale.validate_time_zone], verbose_name='time zone')),
                    ('second_factor_roles', models.JSONField(blank=True, default=list, verbose_name='roles that must have a second factor')),
                ],
                options={
                    'verbose_name': 'clinic',
                    'verbose_name_plural': 'clinics',
                    'ordering': ['name'],
                },
            ),
            migrations.CreateModel(
                name='User',
                fields=[
                    ('password', models.CharField(max_length=128, verbose_name='password')),
                    ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                    ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                    ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                    ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                    ('full_name', models.CharField(max_length=120, verbose_name='full name')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('is_staff', models.BooleanField(default=False, verbose_name='may open the admin panel')),
                    ('date_joined', models.DateTimeField(auto_now_add=True, verbose_name='account created')),
                    ('language', models.CharField(blank=True, help_text='Empty: as the clinic.', max_length=16, validators=[accounts.locale.validate_language], verbose_name='language')),
                    ('time_zone', models.CharField(blank=True, help_text='Empty: as the clinic.', max_length=64, validators=[accounts.locale.validate_time_zone], verbose_name='time zone')),
                    ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                    ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                ],
                options={
                    'verbose_name': 'user',
                    'verbose_name_plural': 'users',
                    'ordering': ['full_name'],
                    'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('email'), name='one_user_per_email_in_any_case')],
                },
                managers=[
                    ('objects', accounts.models.user.UserManager()),
                ],
            ),
            migrations.CreateModel(
                name='Membership',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('role', models.CharField(choices=accounts.roles.role_choices, max_length=20, verbose_name='role')),
                    ('is_active', models.BooleanField(default=True, verbose_name='active')),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('clinic', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='accounts.clinic', verbose_name='clinic')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                    ('from_claims', models.BooleanField(db_default=False, default=False, help_text='It ends when the person leaves the group. A change made here makes it the clinic’s own again.', verbose_name='follows the groups of single sign-on')),
                ],
                options={
                    'verbose_name': 'membership',
                    'verbose_name_plural': 'memberships',
                    'ordering': ['clinic__name', 'user__email'],
                    'constraints': [models.UniqueConstraint(fields=('user', 'clinic'), name='one_role_per_person_and_clinic')],
                },
            ),
            migrations.CreateModel(
                name='ApiToken',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('name', models.CharField(help_text='What uses it, for example “ward 3 scanner”.', max_length=80, verbose_name='name')),
                    ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                    ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                    ('expires_at', models.DateTimeField(verbose_name='expires')),
                    ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used')),
                    ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                    ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to='accounts.membership', verbose_name='membership')),
                    ('scopes', models.CharField(default='*', help_text='What it may do of what its person may do; * for everything.', max_length=400, validators=[accounts.scopes.plausible], verbose_name='scopes')),
                ],
                options={
                    'verbose_name': 'API token',
                    'verbose_name_plural': 'API tokens',
                    'ordering': ['-created_at'],
                },
            ),
            migrations.CreateModel(
                name='Letterhead',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('address', models.TextField(blank=True, help_text='Street, place and telephone, a line each.', max_length=300, verbose_name='address')),
                    ('logo', models.BinaryField(null=True, verbose_name='logo')),
                    ('clinic', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='letterhead', to='accounts.clinic', verbose_name='clinic')),
                ],
                options={
                    'verbose_name': 'letterhead',
                    'verbose_name_plural': 'letterheads',
                },
            ),
            migrations.CreateModel(
                name='Invitation',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                    ('created_at', models.DateTimeField(verbose_name='created')),
                    ('expires_at', models.DateTimeField(verbose_name='expires')),
                    ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                    ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='invitation', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ],
                options={
                    'verbose_name': 'invitation',
                    'verbose_name_plural': 'invitations',
                },
            ),
            migrations.CreateModel(
                name='OpenSession',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                    ('agent', models.CharField(blank=True, help_text='What the browser says of itself.', max_length=200)),
                    ('address', models.CharField(blank=True, max_length=45, verbose_name='network address')),
                    ('first_seen', models.DateTimeField(default=django.utils.timezone.now)),
                    ('last_seen', models.DateTimeField(default=django.utils.timezone.now)),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='open_sessions', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ],
                options={
                    'verbose_name': 'open session',
                    'verbose_name_plural': 'open sessions',
                    'ordering': ['-last_seen'],
                },
            ),
            migrations.CreateModel(
                name='ProviderLink',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('issuer', models.CharField(max_length=255, verbose_name='provider')),
                    ('subject', models.CharField(max_length=255, verbose_name='name at the provider')),
                    ('linked_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='connected')),
                    ('last_used_at', models.DateTimeField(blank=True, null=True, verbose_name='last used')),
                    ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='provider_links', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                    ('authenticated_at', models.DateTimeField(blank=True, editable=False, null=True)),
                    ('by_email', models.BooleanField(db_default=False, default=False, editable=False)),
                    ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='disconnected')),
                    ('groups_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ],
                options={
                    'verbose_name': 'connected sign-in',
                    'verbose_name_plural': 'connected sign-ins',
                    'ordering': ['user__email'],
                    'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('issuer', 'subject'), name='one_person_per_subject'), models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('user', 'issuer'), name='one_subject_per_person')],
                },
            ),
        ]),
    ]
