/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say.h - text for people in every language that reports are made in.
 *
 * Message ids are the English text. What is kept in a result is in all languages at once, so that
 * a report can be read in another one later, on another machine, without this program's catalogue.
 * Formats come from the program or its installed catalogue, never from data.
 */
#pragma once
#include <jansson.h>

/* Marks a text that is translated later, where tables hold it. */
#define N_(text) (text)

enum ztc_lang {
	ZTC_LANG_EN,
	ZTC_LANG_ZH_TW,
	ZTC_LANG_COUNT,
};

/* ztc_lang_tag - "en", "zh_TW": the keys of a message; BCP 47 "zh-TW" is for people and HTML. */
const char *ztc_lang_tag(enum ztc_lang lang);

/**
 * ztc_lang_set - the language of ztc_tr() and ztc_text() from here on.
 * @name: en, zh-TW, zh_TW; NULL = by LC_ALL, LC_MESSAGES, LANG, LANGUAGE; any other locale is
 * English.
 *
 * Returns 0 or -EINVAL (no such language).
 */
int ztc_lang_set(const char *name);

/* ztc_lang - the language in use. */
enum ztc_lang ztc_lang(void);

/* ztc_tr - @msgid in the language in use; in @lang. Static text, or @msgid itself without a
 * translation. */
const char *ztc_tr(const char *msgid) __attribute__((format_arg(1)));
const char *ztc_tr_in(enum ztc_lang lang, const char *msgid) __attribute__((format_arg(2)));

/**
 * ztc_say - a message: {"en": …, "zh_TW": …}.
 *
 * The finished text is escaped as zt_json_str() does, so that names from outside may be arguments.
 * New reference; NULL without memory.
 */
json_t *ztc_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
json_t *ztc_say_v(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* ztc_text - a message in the language in use, else in English, else ""; borrowed. A plain string
 * is itself. */
const char *ztc_text(const json_t *message);
const char *ztc_text_in(enum ztc_lang lang, const json_t *message);
