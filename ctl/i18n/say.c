// SPDX-License-Identifier: Apache-2.0
/*
 * say.c - translation by gettext, of one process into several languages.
 *
 * gettext takes the language from the environment; LANGUAGE is looked at in every locale but "C"
 * (glibc, intl/dcigettext.c: guess_category_value), so C.UTF-8 will do, which every Debian has.
 */
#include <errno.h>
#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/i18n/say.h"

#define DOMAIN "ztctl"

static const char *const lang_tags[ZTC_LANG_COUNT] = {
	[ZTC_LANG_EN] = "en",
	[ZTC_LANG_ZH_TW] = "zh_TW",
};
static enum ztc_lang current = ZTC_LANG_EN;

/* How gettext is told that its answers of before do not hold any more (its manual, 11.2.7). */
extern int _nl_msg_cat_cntr;

const char *ztc_lang_tag(enum ztc_lang lang)
{
	return lang_tags[lang];
}

enum ztc_lang ztc_lang(void)
{
	return current;
}

static bool is_zh_tw(const char *name)
{
	return strncmp(name, "zh_TW", 5) == 0 || strncmp(name, "zh-TW", 5) == 0 ||
	       strncmp(name, "zh_Hant", 7) == 0 || strncmp(name, "zh-Hant", 7) == 0;
}

int ztc_lang_set(const char *name)
{
	static const char *const from[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};

	if (name) {
		if (!is_zh_tw(name) && strcmp(name, "en") != 0)
			return -EINVAL;
		current = is_zh_tw(name) ? ZTC_LANG_ZH_TW : ZTC_LANG_EN;
		return 0;
	}
	current = ZTC_LANG_EN;
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		const char *value = getenv(from[i]);

		if (!value || !*value)
			continue;
		current = is_zh_tw(value) ? ZTC_LANG_ZH_TW : ZTC_LANG_EN;
		break;
	}
	return 0;
}

/*
 * The catalogue belongs to the program: beside it (a build tree), in the same prefix (wherever that
 * was installed to), else where it was built to be.
 */
static void open_catalogue(void)
{
	static const char *const places[] = {"/locale", "/../share/locale"};
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	setlocale(LC_MESSAGES, "C.UTF-8");
	bind_textdomain_codeset(DOMAIN, "UTF-8");
	self[len > 0 ? len : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; len > 0 && i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s%s", self, places[i]);
		if (access(path, R_OK) == 0) {
			bindtextdomain(DOMAIN, path);
			return;
		}
	}
	bindtextdomain(DOMAIN, ZT_LOCALE_DIR);
}

const char *ztc_tr_in(enum ztc_lang lang, const char *msgid)
{
	static bool opened;

	/* The catalogue of English is the program; "" would be the catalogue's header. */
	if (lang == ZTC_LANG_EN || !*msgid)
		return msgid;
	if (!opened) {
		open_catalogue();
		/* Nothing else here is translated by the C library, so it may stay set. */
		setenv("LANGUAGE", lang_tags[lang], 1);
		_nl_msg_cat_cntr++;
		opened = true;
	}
	return dgettext(DOMAIN, msgid);
}

const char *ztc_tr(const char *msgid)
{
	return ztc_tr_in(current, msgid);
}

json_t *ztc_say_v(const char *fmt, va_list ap)
{
	json_t *message = json_object();

	for (int lang = 0; message && lang < ZTC_LANG_COUNT; lang++) {
		zt_auto(zt_freep) char *text = NULL;
		va_list again;
		int len;

		va_copy(again, ap);
		len = vasprintf(&text, ztc_tr_in(lang, fmt), again);
		va_end(again);
		if (len < 0) {
			text = NULL;
			json_decref(message);
			return NULL;
		}
		json_object_set_new(message, lang_tags[lang], zt_json_str(text));
	}
	return message;
}

json_t *ztc_say(const char *fmt, ...)
{
	json_t *message;
	va_list ap;

	va_start(ap, fmt);
	message = ztc_say_v(fmt, ap);
	va_end(ap);
	return message;
}

const char *ztc_text_in(enum ztc_lang lang, const json_t *message)
{
	const char *text = json_string_value(json_object_get(message, lang_tags[lang]));

	if (!text)
		text = json_string_value(json_object_get(message, lang_tags[ZTC_LANG_EN]));
	if (!text)
		text = json_string_value(message);
	return text ? text : "";
}

const char *ztc_text(const json_t *message)
{
	return ztc_text_in(current, message);
}
