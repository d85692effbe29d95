// SPDX-License-Identifier: Apache-2.0
/*
 * scenario.c - from facts about a system to its fields, by the briefing's six examples.
 *
 * What is declared stays declared; facts add fields, and notes tell where the two do not go
 * together. Overlaps of fields that the briefing draws are held against what is given.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"

#define BIT(field) (1u << (field))

void ztc_system_note(struct ztc_system *system, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_array_append_new(system->notes, ztc_say_v(fmt, ap));
	va_end(ap);
}

json_t *ztc_say_text(const char *msgid)
{
	json_t *message = json_object();

	for (int lang = 0; message && lang < ZTC_LANG_COUNT; lang++)
		json_object_set_new(message, ztc_lang_tag(lang),
				    json_string(ztc_tr_in(lang, msgid)));
	return message;
}

static bool is_cloud(const struct ztc_system *system)
{
	return system->model >= ZTC_MODEL_IAAS;
}

static void derive(struct ztc_system *system, enum ztc_field field, unsigned int scenario)
{
	system->derived |= BIT(field) & ~system->declared;
	system->rules |= 1u << scenario;
}

/* Scenario 6: outside users make another institution's field only when they come openly. */
static void derive_cross_org(struct ztc_system *system)
{
	const enum ztc_answer only_vpn = system->scene[ZTC_SCENE_EXTERNAL_VPN];

	if (system->scene[ZTC_SCENE_EXTERNAL] != ZTC_YES)
		return;
	if (only_vpn == ZTC_NO) {
		derive(system, ZTC_FIELD_CROSS_ORG, 6);
	} else if (only_vpn == ZTC_YES) {
		system->rules |= 1u << 6;
		if (system->declared & BIT(ZTC_FIELD_CROSS_ORG))
			ztc_system_note(
				system,
				N_("cross_org is declared, but outside users come through a VPN "
				   "only (scenario 6: not cross-institution collaboration)"));
	} else if (!(system->declared & BIT(ZTC_FIELD_CROSS_ORG))) {
		system->field_open = true;
		ztc_system_note(system, N_("outside users use it, but external_only_via_vpn is not "
					   "answered: whether it is cross_org stays open"));
	}
}

static void derive_fields(struct ztc_system *system)
{
	const enum ztc_answer *scene = system->scene;

	if (scene[ZTC_SCENE_EMPLOYEE_VPN] == ZTC_YES)
		derive(system, ZTC_FIELD_REMOTE_WORK, 1);
	if (is_cloud(system))
		derive(system, ZTC_FIELD_CLOUD_ACCESS, 2);
	if (scene[ZTC_SCENE_DB_INTERNAL] == ZTC_YES)
		derive(system, ZTC_FIELD_SYSTEM_OPS, 3);
	if (scene[ZTC_SCENE_OS_CSP] == ZTC_YES)
		derive(system, ZTC_FIELD_CLOUD_ACCESS, 3);
	if (scene[ZTC_SCENE_SENSITIVE] == ZTC_YES && scene[ZTC_SCENE_ADMIN_SPLIT] == ZTC_YES)
		derive(system, ZTC_FIELD_APP_ADMIN, 4);
	if (scene[ZTC_SCENE_OS_VENDOR] == ZTC_YES)
		derive(system, ZTC_FIELD_SERVICE_PROVIDER, 5);
	derive_cross_org(system);
}

/* Overlaps that the briefing draws, and what each is. */
static const struct overlap {
	enum ztc_field a, b;
	const char *what;
} overlaps[] = {
	{ZTC_FIELD_REMOTE_WORK, ZTC_FIELD_CLOUD_ACCESS, N_("remote access to the cloud")},
	{ZTC_FIELD_REMOTE_WORK, ZTC_FIELD_SYSTEM_OPS, N_("remote maintenance")},
	{ZTC_FIELD_REMOTE_WORK, ZTC_FIELD_APP_ADMIN, N_("remote administration of an application")},
	{ZTC_FIELD_REMOTE_WORK, ZTC_FIELD_SERVICE_PROVIDER, N_("a vendor that works remotely")},
	{ZTC_FIELD_SERVICE_PROVIDER, ZTC_FIELD_CROSS_ORG, N_("a vendor of another institution")},
	{ZTC_FIELD_SERVICE_PROVIDER, ZTC_FIELD_CLOUD_ACCESS, N_("a vendor in the cloud")},
	{ZTC_FIELD_SERVICE_PROVIDER, ZTC_FIELD_APP_ADMIN,
	 N_("a vendor that administers an application")},
	{ZTC_FIELD_SERVICE_PROVIDER, ZTC_FIELD_SYSTEM_OPS, N_("a vendor that maintains systems")},
	{ZTC_FIELD_CROSS_ORG, ZTC_FIELD_CLOUD_ACCESS, N_("other institutions in the cloud")},
	{ZTC_FIELD_CROSS_ORG, ZTC_FIELD_APP_ADMIN,
	 N_("other institutions with administrators' rights")},
	{ZTC_FIELD_CROSS_ORG, ZTC_FIELD_SYSTEM_OPS, N_("other institutions that maintain systems")},
};

/* As ztc_put_fields() calls them: by id in English, by name in Chinese. */
static const char *field_in(enum ztc_lang lang, enum ztc_field field, const json_t *name)
{
	return lang == ZTC_LANG_EN ? ztc_field_id(field) : ztc_text_in(lang, name);
}

/* An overlap is told in every language: its parts are translated one by one. @missing: a is. */
static void note_overlap(struct ztc_system *system, const struct overlap *o, bool missing)
{
	zt_auto(zt_json_decref) json_t *name_a = ztc_field_name(o->a),
				       *name_b = ztc_field_name(o->b);
	json_t *note = json_object();

	for (int lang = 0; note && lang < ZTC_LANG_COUNT; lang++) {
		zt_auto(zt_freep) char *text = NULL;
		const char *a = field_in(lang, o->a, name_a);
		const char *b = field_in(lang, o->b, name_b);
		const char *what = ztc_tr_in(lang, o->what);
		int len;

		if (missing)
			len = asprintf(
				&text,
				ztc_tr_in(lang, N_("%s and %s overlap (%s): %s is not declared")),
				a, b, what, a);
		else
			len = asprintf(&text, ztc_tr_in(lang, N_("%s and %s overlap (%s)")), a, b,
				       what);
		if (len < 0)
			text = NULL;
		json_object_set_new(note, ztc_lang_tag(lang), json_string(text ? text : ""));
	}
	json_array_append_new(system->notes, note);
}

static void note_overlaps(struct ztc_system *system)
{
	const unsigned int fields = ztc_system_fields(system);

	for (size_t i = 0; i < ARRAY_SIZE(overlaps); i++)
		if ((fields & BIT(overlaps[i].a)) && (fields & BIT(overlaps[i].b)))
			note_overlap(system, &overlaps[i], false);
}

/* From outside, over the Internet or a VPN: what is done to it remotely is remote work too. */
static void note_missing(struct ztc_system *system)
{
	const unsigned int fields = ztc_system_fields(system);
	const bool remote = system->risk[ZTC_RISK_CONNECTION].level >= 2;

	for (size_t i = 0; i < ARRAY_SIZE(overlaps); i++) {
		const struct overlap *o = &overlaps[i];

		if (o->a != ZTC_FIELD_REMOTE_WORK || !(fields & BIT(o->b)) ||
		    (fields & BIT(ZTC_FIELD_REMOTE_WORK)))
			continue;
		if (remote && o->b != ZTC_FIELD_CLOUD_ACCESS)
			note_overlap(system, o, true);
	}
}

/* What is given twice, in different words. */
static void note_contradictions(struct ztc_system *system)
{
	const struct ztc_level *data = &system->risk[ZTC_RISK_DATA];
	bool personal = system->data[0] == ZTC_YES || system->data[2] == ZTC_YES;
	bool gap = false;

	if (system->model == ZTC_MODEL_PAAS || system->model == ZTC_MODEL_SAAS)
		ztc_system_note(system, N_("%s: items 3-1 and 3-2 are the provider's"),
				ztc_model_id(system->model));
	if (system->model == ZTC_MODEL_OWN && (system->declared & BIT(ZTC_FIELD_CLOUD_ACCESS)))
		ztc_system_note(system, N_("cloud_access is declared, but the service model is "
					   "on-premises"));
	if (system->model == ZTC_MODEL_OWN && system->scene[ZTC_SCENE_OS_CSP] == ZTC_YES)
		ztc_system_note(system,
				N_("a cloud provider runs its operating system, but the service "
				   "model is on-premises"));
	if (personal && data->level && data->level < 3)
		ztc_system_note(system,
				N_("it holds personal data, which is level 3 of system_data, but "
				   "%d is given"),
				data->level);
	for (int i = 0; i < ZTC_RISK_COUNT; i++)
		gap = gap || system->risk[i].gap;
	if (gap)
		ztc_system_note(system,
				N_("source-gap: the source has no row for this device (used inside "
				   "but of others, or portable and not issued); taken as 3"));
}

int ztc_scenario(struct ztc_system *system)
{
	if (!system->notes)
		return -ENOMEM;
	if (system->other_method)
		return 0;
	derive_fields(system);
	note_overlaps(system);
	note_missing(system);
	note_contradictions(system);
	return 0;
}
