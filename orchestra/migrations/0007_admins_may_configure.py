"""The groups admins and auditors get what they need in the administration; what is changed there later stays."""

from django.db import migrations

CHANGE = ["add", "change", "view"]
ADD = ["add", "view"]
#: What each group may do to each kind of row. Deleting is for working rows only.
ADMINS = {
    ("auth", "group"): CHANGE,
    ("orchestra", "person"): CHANGE,
    ("orchestra", "user"): CHANGE,
    ("orchestra", "serviceaccount"): CHANGE,
    ("orchestra", "apitoken"): CHANGE,
    ("orchestra", "environment"): CHANGE,
    ("orchestra", "deployment"): [],  # by the rights on each deployment
    ("orchestra", "deploymentgrouppermission"): CHANGE,
    ("orchestra", "draft"): [*CHANGE, "delete"],
    ("orchestra", "workflow"): ["view"],
    ("orchestra", "workflowversion"): ADD,
    ("orchestra", "policy"): ["view"],
    ("orchestra", "policyversion"): ADD,
    ("orchestra", "policypublication"): ["view"],
    ("orchestra", "tool"): ["view"],
    ("orchestra", "toolversion"): ADD,
    ("orchestra", "toolbinding"): CHANGE,
    ("orchestra", "agent"): ["change", "view"],
    ("orchestra", "agentversion"): ADD,
    ("orchestra", "grant"): [*CHANGE, "delete"],
    ("orchestra", "budget"): CHANGE,
    ("orchestra", "routingrule"): [*CHANGE, "delete"],
    ("orchestra", "webhook"): CHANGE,
    ("orchestra", "halt"): ["view"],
    ("mfa", "authenticator"): ["view", "delete"],
}
#: What auditors see besides; what happened on deployments they see by their right there.
SEEN = [
    "auditevent", "auditseal", "run", "task", "step", "turn", "toolcall", "dispatch", "ruling", "proposal",
    "approval", "humantask", "outboxmessage", "webhookdelivery",
]  # fmt: skip
AUDITORS = {key: ["view"] for key in ADMINS if key != ("orchestra", "deployment")} | {
    ("orchestra", name): ["view"] for name in SEEN
}


def give(apps, schema_editor):
    """Add the permissions; those that Django has not made yet are made as it would."""
    using = schema_editor.connection.alias
    for group, given in (("admins", ADMINS), ("auditors", AUDITORS)):
        row = apps.get_model("auth", "Group").objects.using(using).get(name=group)
        for (app, model), verbs in given.items():
            row.permissions.add(*(_permission(apps, using, app, model, verb) for verb in verbs))


def _permission(apps, using, app, model, verb):
    kind, _ = (
        apps.get_model("contenttypes", "ContentType").objects.using(using).get_or_create(app_label=app, model=model)
    )
    words = apps.get_model(app, model)._meta.verbose_name
    permissions = apps.get_model("auth", "Permission").objects.using(using)
    row, _ = permissions.get_or_create(
        content_type=kind, codename=f"{verb}_{model}", defaults={"name": f"Can {verb} {words}"}
    )
    return row


class Migration(migrations.Migration):
    """Seed the permissions of admins and auditors."""

    dependencies = [
        ("orchestra", "0006_requesters_are_told"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
