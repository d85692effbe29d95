// SPDX-License-Identifier: Apache-2.0
/*
 * words.c - words that stand for a level of a factor, a field or an answer, in both languages.
 *
 * The levels' own texts are tables.json's. Rows marked as gap have no level in the source: a device
 * of others that is used inside, one that is portable and not issued. They count as 3.
 */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ctl/prioritize/prioritize.h"

static const struct {
	const char *factor, *word;
	int level;
	bool gap;
} words[] = {
	{"resource_location", "cloud", 3, false},
	{"resource_location", "hosting", 3, false},
	{"resource_location", "internal", 3, false},
	{"resource_location", "dmz", 2, false},
	{"resource_location", "public", 1, false},
	{"resource_location", "雲端", 3, false},
	{"resource_location", "第三方託管", 3, false},
	{"resource_location", "內部環境", 3, false},
	{"resource_location", "可公開環境", 1, false},
	{"user", "external", 3, false},
	{"user", "it", 2, false},
	{"user", "business", 1, false},
	{"user", "外部人員", 3, false},
	{"user", "內部資訊人員", 2, false},
	{"user", "內部業務單位人員", 1, false},
	{"privilege", "admin", 3, false},
	{"privilege", "ordinary", 2, false},
	{"privilege", "query", 1, false},
	{"privilege", "管理者權限", 3, false},
	{"privilege", "最高權限", 3, false},
	{"privilege", "特殊權限", 3, false},
	{"privilege", "一般使用者權限", 2, false},
	{"privilege", "一般查詢權限", 1, false},
	{"device", "external", 3, false},
	{"device", "external_inside", 3, true},
	{"device", "portable_not_issued", 3, true},
	{"device", "portable", 2, false},
	{"device", "internal", 1, false},
	{"device", "非組織設備", 3, false},
	{"device", "非組織設備於內部使用", 3, true},
	{"device", "非組織分配可攜式設備", 3, true},
	{"device", "可攜式設備", 2, false},
	{"device", "內部設備", 1, false},
	{"system_data", "important", 3, false},
	{"system_data", "personal", 3, false},
	{"system_data", "non_public", 2, false},
	{"system_data", "public", 1, false},
	{"system_data", "重要系統", 3, false},
	{"system_data", "個人資料", 3, false},
	{"system_data", "非公開資料", 2, false},
	{"system_data", "公開資料", 1, false},
	{"connection", "internet", 3, false},
	{"connection", "vpn", 2, false},
	{"connection", "private", 2, false},
	{"connection", "internal", 1, false},
	{"connection", "網際網路", 3, false},
	{"connection", "專用網路", 2, false},
	{"connection", "內部網路", 1, false},
};

/* Compared without spaces (wide ones too) and case. */
static size_t plain(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++) {
		if (strncmp(text, "\xe3\x80\x80", 3) == 0)
			text += 2;
		else if (!isspace((unsigned char)*text) && *text != '"')
			out[n++] = (char)tolower((unsigned char)*text);
	}
	out[n] = '\0';
	return *text ? size : n;
}

static bool same(const char *wanted, const char *text)
{
	char other[1024];

	return text && plain(other, sizeof(other), text) < sizeof(other) &&
	       strcmp(wanted, other) == 0;
}

int ztc_factor_word(const char *factor, const char *text, bool *ret_gap)
{
	char wanted[1024];

	*ret_gap = false;
	if (plain(wanted, sizeof(wanted), text) >= sizeof(wanted) || !*wanted)
		return 0;
	for (int level = 3; level >= 1; level--) {
		zt_auto(zt_json_decref) json_t *says = ztc_factor_text(factor, level);

		if (same(wanted, ztc_text_in(ZTC_LANG_EN, says)) ||
		    same(wanted, ztc_text_in(ZTC_LANG_ZH_TW, says)))
			return level;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].factor, factor) == 0 && same(wanted, words[i].word)) {
			*ret_gap = words[i].gap;
			return words[i].level;
		}
	}
	return 0;
}

void ztc_factor_words(const char *factor, struct zt_strbuf *out)
{
	const char *sep = "";

	/* The English ones are typed more easily; the Chinese ones stand in docs/prioritize.md. */
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].factor, factor) != 0 || (words[i].word[0] & 0x80))
			continue;
		zt_strbuf_printf(out, "%s%s", sep, words[i].word);
		sep = ", ";
	}
}
